"""The Helm chart as a real helm renders it."""

from functools import cache
from typing import Any

import yaml

from tests.architecture.tools import ROOT, helm, run

CHART = ROOT / "helm/sitrep"
SETS = ("", "secret", "file", "split", "bare")
Manifest = dict[str, Any]


def template(*arguments: str) -> tuple[int, str, str]:
    done = run(helm(), "template", "sitrep", str(CHART), "--namespace", "monitoring", *arguments)
    return done.returncode, done.stdout, done.stderr


@cache
def rendered(values: str = "", *more: str) -> list[Manifest]:
    file = ("--values", str(CHART / f"ci/{values}-values.yaml")) if values else ()
    code, out, error = template(*file, *more)
    assert code == 0, error
    return [document for document in yaml.safe_load_all(out) if document]


def of_kind(kind: str, values: str = "", *more: str) -> list[Manifest]:
    return [document for document in rendered(values, *more) if document["kind"] == kind]


def named(kind: str, name: str, values: str = "") -> Manifest:
    (found,) = [document for document in of_kind(kind, values) if document["metadata"]["name"] == name]
    return found


def pods(values: str) -> list[Manifest]:
    return [
        document["spec"]["template"]["spec"] for kind in ("Deployment", "Job") for document in of_kind(kind, values)
    ]


def environment(values: str, suffix: str = "") -> dict[str, str]:
    """What the pods get, as far as the chart knows it."""
    secrets = [document["stringData"] for document in of_kind("Secret", values) if not is_hook(document)]
    return {**named("ConfigMap", "sitrep" + suffix, values)["data"], **(secrets[0] if secrets else {})}


def is_hook(document: Manifest) -> bool:
    return "helm.sh/hook" in document["metadata"].get("annotations", {})


def labels_of(document: Manifest) -> dict[str, str]:
    return dict(document["spec"]["template"]["metadata"]["labels"])
