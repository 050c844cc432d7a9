"""A recorded incident as a case: the converter that only tests need, straight from the recorded objects."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import ClusterEvent, Evidence, Item, LogPattern, ObjectState, evidence_id
from app.domain.incident import Case
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject

SCENARIOS = Path(__file__).parents[3] / "shared" / "scenarios"
_EPOCH = "1970-01-01T00:00:00Z"


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value or _EPOCH)).astimezone(UTC)


def _subject(reference: Mapping[str, Any], kind: str) -> Subject:
    namespace = "" if kind in CLUSTER_SCOPED_KINDS else str(reference.get("namespace") or "boutique")
    return Subject("recorded", namespace, kind, str(reference.get("name")))


def _item(body: Mapping[str, Any], now: datetime) -> Item:
    if body["kind"] != "Event":
        subject = _subject(body["metadata"], body["kind"])
        return ObjectState(evidence_id("object", subject), subject, now, body)
    involved = body["involvedObject"]
    series = body.get("series") or {}
    at = (
        series.get("lastObservedTime")
        or body.get("lastTimestamp")
        or body.get("eventTime")
        or body.get("firstTimestamp")
    )
    return ClusterEvent(
        id=evidence_id("event", json.dumps(body, sort_keys=True)),
        subject=_subject(involved, involved["kind"]),
        at=_moment(at),
        first_at=_moment(body.get("firstTimestamp") or at),
        reason=body.get("reason") or "",
        message=body.get("message") or "",
        warning=body.get("type") == "Warning",
        count=series.get("count") or body.get("count") or 1,
    )


def load(path: Path) -> tuple[Case, datetime, Mapping[str, str]]:
    """The case, the recorded now and the label. What is alerted on are the workloads that are not whole."""
    recorded = json.loads(gzip.decompress(path.read_bytes()))
    now = _moment(recorded["now"])
    items = [_item(body, now) for body in recorded["objects"]]
    for app, lines in (recorded["logs"] or {}).items():
        subject = Subject("recorded", "boutique", "Deployment", app)
        counted: dict[str, int] = {}
        for _, line in lines:
            counted[str(line)] = counted.get(str(line), 0) + 1
        items += [
            LogPattern(evidence_id("log", app, line), subject, line, count, None, None, None, (line,))
            for line, count in counted.items()
        ]
    subjects = _not_whole(recorded["objects"]) or (Subject("recorded", "", "Namespace", "boutique"),)
    alert = Alert("f1", AlertStatus.FIRING, {"alertname": "KubeDeploymentReplicasMismatch"}, {}, now, None)
    return Case((alert,), subjects, Evidence(tuple(items))), now, recorded["label"]["result"]


def _not_whole(objects: list[Mapping[str, Any]]) -> tuple[Subject, ...]:
    """What kube-state-metrics' alerts would name; never what the label says."""
    found = []
    for body in objects:
        if body["kind"] == "Node":
            ready = [c for c in body["status"]["conditions"] if c["type"] == "Ready"]
            if any(c["status"] != "True" for c in ready):
                found.append(_subject(body["metadata"], "Node"))
        if body["kind"] == "Deployment":
            wanted = body["spec"].get("replicas", 1)
            if (body.get("status", {}).get("availableReplicas") or 0) < wanted:
                found.append(_subject(body["metadata"], "Deployment"))
    return tuple(found)
