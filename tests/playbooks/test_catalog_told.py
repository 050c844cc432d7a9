"""What playbooks measure is told in words, figured out by hand from the series of the sick cluster."""

from datetime import UTC, datetime

import pytest

from app.analyze.measured import measured
from app.gather.sources.prometheus import PrometheusSource
from app.ingest.subject import subject_of
from app.playbooks.guidance import Guide
from tests.playbooks.real import BOOKS, NAMED, answered, fired

pytestmark = pytest.mark.anyio
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
