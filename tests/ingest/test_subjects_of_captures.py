"""Every alert of the usual rules, as a real Alertmanager posted it, is about the object and not about its exporter."""

import re
from pathlib import Path

import pytest

from app.domain.alert import Alert, AlertStatus
from app.domain.subject import Subject
from app.ingest.subject import subject_of, subjects
from tests.ingest.bodies import NOW, read

# The captures' labels are invented values under real names: alerts of a component about itself carry a checkout pod.
EXPECTED = (
    (r"Kube(Pod(CrashLooping|NotReady)|ContainerWaiting|Deployment.+)|CPUThrottlingHigh", "Deployment", "/checkout"),
    (r"KubeStatefulSet.+", "StatefulSet", "shop/cart-db"),
    (r"KubeDaemonSet.+", "DaemonSet", "shop/log-agent"),
    (r"KubeJob.+", "Job", "shop/nightly-report-28471920"),
    (r"KubeHpa.+", "HorizontalPodAutoscaler", "shop/checkout"),
    (r"KubePdb.+", "PodDisruptionBudget", "shop/checkout"),
    (r"KubePersistentVolume(Inodes)?FillingUp", "PersistentVolumeClaim", "shop/data-cart-db-0"),
    (r"KubePersistentVolumeErrors", "PersistentVolume", "pvc-3f1c8f0e-9f4b-4a4f-8c35-2b8f5a1d7e11"),
    (r"KubeQuota.+|InfoInhibitor", "Namespace", "shop"),
    (r"KubeAggregatedAPI.+", "APIService", "v1beta1.metrics.k8s.io"),
    (r"Kube(Node|let(?!Down)).+", "Node", "worker-2"),
    (r"Node.+", "Node", "10.0.3.17"),
    (r"Kube(API|ControllerManager|Proxy|Scheduler)InstanceUnreachable", "Deployment", "shop/checkout"),
    (
        r"Kube(API|Client|ControllerManager|CPU|Memory|Proxy|Scheduler|StateMetrics|Version|letDown).*|Watchdog",
        "Cluster",
        "",
    ),
    (r"TargetDown|etcd(MembersDown|InsufficientMembers|HighNumberOfLeaderChanges)", "Service", "shop/node-exporter"),
    (r"etcd.+", "Deployment", "shop/checkout"),
    (
        r"Alertmanager(Cluster(Crashlooping|Down|FailedToSend.+)|ConfigInc.+)|Grafana.+",
        "Service",
        "monitoring/node-exporter",
    ),
    (r"PrometheusOperator(ListE|NotR|ReconcileE|StatusU|WatchE).+", "Namespace", "monitoring"),
    (r"(Alertmanager|Prometheus|ConfigReloader).+", "Deployment", "monitoring/checkout"),
)


def expected(alertname: str) -> tuple[str, str]:
    return next((kind, name) for pattern, kind, name in EXPECTED if re.fullmatch(pattern, alertname))


POSTGRES = {
    "job": "postgres-exporter",
    "service": "postgres-exporter",
    "namespace": "db",
    "instance": "10.244.1.7:9187",
}
NGINX = {
    "job": "ingress-nginx-controller-metrics",
    "namespace": "ingress",
    "controller_pod": "ingress-nginx-controller-a",
}
CERTIFICATE = {"job": "cert-manager", "pod": "cert-manager-5d8f7c6b9-x2x7k", "namespace": "cert-manager"}


@pytest.mark.parametrize(
    ("alertname", "labels", "kind", "name"),
    [
        ("PostgreSQLMaxConnectionsReached", POSTGRES, "Namespace", "db"),
        ("PostgresqlTooManyConnections", {**POSTGRES, "pod": "postgres-exporter-0"}, "Namespace", "db"),
        ("PostgreSQLDown", {**POSTGRES, "instance": "cart-db.shop.svc:5432"}, "Service", "shop/cart-db"),
        ("NGINXTooMany500s", {**NGINX, "ingress": "web", "exported_namespace": "shop"}, "Ingress", "shop/web"),
        ("NGINXConfigFailed", NGINX, "Service", "ingress/ingress-nginx-controller-metrics"),
        (
            "CertManagerCertExpirySoon",
            {**CERTIFICATE, "name": "tls", "exported_namespace": "shop"},
            "Certificate",
            "shop/tls",
        ),
        (
            "CertificateExpiresSoon",
            {**CERTIFICATE, "exported_name": "tls", "exported_namespace": "shop"},
            "Certificate",
            "shop/tls",
        ),
    ],
)
def test_the_packs_alerts_are_about_what_is_sick(alertname: str, labels: dict[str, str], kind: str, name: str) -> None:
    alert = Alert("f", AlertStatus.FIRING, {"alertname": alertname, **labels}, {}, NOW, None)
    found = subject_of(alert, "prod")
    assert (found.kind, str(found)) == (kind, name)


def test_every_captured_alert_is_about_what_is_sick(shared: Path) -> None:
    wrong: list[tuple[str, Subject]] = []
    names = set()
    for path in sorted((shared / "captures" / "alertmanager").glob("*_*.json")):
        if path.stem == "_headers":
            continue
        group = read(path.read_bytes())
        alertname = group.alerts[0].name
        names.add(alertname)
        kind, name = expected(alertname)
        wrong += [
            (alertname, subject)
            for subject in subjects(group)
            if subject.kind != kind or not str(subject).endswith(name) or subject.cluster != "prod-eu1"
        ]
    assert wrong == []
    assert len(names) == 140
