"""What a bad minute sounds like: bodies as Alertmanager would send them, each with the moment at which it is due."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

MINUTE_SECONDS = 60.0
CLEARS_SECONDS = 30.0
ALERTS = 10_000
CLUSTER = "prod"
NODE = "node-7"
_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Due:
    """A body, when it is due (seconds after the start), and the planted fault that it is the alert of, if any."""

    at: float
    body: bytes
    alerts: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that has nothing to do with the rest."""

    workload: str
    alertname: str
    severity: str
    labels: dict[str, str]


FAULTS = (
    Fault("ledger", "KubePodCrashLooping", "critical", {"pod": "ledger-7d9f8b6c5f-x2x7k"}),
    Fault("identity", "KubeDeploymentReplicasMismatch", "critical", {"deployment": "identity"}),
    Fault("orders-db", "KubePersistentVolumeFillingUp", "critical", {"persistentvolumeclaim": "orders-db"}),
    Fault("gateway", "HighErrorRate", "critical", {"deployment": "gateway"}),
    Fault("vault", "KubeStatefulSetReplicasMismatch", "critical", {"statefulset": "vault"}),
    Fault("edge-cert", "CertificateExpiry", "critical", {"service": "edge-cert"}),
    Fault("nightly-report", "KubeJobFailed", "warning", {"job_name": "nightly-report"}),
    Fault("search-api", "KubeHpaMaxedOut", "warning", {"horizontalpodautoscaler": "search-api"}),
    Fault("log-shipper", "KubeDaemonSetRolloutStuck", "warning", {"daemonset": "log-shipper"}),
    Fault("mailer", "KubeContainerWaiting", "warning", {"pod": "mailer-5c9d7f6b8d-abcde"}),
    Fault("pricing", "CPUThrottlingHigh", "warning", {"pod": "pricing-6f7c8d9b5c-fghij"}),
    Fault("catalog", "HighLatency", "warning", {"deployment": "catalog"}),
    Fault("reviews", "KubeDeploymentGenerationMismatch", "warning", {"deployment": "reviews"}),
    Fault("backup", "KubeCronJobRunning", "warning", {"cronjob": "backup"}),
    Fault("session-store", "KubeStatefulSetUpdateNotRolledOut", "warning", {"statefulset": "session-store"}),
)


def storm(seed: int) -> list[Due]:
    """Ten thousand alerts in order of time, in some 1,300 bodies; the same for the same seed."""
    chance = random.Random(seed)
    posts = [*_node_down(chance), *_quota(chance), *_dependency(chance), *_crashes(chance), *_faults(chance)]
    posts += _repeats(chance, ALERTS - sum(post.alerts for post in posts), posts)
    return sorted(posts, key=lambda post: post.at)


def clears(posts: list[Due]) -> list[Due]:
    """The end of all that, each group's once, within `CLEARS_SECONDS`."""
    bodies = list(dict.fromkeys(post.body for post in posts))
    return [Due(CLEARS_SECONDS * number / len(bodies), *_over(body)) for number, body in enumerate(bodies)]


def _over(body: bytes) -> tuple[bytes, int]:
    told = json.loads(body)
    told["status"] = "resolved"
    for alert in told["alerts"]:
        alert |= {"status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
    return json.dumps(told).encode(), len(told["alerts"])


def _node_down(chance: random.Random) -> Iterator[Due]:
    """A node dies, and with it the pods of 300 workloads; the rules for pods do not name the node, some others do."""
    yield _post(1.0, "KubeNodeNotReady", [{"node": NODE}])
    for number in range(300):
        at, name, namespace = chance.uniform(2, 40), f"web-{number}", f"team-{number % 20}"
        pods = [{"namespace": namespace, "pod": f"{name}-7d9f8b6c5f-{_pod(chance)}"} for _ in range(6)]
        yield _post(at, "KubePodNotReady", pods)
        deployment = {"namespace": namespace, "deployment": name}
        yield _post(at + chance.uniform(0, 15), "KubeDeploymentReplicasMismatch", [deployment])
        if number % 10 == 0:
            yield _post(at + 1, "WorkloadOnDeadNode", [{**deployment, "node": NODE}])


def _quota(chance: random.Random) -> Iterator[Due]:
    """A namespace's quota is used up: nothing in it rolls out any more."""
    for number in range(60):
        workload = {"namespace": "batch", "deployment": f"batch-{number}"}
        yield _post(chance.uniform(5, 30), "KubeDeploymentRolloutStuck", [workload])


def _dependency(chance: random.Random) -> Iterator[Due]:
    """A database is gone: a hundred callers fail, each told endpoint by endpoint."""
    for number in range(100):
        workload = {"namespace": f"team-{number % 20}", "deployment": f"api-{number}"}
        routes = [{**workload, "route": f"/v1/{path}"} for path in ("buy", "sell", "list", "find", "pay", "ship")]
        yield _post(chance.uniform(10, 50), "HighErrorRate", routes)


def _crashes(chance: random.Random) -> Iterator[Due]:
    """A bad base image: 150 workloads crash, many pods of each."""
    for number in range(150):
        pods = [
            {"namespace": f"app-{number % 30}", "pod": f"job-{number}-5c9d7f6b8d-{_pod(chance)}"} for _ in range(10)
        ]
        yield _post(chance.uniform(15, 58), "KubePodCrashLooping", pods)


def _faults(chance: random.Random) -> Iterator[Due]:
    for fault in FAULTS:
        labels = {"namespace": f"own-{fault.workload}", **fault.labels}
        post = _post(chance.uniform(3, 57), fault.alertname, [labels], severity=fault.severity)
        yield Due(post.at, post.body, post.alerts, fault.workload)


def _repeats(chance: random.Random, alerts: int, posts: list[Due]) -> Iterator[Due]:
    """What replicas and retries send again: bodies that were sent before, until there are enough alerts."""
    while alerts > 0:
        again = chance.choice([post for post in posts if post.alerts <= alerts])
        yield Due(chance.uniform(again.at, MINUTE_SECONDS), again.body, again.alerts)
        alerts -= again.alerts


def _post(at: float, alertname: str, label_sets: list[dict[str, str]], severity: str = "warning") -> Due:
    number = next(_NUMBERS)
    alerts = [_alert(alertname, severity, labels) for labels in label_sets]
    body = {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{alertname}", group="{number}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "sitrep",
        "groupLabels": {"alertname": alertname},
        "commonLabels": {"alertname": alertname, "severity": severity, "cluster": CLUSTER},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": alerts,
    }
    return Due(at, json.dumps(body).encode(), len(alerts))


def _alert(alertname: str, severity: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": alertname, "severity": severity, "cluster": CLUSTER, **labels},
        "annotations": {"summary": f"{alertname} fires", "runbook_url": f"https://runbooks.example/{alertname}"},
        "startsAt": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up&g0.tab=1",
    }


def _pod(chance: random.Random) -> str:
    return "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
