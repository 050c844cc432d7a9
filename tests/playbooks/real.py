"""Alerts that the sick cluster could have fired, and what their questions find there."""

import asyncio
from datetime import UTC, datetime

from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import Evidence
from app.domain.playbook import Playbook
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.gather.sources.prometheus import PrometheusSource
from app.ingest.subject import subject_of
from app.playbooks.loader import load_playbooks
from app.playbooks.questions import Questions
from tests.playbooks.sick.line import JOB, POD

BOOKS = load_playbooks()
NAMED = [book for book in BOOKS.every if book.alerts]
SERVER = {"namespace": "shop", "pod": POD, "container": "server"}
KSM = {"job": "kube-state-metrics", "instance": "10.244.0.11:8080"}
NODE = {**KSM, "node": "worker-2"}
MANAGER = {"job": "kube-controller-manager", "namespace": "kube-system", "pod": "kube-scheduler-m1"}
EXPORTER = {
    "job": "node-exporter",
    "instance": "10.0.3.17:9100",
    "namespace": "monitoring",
    "pod": "node-exporter-6hx2c",
}
KUBELET = {"job": "kubelet", "metrics_path": "/metrics", "instance": "10.0.3.17:10250", "node": "worker-2"}
ETCD = {
    "job": "kube-etcd",
    "namespace": "kube-system",
    "pod": "etcd-m1",
    "instance": "10.0.0.1:2381",
    "service": "kube-etcd",
}
PROMETHEUS = {
    "job": "prometheus-k8s",
    "namespace": "monitoring",
    "pod": "prometheus-k8s-0",
    "service": "prometheus-k8s",
}
ALERTMANAGER = {"job": "alertmanager-main", "namespace": "monitoring", "service": "alertmanager-main"}
# The labels that an alert of each playbook carries beside its name.
LABELS: dict[str, dict[str, str]] = {
    **dict.fromkeys(("crash_loop", "pod_not_ready", "container_waiting", "cpu_throttling"), SERVER),
    "deployment": {**KSM, "namespace": "shop", "deployment": "checkout"},
    "statefulset": {**KSM, "namespace": "shop", "statefulset": "cart-db"},
    "daemonset": {**KSM, "namespace": "shop", "daemonset": "log-agent"},
    "job_failed": {**KSM, "namespace": "shop", "job_name": JOB},
    "autoscaler_limit": {**KSM, "namespace": "shop", "horizontalpodautoscaler": "checkout"},
    "disruption_budget": {**KSM, "namespace": "shop", "poddisruptionbudget": "checkout"},
    "quota": {"namespace": "shop", "resourcequota": "compute", "resource": "requests.cpu"},
    "volume_filling": {**KUBELET, "namespace": "shop", "persistentvolumeclaim": "data-cart-db-0"},
    "volume_errors": {**KSM, "persistentvolume": "pv-1", "phase": "Failed"},
    **dict.fromkeys(("node_ready", "node_pressure"), NODE),
    **dict.fromkeys(("kubelet_slow", "kubelet_certificates"), KUBELET),
    "kubelet_down": KUBELET,
    **dict.fromkeys(("node_memory", "node_cpu", "node_disk", "node_network", "node_clock"), EXPORTER),
    "node_filesystem": {**EXPORTER, "device": "/dev/vda1", "mountpoint": "/", "fstype": "ext4"},
    "node_services": {**EXPORTER, "name": "backup.service", "state": "failed"},
    "target_down": {"job": "checkout", "namespace": "shop", "service": "checkout"},
    "control_plane_instance": {**MANAGER, "instance": "10.0.0.1:10257"},
    "api_aggregation": {"name": "v1beta1.metrics.k8s.io"},
    **dict.fromkeys(("etcd_quorum", "etcd_latency", "etcd_size"), ETCD),
    **dict.fromkeys(("alertmanager_delivery", "alertmanager_cluster"), ALERTMANAGER),
    **dict.fromkeys(("prometheus_rules", "prometheus_alerting", "prometheus_scraping"), PROMETHEUS),
    **dict.fromkeys(("prometheus_storage", "prometheus_remote_write"), PROMETHEUS),
    "prometheus_operator": {"namespace": "monitoring", "controller": "prometheus"},
    "grafana": {"job": "grafana", "namespace": "monitoring", "handler": "/api/dashboards/uid/:uid"},
    "postgresql": {"job": "postgres", "namespace": "shop", "instance": "cart-db.shop.svc:5432"},
    "nginx_ingress": {"job": "ingress-nginx", "namespace": "ingress", "ingress": "checkout"},
    "cert_manager": {"name": "shop-tls", "exported_namespace": "shop", "namespace": "cert-manager"},
    "unknown": {"namespace": "shop"},
}  # fmt: skip


def fired(book: Playbook, alertname: str) -> Alert:
    labels = {"alertname": alertname.replace("*", "Sick"), **LABELS.get(book.name, {})}
    return Alert("f1", AlertStatus.FIRING, labels, {}, datetime.now(UTC), None)


async def answered(source: PrometheusSource, alert: Alert, names: set[str]) -> tuple[Subject, Evidence]:
    """What the questions of these names, and of the day before, found."""
    subject = subject_of(alert, "prod")
    wanted = names | {f"{name}_usual" for name in names}
    asked = [query for query in Questions(BOOKS)([alert], subject, datetime.now(UTC)) if query_name(query) in wanted]
    places = asyncio.Semaphore(8)

    async def ask(query: PromQuery) -> Evidence:
        async with places:
            return await source.answer(query)

    found = await asyncio.gather(*(ask(query) for query in asked if isinstance(query, PromQuery)))
    return subject, sum(found, Evidence())


def query_name(query: object) -> str:
    return query.name if isinstance(query, PromQuery) else ""
