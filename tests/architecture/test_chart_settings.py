"""The Helm chart: what values become, and that Sitrep reads it as it was meant."""

import json
from pathlib import Path

import pytest
import yaml

from app.domain.log_budget import LogBudget
from app.settings import Settings, load_settings
from tests.architecture.chart import (
    CHART,
    SETS,
    environment,
    is_hook,
    named,
    of_kind,
    pods,
    rendered,
    template,
)


@pytest.mark.parametrize("values", SETS)
def test_the_settings_that_pods_get_are_ones_that_sitrep_reads(values: str) -> None:
    variables = {name: value for name, value in environment(values).items() if name != "SITREP_CONFIG_FILE"}
    settings = load_settings(variables)
    assert settings.host == "0.0.0.0"
    assert settings.port == 8080


def test_sitrep_knows_what_its_roles_do_not_allow() -> None:
    """So that it asks where it may, and says what is switched off instead of failing at it."""
    settings = load_settings({k: v for k, v in environment("split").items() if k != "SITREP_CONFIG_FILE"})
    assert settings.kubernetes_namespaces == ["shop", "payments"]
    assert settings.kubernetes_pod_logs == "off"
    everywhere = environment("")
    assert not {"SITREP_KUBERNETES_NAMESPACES", "SITREP_KUBERNETES_POD_LOGS"} & set(everywhere)


def test_every_kind_of_value_arrives_as_it_was_meant() -> None:
    settings = load_settings(environment("secret"))
    assert settings.kubernetes == "off"
    assert settings.probes == "on"
    assert settings.budget_seconds == 4
    assert settings.reopen_minutes == 1440
    assert settings.prometheus_headers == {"X-Scope-OrgID": "shop"}
    assert settings.ignored_alerts == ["Watchdog", "InfoInhibitor", "TestAlert"]
    assert settings.tokens(settings.webhook_tokens) == ("made-up-one", "made-up-two")
    assert settings.prometheus_url == "http://prometheus-operated.monitoring.svc:9090"
    assert settings.victorialogs_headers == {"AccountID": "7", "ProjectID": "0"}
    assert settings.elasticsearch_index == "logs-app-*,filebeat-*"
    # Helm reads big numbers as floats.
    assert settings.log_budget() == LogBudget(1_500_000_000, 20_000_000_000)


def test_a_mounted_file_carries_the_settings_that_are_lists(tmp_path: Path) -> None:
    file = tmp_path / "sitrep.yaml"
    file.write_text(named("ConfigMap", "sitrep-file", "file")["data"]["sitrep.yaml"], encoding="utf-8")
    settings = load_settings({**environment("file"), "SITREP_CONFIG_FILE": str(file)})
    assert settings.slack_routes[0].channels == ["C0PAYMENTS"]
    assert settings.public_url == "https://sitrep.example.org"
    (container,) = named("Deployment", "sitrep", "file")["spec"]["template"]["spec"]["containers"]
    assert {"name": "config-file", "mountPath": "/etc/sitrep", "readOnly": True} in container["volumeMounts"]
    assert environment("file")["SITREP_CONFIG_FILE"] == "/etc/sitrep/sitrep.yaml"


@pytest.mark.parametrize(
    "name", [key for key, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
)
def test_a_secret_among_the_plain_settings_is_refused(name: str) -> None:
    code, _, error = template("--set", f"config.{name}=made-up")
    assert code != 0
    assert f"config.{name} is a secret" in error


def test_the_migration_runs_first_on_copies_that_exist_before_the_release_does() -> None:
    (job,) = of_kind("Job", "secret")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["migrate"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod
    wanted = [next(iter(source.values()))["name"] for source in container["envFrom"]]
    hooks = {document["metadata"]["name"]: document for document in rendered("secret") if is_hook(document)}
    for document in [document for document in rendered("secret") if is_hook(document) and document is not job]:
        before = int(document["metadata"]["annotations"]["helm.sh/hook-weight"])
        assert before < int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
        assert "hook-succeeded" in document["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert set(wanted) <= set(hooks)
    assert (
        named("Secret", "sitrep-migrate", "secret")["stringData"] == named("Secret", "sitrep", "secret")["stringData"]
    )


def test_secrets_that_exist_already_are_used_and_none_is_made() -> None:
    assert of_kind("Secret", "file") == []
    for pod in pods("file"):
        (container,) = pod["containers"]
        assert {"secretRef": {"name": "sitrep-secrets"}} in container["envFrom"]
        database = {
            "name": "SITREP_DATABASE_URL",
            "valueFrom": {"secretKeyRef": {"name": "sitrep-db-app", "key": "uri"}},
        }
        assert database in container["env"]


def test_a_changed_setting_or_secret_restarts_the_pods() -> None:
    def checksums(*arguments: str) -> dict[str, str]:
        (deployment,) = of_kind("Deployment", "", *arguments)
        return dict(deployment["spec"]["template"]["metadata"]["annotations"])

    plain = checksums()
    assert checksums("--set", "config.cluster=a")["checksum/config"] != plain["checksum/config"]
    assert checksums("--set", "secret.slack_token=a")["checksum/secret"] != plain["checksum/secret"]
    assert checksums("--set", "configFile.cluster=a")["checksum/config-file"] != plain["checksum/config-file"]


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("replicas=two", "replicas"),
        ("role=boss", "role"),
        ("replicsa=3", "replicsa"),
        ("image.tagg=1", "tagg"),
        ("image.digest=sha256:short", "digest"),
        ("service.port=99999", "port"),
        ("runAsUser=0", "runAsUser"),
        ("namespaces={Not A Name}", "namespaces"),
        ("config.Prometheus-Url=x", "config"),
        ("config.host=127.0.0.1", "config.host is set by the chart"),
        ("serviceMonitor.interval=often", "interval"),
    ],
)
def test_a_wrong_value_is_refused_by_name(argument: str, complaint: str) -> None:
    code, out, error = template("--set", argument)
    assert code != 0, out
    assert complaint in error


def test_two_places_for_secrets_are_one_too_many() -> None:
    code, _, error = template("--set", "existingSecret=mine,secret.slack_token=made-up")
    assert code != 0
    assert "not both" in error


def test_the_schema_and_the_readme_know_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    assert schema["additionalProperties"] is False
    assert set(values) == set(schema["properties"]) - {"global"}
    assert [name for name in values if f"`{name}" not in readme] == []
