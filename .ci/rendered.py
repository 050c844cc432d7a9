"""Checks rendered manifests: Kubernetes' own schemas, and promtool for the rules that Prometheus would load."""
# ruff: noqa: INP001 - a script of the checks, in no package

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

KUBERNETES_VERSIONS = ("1.27", "1.36")
# Their schemas live in the operator; what of them we use is listed here.
OPERATOR_FIELDS = {
    "ServiceMonitor": {"selector", "endpoints"},
    "PrometheusRule": {"groups"},
}
ENDPOINT_FIELDS = {"port", "path", "interval", "scrapeTimeout", "relabelings"}


def problems(document: dict[str, Any]) -> list[str]:
    """What is wrong with one rendered object."""
    if document["kind"] in OPERATOR_FIELDS:
        return operator_problems(document)
    found = []
    for version in KUBERNETES_VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"Kubernetes {version}: {'.'.join(str(part) for part in error.path)}: {error.message[:300]}")
        except kubernetes_validate.SchemaNotFoundError as error:
            found.append(f"Kubernetes {version}: {error.message}")
    return found


def operator_problems(document: dict[str, Any]) -> list[str]:
    """The same for the Prometheus operator's kinds."""
    found = []
    if document["apiVersion"] != "monitoring.coreos.com/v1":
        found.append(f"apiVersion {document['apiVersion']}")
    if unknown := set(document["spec"]) ^ OPERATOR_FIELDS[document["kind"]]:
        found.append(f"fields {sorted(unknown)}")
    endpoints = document["spec"].get("endpoints", [])
    found += [f"endpoint {endpoint}" for endpoint in endpoints if set(endpoint) - ENDPOINT_FIELDS]
    if document["kind"] == "PrometheusRule":
        found += rule_problems(document["spec"]["groups"])
    return found


def rule_problems(groups: list[dict[str, Any]]) -> list[str]:
    """What promtool says of the rule groups."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own command line
            ["promtool", "check", "rules", str(rules)],  # noqa: S607 - where the distribution puts it
            capture_output=True,
            text=True,
            check=False,
        )
    return [] if done.returncode == 0 else [(done.stdout + done.stderr).strip()]


def main(paths: list[str]) -> int:
    """Print one line for each problem; 1 if there is any."""
    bad = 0
    for path in paths:
        seen = set()
        for document in filter(None, yaml.safe_load_all(Path(path).read_text(encoding="utf-8"))):
            metadata = document["metadata"]
            identity = f"{document['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
            found = problems(document) + (["rendered twice"] if identity in seen else [])
            seen.add(identity)
            bad += len(found)
            sys.stdout.writelines(f"{Path(path).name} {identity}: {problem}\n" for problem in found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
