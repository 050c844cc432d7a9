"""Small builders of domain objects and Kubernetes bodies: name what the test is about, the rest is ordinary."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain.alert import Alert, AlertStatus
from app.domain.change import Change, FieldDiff
from app.domain.evidence import ClusterEvent, Evidence, Gap, Item, LogPattern, ObjectState, Series, evidence_id
from app.domain.incident import Case, PastIncident
from app.domain.subject import Subject

NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)
CLUSTER = "prod"
Body = dict[str, Any]


def ago(minutes: float) -> datetime:
    """So many minutes before NOW."""
    return NOW - timedelta(minutes=minutes)


def stamp(minutes_ago: float) -> str:
    """The same as the API spells it."""
    return ago(minutes_ago).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployment(name: str = "checkout", namespace: str = "shop") -> Subject:
    return Subject(CLUSTER, namespace, "Deployment", name)


def pod_subject(name: str, namespace: str = "shop") -> Subject:
    return Subject(CLUSTER, namespace, "Pod", name)


def node_subject(name: str = "node-3") -> Subject:
    return Subject(CLUSTER, "", "Node", name)


def alert(name: str = "KubePodCrashLooping", minutes_ago: float = 8, **labels: str) -> Alert:
    return Alert(
        fingerprint=evidence_id(name, sorted(labels.items())),
        status=AlertStatus.FIRING,
        labels={"alertname": name, "severity": "critical", **labels},
        annotations={},
        starts_at=ago(minutes_ago),
        ended_at=None,
    )


def state(subject: Subject, body: Mapping[str, Any]) -> ObjectState:
    return ObjectState(evidence_id("object", subject), subject, NOW, body)


def container_spec(name: str = "app", image: str = "shop/checkout:1.4.2", **fields: object) -> Body:
    resources = {"limits": {"memory": "256Mi"}, "requests": {"memory": "128Mi"}}
    return {"name": name, "image": image, "resources": resources, "ports": [{"containerPort": 8080}], **fields}


def container_status(name: str = "app", **fields: object) -> Body:
    """Running and ready unless told otherwise: `waiting`, `last` (terminated), `restarts`, `ready`."""
    waiting, last = fields.get("waiting"), fields.get("last")
    return {
        "name": name,
        "ready": fields.get("ready", waiting is None),
        "restartCount": fields.get("restarts", 0),
        "state": {"waiting": waiting} if waiting else {"running": {"startedAt": stamp(60)}},
        "lastState": {"terminated": last} if last else {},
    }


def ended(exit_code: int, reason: str = "Error", *, minutes_ago: float = 2, lasted_seconds: float = 40) -> Body:
    started = ago(minutes_ago) - timedelta(seconds=lasted_seconds)
    return {
        "exitCode": exit_code,
        "reason": reason,
        "startedAt": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "finishedAt": stamp(minutes_ago),
    }


def pod(
    name: str = "checkout-6d4f8b9c77-x2x9z",
    *,
    statuses: Sequence[Body] = (),
    specs: Sequence[Body] = (),
    node: str = "node-1",
    age_minutes: float = 120,
    owner: tuple[str, str] = ("ReplicaSet", "checkout-6d4f8b9c77"),
    **spec: object,
) -> ObjectState:
    """A pod of shop/checkout; Ready follows from its containers, and no node means that it is Pending."""
    containers = list(statuses) or ([container_status()] if node else [])
    ready = bool(containers) and all(one["ready"] for one in containers)
    body = {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"app": "checkout"},
            "creationTimestamp": stamp(age_minutes),
            "ownerReferences": [{"kind": owner[0], "name": owner[1], "controller": True}],
        },
        "spec": {"nodeName": node, "containers": list(specs) or [container_spec()], **spec},
        "status": {
            "phase": "Running" if ready else "Pending",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": containers,
        },
    }
    return state(pod_subject(name), body)


def replica_set(name: str = "checkout-6d4f8b9c77", owner: str = "checkout") -> ObjectState:
    owners = [{"kind": "Deployment", "name": owner, "controller": True}]
    subject = Subject(CLUSTER, "shop", "ReplicaSet", name)
    return state(subject, {"metadata": {"name": name, "ownerReferences": owners}})


def deployment_state(name: str = "checkout", replicas: int = 1) -> ObjectState:
    return state(deployment(name), {"metadata": {"name": name}, "spec": {"replicas": replicas}})


def node(name: str = "node-1", ready: str = "True", *, cordoned: bool = False, **conditions: str) -> ObjectState:
    statuses = {"Ready": ready, **conditions}
    body = {
        "metadata": {"name": name},
        "spec": {"unschedulable": cordoned},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "lastTransitionTime": stamp(10)} for kind, status in statuses.items()
            ]
        },
    }
    return state(node_subject(name), body)


def event(
    reason: str, message: str, subject: Subject | None = None, *, count: int = 5, minutes_ago: float = 1
) -> ClusterEvent:
    about = subject or pod_subject("checkout-6d4f8b9c77-x2x9z")
    return ClusterEvent(
        id=evidence_id("event", about, reason, message),
        subject=about,
        at=ago(minutes_ago),
        first_at=ago(minutes_ago + 10),
        reason=reason,
        message=message,
        warning=True,
        count=count,
    )


def series(
    name: str, values: Sequence[float | None], unit: str = "", *, subject: Subject | None = None, days_ago: int = 0
) -> Series:
    """One value a minute, the last one now (or so many days ago)."""
    end = NOW.timestamp() - 86400 * days_ago
    points = tuple((end - 60 * (len(values) - 1 - index), value) for index, value in enumerate(values))
    about = subject or deployment()
    return Series(evidence_id("series", name, about), about, name, name, unit, {}, points)


def rollout(
    *diffs: tuple[str, str | None, str | None],
    minutes_ago: float = 16,
    subject: Subject | None = None,
    revision: int = 42,
) -> Change:
    changed = tuple(FieldDiff(path, old, new) for path, old, new in diffs)
    about = subject or deployment()
    words = "; ".join(f"{diff.path} {diff.old} → {diff.new}" for diff in changed)
    identity = evidence_id("change", about, revision)
    return Change(identity, about, ago(minutes_ago), "rollout", f"rollout {revision}: {words}", changed)


def log_line(
    line: str, count: int = 4, baseline: int | None = 0, *, origin: str = "loki", subject: Subject | None = None
) -> LogPattern:
    about = subject or deployment()
    identity = evidence_id("log", about, line, origin)
    return LogPattern(identity, about, line, count, baseline, ago(5), ago(1), (line,), "app", origin)


def case(
    *items: Item,
    subjects: Sequence[Subject] | None = None,
    alerts: Sequence[Alert] | None = None,
    gaps: Sequence[Gap] = (),
) -> Case:
    about = (deployment(),) if subjects is None else tuple(subjects)
    fired = (alert(),) if alerts is None else tuple(alerts)
    return Case(fired, about, Evidence(tuple(items), tuple(gaps)))


def past_incident(
    cause: str = "memory.limit_too_low", fix: str = "rollback", *, confirmed: bool = True, days_ago: float = 18
) -> PastIncident:
    started = NOW - timedelta(days=days_ago)
    return PastIncident(
        incident_id=UUID("0198c000-0000-7000-8000-000000000001"),
        title="KubePodCrashLooping shop/checkout",
        alertname="KubePodCrashLooping",
        subject=deployment(),
        cause=cause,
        root_cause="the limit was halved",
        fix=fix,
        confirmed=confirmed,
        started_at=started,
        resolved_at=started + timedelta(minutes=21),
    )
