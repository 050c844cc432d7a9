"""What alerts share: the keys by which a group finds the incident that it belongs to, and incidents find a storm."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject

# Too wide for one story: two alerts about the same cluster or namespace need have nothing to do with each other.
_TOO_WIDE = frozenset({"Cluster", "Namespace"})
# Who measures for others carries the node that it runs on itself.
_MEASURES_OTHERS = ("kube-state-metrics", "exporter", "pushgateway")
_NODE_LABELS = ("exported_node", "node", "nodename", "node_name", "kubernetes_node", "k8s_node_name")
KEYS_KEPT = 1_000
NODES_KEPT = 50

SAME_CAUSE_AT_LEAST = 4
"""How many incidents with one cause make a storm."""

BURST_AT_LEAST = 12
"""How many incidents of one alert and severity make a storm although nobody knows yet what they share."""

BACKLOG_AT_LEAST = 11
"""How many groups that had begun long before we first heard of them are told in one message."""

BACKLOG_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StormKey:
    """Something that incidents may share. Of one `key`, `at_least` incidents at once make the storm `storm`."""

    key: str
    storm: str
    at_least: int


def own_key(subject: Subject) -> str:
    """What a story about this subject is known by; empty where the subject is too wide to be one story.

    The kind of what lives in a namespace stays out: a Deployment, its Service and its HPA are one story.
    """
    if subject.kind in _TOO_WIDE or not subject.name:
        return ""
    if subject.kind in CLUSTER_SCOPED_KINDS:
        return f"of:{subject.cluster}/{subject.kind}/{subject.name}"
    return f"of:{subject.cluster}/{subject.namespace}/{subject.name}"


def story_keys(alerts: Iterable[Alert], about: Mapping[str, Subject]) -> tuple[str, ...]:
    """The keys of all that these alerts are about, sorted; `about` gives subjects by fingerprint.

    An alert whose subject is too wide is a story of its own: the same alert by another route is the same story.
    """
    keys = {own_key(about[alert.fingerprint]) or f"alert:{alert.fingerprint}" for alert in alerts}
    return tuple(sorted(keys))[:KEYS_KEPT]


def told_storms(alerts: Iterable[Alert], about: Mapping[str, Subject], received_at: datetime) -> tuple[StormKey, ...]:
    """What labels and times alone tell of a storm: the node, an old backlog, the same alert all over a cluster."""
    firing = [alert for alert in alerts if alert.status is AlertStatus.FIRING]
    if not firing:
        return ()
    lead = min(firing, key=lambda one: (-one.severity, one.starts_at, one.fingerprint))
    cluster = about[lead.fingerprint].cluster
    nodes = sorted({node for alert in firing if (node := _node(alert, about[alert.fingerprint]))})
    keys = [node_storm(cluster, node) for node in nodes[:NODES_KEPT]]
    if all(received_at - alert.starts_at > BACKLOG_AGE for alert in firing):
        keys.append(StormKey(f"backlog:{cluster}", f"backlog:{cluster}", BACKLOG_AT_LEAST))
    keys.append(burst_storm(cluster, lead.name, lead.severity))
    return tuple(keys)


def node_storm(cluster: str, node: str) -> StormKey:
    """Incidents of one node."""
    return StormKey(f"node:{cluster}/{node}", f"node:{cluster}/{node}", SAME_CAUSE_AT_LEAST)


def burst_storm(cluster: str, alertname: str, severity: Severity) -> StormKey:
    """Incidents of one alert and severity, all over a cluster. All bursts of a cluster are one storm."""
    return StormKey(f"burst:{cluster}/{alertname}/{severity.word}", f"burst:{cluster}", BURST_AT_LEAST)


def storm_title(storm: str, cluster: str) -> str:
    """What a storm is called: by the node, the namespace, the host or the cluster that its key names."""
    kind, _, rest = storm.partition(":")
    words = {"node": "node", "quota": "quota of", "dependency": "dependency", "backlog": "backlog of"}.get(kind, "")
    return f"Storm: {words} {rest.removeprefix(f'{cluster}/')}".replace(":  ", ": ")


def part_sha(group_sha: bytes, key: str) -> bytes:
    """The identity of that part of a group which is a story of its own."""
    return hashlib.sha256(group_sha + key.encode()).digest()


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `23rd`."""
    last_two = number % 100
    ending = "th" if 11 <= last_two <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")  # noqa: PLR2004
    return f"{number}{ending}"


def _node(alert: Alert, subject: Subject) -> str:
    """The node that the alert is on; an exporter's own node says nothing about what it measured."""
    if subject.kind == "Node":
        return subject.name
    exported = alert.labels.get("exported_node", "")
    if exported or any(part in alert.labels.get("job", "") for part in _MEASURES_OTHERS):
        return exported
    return next((alert.labels[name] for name in _NODE_LABELS if alert.labels.get(name)), "")
