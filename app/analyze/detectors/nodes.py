"""Nodes that are away, sick or short of something, and how many pods that touches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.analyze.body import dig, maps, moment, text
from app.analyze.wording import plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import ObjectState
from app.domain.incident import Finding

_PRESSURES = {
    "MemoryPressure": ("memory_pressure", "runs out of memory"),
    "DiskPressure": ("disk_pressure", "runs out of disk"),
    "PIDPressure": ("pid_pressure", "runs out of process ids"),
    "NetworkUnavailable": ("network_unavailable", "has no network"),
}
_RUNTIME_WORDS = (
    "container runtime is down",
    "containerd.sock",
    "runtime network not ready",
    "crio.sock",
    "dockershim",
)


class Nodes:
    """`node.unreachable`, `.not_ready`, `.runtime_down`, pressures, and `node.cordoned` as a note."""

    name = "nodes"

    def detect(self, world: World) -> Iterable[Finding]:
        """Each node by its conditions; Ready=Unknown means that its kubelet stopped reporting."""
        for node in world.of_kind("Node"):
            conditions = {text(c.get("type")): c for c in maps(dig(node.body, "status", "conditions"))}
            yield from _readiness(world, node, conditions.get("Ready", {}))
            for name, (kind, words) in _PRESSURES.items():
                condition = conditions.get(name, {})
                if condition.get("status") == "True":
                    yield _found(world, node, condition, (f"node.{kind}", words))
            if dig(node.body, "spec", "unschedulable") is True:
                statement = f"node {node.subject.name} is cordoned"
                yield finding("node.cordoned", node.subject, Severity.INFO, statement, evidence=(node.id,))


def _readiness(world: World, node: ObjectState, ready: Mapping[str, Any]) -> Iterator[Finding]:
    if ready.get("status") == "Unknown":
        yield _found(world, node, ready, ("node.unreachable", "stopped reporting (machine, network or kubelet)"))
    elif ready.get("status") == "False":
        down = _runtime_is_down(world, node, text(ready.get("message")))
        reading = ("node.runtime_down", "has no container runtime") if down else ("node.not_ready", "is not ready")
        yield _found(world, node, ready, reading)


def _runtime_is_down(world: World, node: ObjectState, message: str) -> bool:
    if any(word in message for word in _RUNTIME_WORDS):
        return True
    on_node = {(pod.subject.namespace, pod.subject.name) for pod in world.pods_of(node.subject)}
    return any(
        word in event.message
        for event in world.events
        if (event.subject.namespace, event.subject.name) in on_node
        for word in _RUNTIME_WORDS
    )


def _found(world: World, node: ObjectState, condition: Mapping[str, Any], reading: tuple[str, str]) -> Finding:
    kind, words = reading
    pods = len(world.pods_of(node.subject))
    touched = f": {plural(pods, 'pod')} on it" if pods else ""
    return finding(
        kind,
        node.subject,
        Severity.CRITICAL,
        f"node {node.subject.name} {words}{touched}",
        onset_at=moment(condition.get("lastTransitionTime")),
        evidence=(node.id,),
    )
