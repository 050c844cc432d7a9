"""Pods that no node takes: the scheduler's own words, read predicate by predicate."""

import re
from collections.abc import Iterable, Mapping

from app.analyze.body import dig, text
from app.analyze.pod import Pod
from app.analyze.wording import cut, duration, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

_REASON = re.compile(r"(?:^|, )(?P<nodes>\d+) (?P<why>.+?)(?=, \d+ |$)")
_HEAD = re.compile(r"^\d+/(?P<all>\d+) nodes are available: (?P<reasons>.*)$", re.DOTALL)
_SILENT_SECONDS = 30.0
_PREDICATES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("cordon", re.compile(r"were unschedulable|taint \{node\.kubernetes\.io/unschedulable")),
    ("node_trouble", re.compile(r"taint \{node\.kubernetes\.io/")),
    ("control_plane", re.compile(r"taint \{node-role\.kubernetes\.io/(?:control-plane|master)")),
    ("taint", re.compile(r"taint")),
    ("insufficient_cpu", re.compile(r"Insufficient cpu")),
    ("insufficient_memory", re.compile(r"Insufficient memory")),
    ("insufficient_resource", re.compile(r"Insufficient ")),
    ("too_many_pods", re.compile(r"Too many pods")),
    ("pod_anti_affinity", re.compile(r"anti-affinity")),
    ("pod_affinity", re.compile(r"pod affinity|pod's affinity")),
    ("topology_spread", re.compile(r"topology spread")),
    ("host_port", re.compile(r"free ports")),
    ("volume", re.compile(r"volume|PersistentVolume|persistentvolume", re.IGNORECASE)),
    ("node_affinity", re.compile(r"affinity|selector")),
)
# Usual states of some nodes: they decide only where nothing else does.
_BACKGROUND = frozenset({"cordon", "control_plane", "node_trouble"})
_PLAIN = {
    "cordon": "the nodes are cordoned",
    "too_many_pods": "the nodes run as many pods as they may",
    "pod_affinity": "its pod affinity is not met",
    "pod_anti_affinity": "its pod anti-affinity keeps it off",
    "topology_spread": "its topology spread allows no node",
    "host_port": "its host port is taken",
}
_CAUSE_OF = {"control_plane": "taint", "node_trouble": "taint"}


class Scheduling:
    """`schedule.*`, one finding for each workload that has pods nobody takes."""

    name = "scheduling"

    def detect(self, world: World) -> Iterable[Finding]:
        """Pods that wait for a node now."""
        for workload in world.workloads:
            waiting = [pod for pod in world.pods_of(workload) if _waits(pod)]
            if waiting:
                yield _judged(world, workload, waiting)


def _waits(pod: Pod) -> bool:
    return pod.phase == "Pending" and not pod.node


def _judged(world: World, workload: Subject, waiting: list[Pod]) -> Finding:
    names = {pod.subject.name for pod in waiting}
    events = [e for e in world.events_about(workload, "FailedScheduling") if e.subject.name in names]
    events = [e for e in events if not e.message.startswith("skip schedule")]
    said = events[-1].message if events else text(waiting[0].condition("PodScheduled").get("message"))
    created = min((pod.created_at for pod in waiting if pod.created_at), default=None)
    if said:
        kind, why = explain(said, waiting[0])
    else:
        waited = (world.now - created).total_seconds() if created else _SILENT_SECONDS
        kind, why = _unheard(waited)
    return finding(
        f"schedule.{kind}",
        workload,
        Severity.CRITICAL,
        cut(f"{plural(len(waiting), 'pod')} cannot be scheduled: {why}", 140),
        onset_at=min((event.first_at for event in events), default=created),
        evidence=(*(pod.state.id for pod in waiting), *(event.id for event in events)),
    )


def _unheard(waited_seconds: float) -> tuple[str, str]:
    if waited_seconds < _SILENT_SECONDS:
        return "unschedulable", "waiting for the scheduler"
    return "scheduler_down", f"no word from the scheduler for {duration(waited_seconds)}"


def explain(message: str, pod: Pod) -> tuple[str, str]:
    """The predicate that keeps most nodes out, and it in words; nodes that are cordoned anyway come last."""
    reasons = read_reasons(message)
    if not reasons:
        return _without_nodes(message)
    foreground = {kind: (nodes, why) for kind, (nodes, why) in reasons.items() if kind not in _BACKGROUND}
    kind, (nodes, why) = max((foreground or reasons).items(), key=lambda item: (item[1][0], item[0]))
    total = _HEAD.match(message)
    of_all = f" ({nodes} of {total['all']} nodes)" if total else ""
    if kind == "node_affinity":
        kind, why = _selector_or_affinity(pod)
    elif kind in {"insufficient_cpu", "insufficient_memory"}:
        why = _not_enough(kind.removeprefix("insufficient_"), pod)
    why = _PLAIN.get(kind, why)
    return _CAUSE_OF.get(kind, kind), f"{why}{of_all}"


def read_reasons(message: str) -> Mapping[str, tuple[int, str]]:
    """Each predicate of a FailedScheduling message with its number of nodes and the scheduler's words."""
    head = _HEAD.match(message.partition(" preemption:")[0].strip())
    found: dict[str, tuple[int, str]] = {}
    for match in _REASON.finditer(head["reasons"].rstrip(". ") if head else ""):
        why = match["why"].removeprefix("node(s) ").rstrip(".")
        kind = _kind_of(why)
        nodes = int(match["nodes"]) + found.get(kind, (0, ""))[0]
        found[kind] = (nodes, why)
    return found


def _kind_of(why: str) -> str:
    return next((kind for kind, pattern in _PREDICATES if pattern.search(why)), "unschedulable")


def _without_nodes(message: str) -> tuple[str, str]:
    """Some refusals count no nodes: an unbound claim keeps the pod off all of them."""
    reasons = _HEAD.match(message.partition(" preemption:")[0].strip())
    why = (reasons["reasons"] if reasons else message).rstrip(". ")
    kind = _kind_of(why)
    return _CAUSE_OF.get(kind, kind), why


def _not_enough(resource: str, pod: Pod) -> str:
    """`not enough free memory for 4Gi`, with the request where one container makes it."""
    requests = [text(dig(container.spec, "resources", "requests", resource)) for container in pod.containers]
    asked = [request for request in requests if request]
    name = "CPU" if resource == "cpu" else resource
    return f"not enough free {name} for {asked[0]}" if len(asked) == 1 else f"not enough free {name}"


def _selector_or_affinity(pod: Pod) -> tuple[str, str]:
    """The scheduler says "node affinity/selector" for both; the pod's spec tells which it has."""
    selector = dig(pod.state.body, "spec", "nodeSelector")
    affinity = dig(pod.state.body, "spec", "affinity", "nodeAffinity")
    if selector and isinstance(selector, Mapping) and not affinity:
        wanted = ", ".join(f"{key}={value}" for key, value in sorted(selector.items(), key=str))
        return "node_selector", f"no node has label {cut(wanted, 50)}"
    return "node_affinity", "no node matches its node affinity"
