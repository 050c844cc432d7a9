"""Against the real program, with data: each question of each named playbook finds its number in a sick cluster.

That a query parses says little: what matches many to many, or joins labels that exporters do not have, shows here.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.analyze.measured import measured
from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import Evidence, Series
from app.domain.playbook import Playbook
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.gather.sources.prometheus import PrometheusSource
from app.ingest.subject import subject_of
from app.playbooks.guidance import Guide
from app.playbooks.loader import load_playbooks
from app.playbooks.questions import Questions
from tests.gather.canned import settings
from tests.playbooks.sick_cluster import JOB, POD, openmetrics, sick_cluster

pytestmark = pytest.mark.anyio

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
# What is about a whole cluster carries no label that a question would need.
OF_THE_CLUSTER = {"overcommit", "api_server", "control_plane_down", "api_clients", "kube_state_metrics"}


@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = [shutil.which("prometheus"), shutil.which("promtool")]
    if None in programs:
        if os.environ.get("CI") == "true":
            pytest.fail("prometheus and promtool are not installed")
        pytest.skip("prometheus and promtool are not installed")
    folder = tmp_path_factory.mktemp("sick")
    _fill(folder, time.time())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{port}"
    flags = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *flags, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _fill(folder: Path, now: float) -> None:
    (folder / "metrics").write_text("\n".join(openmetrics(sick_cluster(now), now)) + "\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "metrics"), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _wait_until_ready(url: str) -> None:
    for _ in range(200):
        try:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": "count(up)"}, trust_env=False)
            if answer.json()["data"]["result"]:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    pytest.fail("prometheus did not load its blocks in 20 s")


@pytest.fixture
async def source(prometheus_url: str):  # noqa: ANN201 - an async generator of pytest's
    made = PrometheusSource(settings(prometheus_url=prometheus_url, source_deadline_seconds=20))
    yield made
    await made.aclose()


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


def test_every_playbook_has_an_alert_here() -> None:
    assert {book.name for book in NAMED} == LABELS.keys() | OF_THE_CLUSTER


@pytest.mark.parametrize("book", NAMED, ids=lambda book: book.name)
async def test_every_question_of_a_playbook_finds_its_number_where_all_is_wrong(
    source: PrometheusSource, book: Playbook
) -> None:
    silent: list[tuple[str, str]] = []
    for alertname in book.alerts:
        alert = fired(book, alertname)
        subject = subject_of(alert, "prod")
        [told] = [one for one in BOOKS.named(alert.name, subject) if one.name == book.name]
        names = {query.name for query in told.queries}
        _, evidence = await answered(source, alert, names)
        assert evidence.gaps == ()
        found = {one.name for one in evidence.of(Series)}
        silent += [(alertname, name) for name in names - found]
        silent += [(alertname, f"{q.name}_usual") for q in told.queries if q.usual and f"{q.name}_usual" not in found]
        units = {query.name: query.unit for query in told.queries}
        assert all(one.unit == units[one.name.removesuffix("_usual")] for one in evidence.of(Series))
    assert silent == []


KINDS = {
    Subject("prod", "shop", "Deployment", "checkout"): {"memory_limit", "cpu_throttled_ratio", "replicas_available"},
    Subject("prod", "shop", "StatefulSet", "cart-db"): {"memory_working_set", "replicas_wanted", "restarts"},
    Subject("prod", "shop", "DaemonSet", "log-agent"): {"cpu_usage", "replicas_wanted", "error_ratio"},
    Subject("prod", "shop", "Job", JOB): {"job_failed_pods", "job_active_pods", "cpu_limit"},
    Subject("prod", "shop", "CronJob", "nightly"): {"job_failed_pods"},
    Subject("prod", "shop", "HorizontalPodAutoscaler", "checkout"): {"hpa_current_replicas", "hpa_max_replicas"},
    Subject("prod", "shop", "PersistentVolumeClaim", "data-cart-db-0"): {
        "volume_used_ratio",
        "volume_inodes_used_ratio",
    },
    Subject("prod", "", "Namespace", "shop"): {"quota_used_ratio", "namespace_pods", "namespace_restarts"},
    Subject("prod", "", "Node", "worker-2"): {
        "node_condition",
        "node_pods",
        "node_pods_not_ready",
        "node_disk_used_ratio",
    },
    # As node-exporter's alerts name it.
    Subject("prod", "", "Node", "10.0.3.17"): {"node_memory_used_ratio", "node_cpu_used_ratio", "node_disk_used_ratio"},
}


@pytest.mark.parametrize("subject", KINDS, ids=lambda subject: f"{subject.kind} {subject.name}")
async def test_what_is_asked_of_every_kind_finds_its_numbers(source: PrometheusSource, subject: Subject) -> None:
    asked = [query for query in Questions(BOOKS)([], subject, datetime.now(UTC)) if isinstance(query, PromQuery)]
    found = [await source.answer(query) for query in asked]
    names = {one.name for evidence in found for one in evidence.of(Series)}
    assert KINDS[subject] <= names, names
    # kube-state-metrics is there twice; nothing may be counted so.
    last = {one.name: one.points[-1][1] for evidence in found for one in evidence.of(Series)}
    counts = {
        "replicas_wanted": (2, 3, 4),
        "job_failed_pods": (1,),
        "hpa_max_replicas": (10,),
        "node_pods_not_ready": (5,),
    }
    assert all(last[name] in values for name, values in counts.items() if name in last), last


# What people read of the alerts that fire most, figured out by hand from the lines of the sick cluster.
TOLD: dict[str, set[str]] = {
    "KubePodCrashLooping": {
        "exit code of the last run: server 137",
        "restarts in an hour: server 6 (usual 6)",
        "how containers last ended: server, OOMKilled 2",
        "most memory of its limit in ten minutes: server 90 % (usual 90 %)",
        "pods in the back-off of a crash loop: 1",
    },
    "KubePodNotReady": {
        "share of its pods that are ready: 50 % (usual 50 %)",
        "pods that no node takes: 1",
        "nodes of its pods that are not ready: 1",
    },
    "KubeContainerWaiting": {"its volume claims by phase: data-cart-db-0, Bound 1"},
    "CPUThrottlingHigh": {
        "time held back, the worst pod: server 30 % (usual 30 %)",
        "CPU of its limit, the busiest pod: server 90 % (usual 90 %)",
    },
    "KubeDeploymentReplicasMismatch": {
        "replicas that are not available: 1 (usual 1)",
        "fullest quota of the namespace: requests.cpu, compute 100 %",
    },
    "KubeDeploymentRolloutStuck": {
        "share of replicas that run the newest version: 50 %",
        "conditions that are false: Progressing 1",
    },
    "KubeDeploymentGenerationMismatch": {"generations that the controller has not seen: 1"},
    "KubeStatefulSetReplicasMismatch": {"share of replicas that run the newest version: 33 %"},
    "KubeDaemonSetRolloutStuck": {"nodes where its pod is not ready: worker-2 1", "nodes that miss a pod of it: 1"},
    "KubeNodeNotReady": {
        "whether its kubelet can be scraped: no",
        "whether node-exporter on it can be scraped: yes",
        "its taints: NoSchedule, node.kubernetes.io/unreachable 1",
    },
    "KubeNodePressure": {
        "memory that is left: 512Mi (usual 512Mi)",
        "evictions by signal in an hour: memory.available 5 (usual 5)",
    },
    "KubePersistentVolumeFillingUp": {"size that was asked for: 10Gi"},
    "NodeFilesystemSpaceFillingUp": {
        "free space of the file system that the alert names: 2 % (usual 57 %), far from usual",
        "free space of the node's file systems: / 2 % (usual 57 %), far from usual",
    },
    "NodeMemoryHighUtilization": {
        "memory in use: 97 % (usual 97 %)",
        "kills for memory in an hour: 3 (usual 3)",
        "pods that use most memory on it: shop, cart-db-0 230Mi (usual 230Mi)",
    },
    "NodeCPUHighUsage": {"load for each processor: 3 (usual 3)", "what processors do: user 90 % (usual 90 %)"},
    "NodeClockNotSynchronising": {
        "whether it is synchronised: no (usual no)",
        "nodes whose clock nobody steers: 2 (usual 2)",
    },
    "KubeJobFailed": {"why it counts as failed: BackoffLimitExceeded 1", "how long it has been running: 13 h"},
    "KubeHpaMaxedOut": {
        "the metrics that it looks at: cpu, utilization 140 (usual 140)",
        "what it aims at: cpu, utilization 70",
        "replicas of its target that are not available: 1",
    },
    "KubeQuotaExceeded": {"use of the quota that the alert names: 100 % (usual 100 %)"},
    "KubeCPUOvercommit": {"nodes that are ready: 1 (usual 1)"},
    "TargetDown": {"targets that are down: 1", "targets that Prometheus knows: 2 (usual 2)"},
    "KubeletDown": {"share of kubelets that can be scraped: 50 % (usual 50 %)"},
    "KubeAPIErrorBudgetBurn": {
        "share of requests that fail, by verb and resource: pods, LIST 10 % (usual 10 %)",
        "requests in flight: readOnly 390 (usual 390)",
    },
    "KubeletServerCertificateExpiration": {
        "time until its server certificate ends: 3 d (usual 3 d)",
        "failed renewals of server certificates in an hour: 12",
    },
    "KubeStateMetricsWatchErrors": {"share of watches that fail, by resource: *v1.Pod 50 % (usual 50 %)"},
    "etcdNoLeader": {
        "whether members know a leader: 10.0.0.3:2381 no (usual no)",
        "changes of the leader in an hour: 6 (usual 6)",
        "proposals that failed: 21/s (usual 21/s)",
    },
    "etcdDatabaseQuotaLowSpace": {"size of the database of its quota: 10.0.0.1:2381 95 % (usual 95 %)"},
    "PrometheusRuleFailures": {
        "time of its interval that a group needs: /rules/shop.yaml;shop 150 % (usual 150 %)",
        "queries at work of the most allowed: 150 % (usual 150 %)",
    },
    "PrometheusRemoteWriteBehind": {"how far it is behind: far, https://far.example/write 15 min (usual 15 min)"},
    "AlertmanagerFailedToSendAlerts": {
        "share of notifications that fail, by integration: webhook 90 % (usual 90 %)",
        "alerts that Alertmanager holds: 700 (usual 700)",
    },
    "Postgres*": {
        "connections of the most allowed: 96 % (usual 96 %)",
        "longest transaction: cart, active 30 min (usual 30 min)",
    },
}


@pytest.mark.parametrize("alertname", TOLD)
async def test_what_is_measured_is_told_in_words(source: PrometheusSource, alertname: str) -> None:
    alert = fired(next(one for one in NAMED if alertname in one.alerts), alertname)
    subject = subject_of(alert, "prod")
    _, asked = Guide(BOOKS)([alert], [subject])
    _, evidence = await answered(source, alert, {query.name for _, query in asked})
    told = measured(evidence, asked, datetime.now(UTC))
    assert TOLD[alertname] <= set(told), told
