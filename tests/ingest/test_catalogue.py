"""For every alert of a stock Prometheus stack the subject is the object and not the exporter."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.alert import Alert, AlertStatus
from app.domain.subject import Subject
from app.ingest.subject import subject_of
from tests.ingest.bodies import NOW

# The exporter's own values, as the Helm chart puts them on everything that kube-state-metrics tells.
EXPORTERS = {
    "kube-state-metrics": {
        "job": "kube-state-metrics",
        "service": "stack-kube-state-metrics",
        "pod": "stack-kube-state-metrics-8667fd9775-dmqfj",
        "container": "kube-state-metrics",
        "instance": "10.244.0.11:8080",
        "endpoint": "http",
        "namespace": "shop",
    },
    "node-exporter": {
        "job": "node-exporter",
        "service": "stack-node-exporter",
        "pod": "stack-node-exporter-6hx2c",
        "container": "node-exporter",
        "instance": "10.0.3.17:9100",
        "namespace": "monitoring",
    },
    "kubelet": {
        "job": "kubelet",
        "service": "stack-kubelet",
        "instance": "10.0.3.17:10250",
        "metrics_path": "/metrics",
        "namespace": "kube-system",
    },
}
OBJECTS = {
    "alertname": "",
    "severity": "warning",
    "cluster": "prod",
    "deployment": "checkout",
    "statefulset": "cart-db",
    "daemonset": "log-agent",
    "job_name": "nightly-28471920",
    "horizontalpodautoscaler": "checkout",
    "poddisruptionbudget": "checkout",
    "persistentvolumeclaim": "data-cart-db-0",
    "persistentvolume": "pv-1",
    "resourcequota": "compute",
    "node": "worker-2",
    "name": "v1beta1.metrics.k8s.io",
}
SICK_POD = {"namespace": "shop", "pod": "checkout-7d9f8b6c5-x2x7k", "container": "server"}
ITSELF = {
    "job": "stack-prometheus",
    "service": "stack-prometheus",
    "pod": "prometheus-stack-0",
    "container": "prometheus",
    "instance": "10.244.0.9:9090",
    "namespace": "monitoring",
}

# What the catalogue's kinds are in Kubernetes; where several, one of them.
KINDS = {
    "Pod/container": {"Deployment"},
    "Pod": {"Deployment"},
    "Deployment": {"Deployment"},
    "StatefulSet": {"StatefulSet"},
    "DaemonSet": {"DaemonSet"},
    "Job": {"Job"},
    "HorizontalPodAutoscaler": {"HorizontalPodAutoscaler"},
    "PodDisruptionBudget": {"PodDisruptionBudget"},
    "PersistentVolumeClaim": {"PersistentVolumeClaim"},
    "PersistentVolume": {"PersistentVolume"},
    "APIService": {"APIService"},
    "Namespace (ResourceQuota)": {"Namespace"},
    "cluster capacity": {"Cluster"},
    "Node": {"Node"},
    "Node (node-exporter instance)": {"Node"},
    "scrape job/service": {"Service"},
    "meta (alerting pipeline)": {"Cluster", "Namespace"},
}
OF_THEMSELVES = {"StatefulSet", "Service", "Namespace", "Cluster"}


def exporter_of(entry: dict[str, Any]) -> str:
    expression = entry["expr"]
    if "node-exporter" in entry["target_kind"]:
        return "node-exporter"
    if "kubelet" in expression or entry["alert"].startswith("Kubelet"):
        return "kubelet"
    return "kube-state-metrics" if "kube-state-metrics" in expression else ""


def fired(entry: dict[str, Any]) -> dict[str, str]:
    """The labels on the fired alert with the values that a real stack would give them."""
    exporter = exporter_of(entry)
    values = OBJECTS | EXPORTERS.get(exporter, ITSELF) | {"alertname": entry["alert"]}
    if entry["target_kind"] in {"Pod/container", "Pod"}:
        values |= SICK_POD
    names = set(entry["labels_on_fired_alert"])
    if exporter == "kube-state-metrics" and "job" in names:
        # The chart's labels come on top wherever the rule keeps the metric's own.
        names |= {"service", "pod", "container", "endpoint"}
    return {name: values.get(name, "x") for name in sorted(names)}


def subject(labels: dict[str, str]) -> Subject:
    return subject_of(Alert("0" * 16, AlertStatus.FIRING, labels, {}, NOW, None), "prod")


def test_every_alert_of_the_catalogue_is_about_its_object(shared: Path) -> None:
    entries = json.loads((shared / "alerts" / "catalog.json").read_text())
    assert len(entries) > 150
    wrong = []
    for entry in entries:
        found = subject(fired(entry))
        allowed = KINDS.get(entry["target_kind"], OF_THEMSELVES)
        if entry["alert"] == "KubeletDown":
            allowed = {"Cluster"}
        own = EXPORTERS["kube-state-metrics"]["service"], EXPORTERS["node-exporter"]["service"], "stack-kubelet"
        is_exporter = entry["target_kind"] in KINDS and entry["alert"] != "TargetDown" and found.name.startswith(own)
        if found.kind not in allowed or is_exporter:
            wrong.append((entry["alert"], entry["target_kind"], found))
    assert wrong == []


@pytest.mark.parametrize("alertname", ["KubeNodeNotReady", "KubeNodePressure", "KubeletTooManyPods"])
def test_an_alert_about_a_node_names_it_and_not_its_address(shared: Path, alertname: str) -> None:
    entries = json.loads((shared / "alerts" / "catalog.json").read_text())
    [entry] = [entry for entry in entries if entry["alert"] == alertname]
    assert subject(fired(entry)) == Subject("prod", "", "Node", "worker-2")


def test_alerts_that_really_fired_are_about_what_was_sick(shared: Path) -> None:
    examples = json.loads((shared / "alerts" / "fired_examples.json").read_text())
    found = [(f["labels"]["alertname"], str(s), s.kind) for f in examples for s in [subject(f["labels"])]]
    assert found == [
        ("KubeDeploymentReplicasMismatch", "default/user-profile-resources", "Deployment"),
        ("KubePodCrashLooping", "default/payment-processing-worker", "Deployment"),
        ("KubePodNotReady", "default/user-profile-resources", "Deployment"),
        ("Watchdog", "prod", "Cluster"),
        ("MinishopHighLatency", "prod", "Cluster"),
        ("AppDown", "investigate-namespace-15/client", "Pod"),
        ("AppDown", "investigate-namespace-16/client", "Pod"),
        ("KubeCPUOvercommit", "prod", "Cluster"),
        ("TargetDown", "openshift-monitoring/telemeter-client", "Service"),
        ("ClusterVersionOperatorDown", "prod", "Cluster"),
        ("TargetDown", "openshift-monitoring/grafana", "Service"),
        ("TargetDown", "openshift-monitoring/prometheus-k8s-thanos-sidecar", "Service"),
        ("TargetDown", "openshift-monitoring/prometheus-k8s", "Service"),
        ("Watchdog", "openshift-monitoring", "Namespace"),
        ("TargetDown", "openshift-monitoring/alertmanager-main", "Service"),
        ("AlertmanagerClusterDown", "openshift-monitoring/alertmanager-main", "Service"),
        ("TargetDown", "openshift-monitoring/thanos-querier", "Service"),
    ]
