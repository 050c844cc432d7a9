"""The neighbours that are touched: pods' workloads on a sick node, Services in front of a sick workload."""

from collections.abc import Iterator, Mapping, Sequence

from app.analyze.body import dig, mapping, text
from app.analyze.pod import Pod
from app.analyze.world import World
from app.domain.incident import BlastRadiusEntry
from app.domain.subject import Subject

_MAX_ENTRIES = 20


def blast_radius(world: World) -> tuple[BlastRadiusEntry, ...]:
    """At most twenty neighbours of what the alert is about, each with its state in a word."""
    found = [entry for subject in world.focus for entry in _neighbours(world, subject)]
    return tuple(dict.fromkeys(found))[:_MAX_ENTRIES]


def _neighbours(world: World, subject: Subject) -> Iterator[BlastRadiusEntry]:
    if subject.kind == "Node":
        for workload in sorted({pod.workload for pod in world.pods_of(subject)}):
            here = [pod for pod in world.pods_of(subject) if pod.workload == workload]
            yield BlastRadiusEntry(workload, "has pods on it", f"{_state(here)} there")
        return
    for service in world.of_kind("Service"):
        selector = mapping(dig(service.body, "spec", "selector"))
        if service.subject.namespace == subject.namespace and _selects(world, selector, subject):
            yield BlastRadiusEntry(service.subject, "sends traffic to it", _state(world.pods_of(subject)))
    for node in sorted({pod.node for pod in world.pods_of(subject)} - {""}):
        host = Subject(subject.cluster, "", "Node", node)
        if world.find(host) is not None:
            yield BlastRadiusEntry(host, "runs its pods", _node_state(world, host))


def _selects(world: World, selector: Mapping[str, object], subject: Subject) -> bool:
    """An empty selector matches nothing."""
    return bool(selector) and any(pod.has_labels(selector) for pod in world.pods_of(subject))


def _state(pods: Sequence[Pod]) -> str:
    return f"{sum(pod.ready for pod in pods)} of {len(pods)} pods ready"


def _node_state(world: World, node: Subject) -> str:
    state = world.find(node)
    conditions = dig(state.body, "status", "conditions") if state else None
    for condition in conditions if isinstance(conditions, list | tuple) else ():
        if text(dig(condition, "type")) == "Ready":
            return {"True": "ready", "False": "not ready"}.get(text(dig(condition, "status")), "unreachable")
    return "unknown"
