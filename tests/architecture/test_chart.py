"""The Helm chart: it fits Kubernetes, is safe by default, and only reads."""

import json
from pathlib import Path

import pytest
import yaml

from app.gather.sources.kubernetes.kinds import KINDS
from app.gather.sources.kubernetes.permissions import needs
from tests.architecture.chart import (
    CHART,
    SETS,
    Manifest,
    labels_of,
    named,
    of_kind,
    pods,
    template,
)
from tests.architecture.tools import ROOT, helm, names_a_registry, run, tool


def test_the_chart_lints_renders_and_fits_the_schemas_of_kubernetes() -> None:
    tool("promtool", "prometheus")
    helm()
    done = run(str(ROOT / ".ci/chart"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rendered_object_that_kubernetes_would_refuse_fails_the_check(tmp_path: Path) -> None:
    broken = named("Deployment", "sitrep")
    bad = {**broken, "spec": {**broken["spec"], "replicas": "two", "relicas": 2}}
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(bad), encoding="utf-8")
    done = run(str(ROOT / ".venv/bin/python"), ".ci/rendered.py", str(tmp_path / "bad.yaml"))
    assert done.returncode == 1
    assert "Deployment/monitoring/sitrep" in done.stdout


@pytest.mark.parametrize("values", SETS)
def test_every_pod_is_unprivileged_read_only_and_gets_no_service_links(values: str) -> None:
    assert pods(values)
    for pod in pods(values):
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]


def test_two_replicas_with_probes_spread_and_behind_a_disruption_budget() -> None:
    deployment = named("Deployment", "sitrep")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["spec"]["replicas"] == 2
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {spread["topologyKey"] for spread in pod["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    (budget,) = of_kind("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_the_service_finds_the_pods_and_never_the_migration() -> None:
    for values in ("", "split"):
        selector = named("Service", "sitrep", values)["spec"]["selector"].items()
        chosen = [d for d in of_kind("Deployment", values) if selector <= labels_of(d).items()]
        assert len(chosen) == 1
        assert "worker" not in chosen[0]["metadata"]["name"]
        assert not [job for job in of_kind("Job", values) if selector <= labels_of(job).items()]


@pytest.mark.parametrize("values", SETS)
def test_the_roles_only_read_and_never_secrets_or_shells(values: str) -> None:
    roles = of_kind("ClusterRole", values) + of_kind("Role", values)
    assert bool(roles) is (values != "bare")
    for rule in [rule for role in roles for rule in role["rules"]]:
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert not {"secrets", "*"} & set(rule["resources"])
        assert "*" not in rule["apiGroups"]
        assert [name for name in rule["resources"] if "/" in name] in ([], ["pods/log"])


def test_the_cluster_role_allows_all_that_sitrep_asks_for() -> None:
    (role,) = of_kind("ClusterRole")
    granted = {
        (group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if {"get", "list"} <= set(rule["verbs"])
    }
    asked = {
        (kind.prefix.split("/")[2] if kind.prefix.startswith("/apis/") else "", kind.plural) for kind in KINDS.values()
    }
    assert asked - granted == set()


def test_named_namespaces_get_a_role_each_and_nothing_is_granted_in_the_whole_cluster() -> None:
    assert of_kind("ClusterRole", "split") == of_kind("ClusterRoleBinding", "split") == []
    roles = of_kind("Role", "split")
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "payments"]
    resources = {resource for rule in roles[0]["rules"] for resource in rule["resources"]}
    assert not resources & {"nodes", "persistentvolumes", "pods/log", "configmaps", "rollouts"}
    for binding in of_kind("RoleBinding", "split"):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "sitrep", "namespace": "monitoring"}]


def test_every_verb_that_the_doctor_tries_is_granted() -> None:
    (role,) = of_kind("ClusterRole")
    granted = {
        (verb, f"{resource}.{group}" if group else resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert {(need.verb, need.resource) for need in needs((), pod_logs=True)} - granted == set()


def test_a_role_in_a_namespace_grants_all_that_is_expected_there() -> None:
    (role, _) = of_kind("Role", "", "--set", "namespaces={shop,cart}")
    granted = {
        (verb, f"{resource}.{group}" if group else resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    wanted = {(need.verb, need.resource) for need in needs(("shop",), pod_logs=True) if need.namespace}
    assert len(wanted) > 20
    assert wanted - granted == set()


@pytest.mark.parametrize(
    ("value", "group", "resource"),
    [("podLogs", "", "pods/log"), ("configMaps", "", "configmaps"), ("gitOps", "argoproj.io", "rollouts")],
)
@pytest.mark.parametrize("scope", [(), ("--set", "namespaces={shop}")], ids=["cluster", "namespace"])
def test_what_a_policy_does_not_allow_can_be_left_out(
    value: str, group: str, resource: str, scope: tuple[str, ...]
) -> None:
    kind = "Role" if scope else "ClusterRole"

    def grants(*more: str) -> bool:
        (role,) = of_kind(kind, "", *scope, *more)
        return any(group in rule["apiGroups"] and resource in rule["resources"] for rule in role["rules"])

    assert grants()
    assert not grants("--set", f"rbac.{value}=false")


def test_the_network_policy_lets_in_and_out_what_was_asked_for() -> None:
    policy = named("NetworkPolicy", "sitrep", "split")["spec"]
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": "http"}], "from": [monitoring]}]
    ports = {port["port"] for rule in policy["egress"] for port in rule.get("ports", [])}
    assert ports == {53, 443, 6443, 6432, 9090}
    assert {"to": [{"namespaceSelector": {}}]} not in policy["egress"]
    assert {"to": [{"namespaceSelector": {}}]} in named("NetworkPolicy", "sitrep")["spec"]["egress"]


@pytest.mark.parametrize(
    "rule",
    [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]},
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    ],
)
def test_no_value_can_grant_more_than_reading(rule: Manifest) -> None:
    code, _, error = template("--set-json", f"rbac.extraRules=[{json.dumps(rule)}]")
    assert code != 0
    assert "extraRules" in error


def test_no_file_of_the_chart_names_a_registry() -> None:
    assert [path for path in CHART.rglob("*") if path.is_file() and names_a_registry(path)] == []
