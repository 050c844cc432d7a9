"""The numbers of the message: how often, how many, how far from usual."""

from collections.abc import Iterable, Iterator

from app.analyze.baseline import read
from app.analyze.restarts import restarts_since_onset
from app.analyze.wording import against_usual, duration, plural
from app.analyze.world import World
from app.domain.incident import Finding
from app.domain.subject import Subject

_KILLED = ("container.oom_killed", "memory.limit_below_need")


def facts(world: World, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The first is the strongest number; all stand alone."""
    found = tuple(findings)
    lines: list[str] = []
    for subject in world.focus[:1]:
        mine = [one for one in found if one.subject == subject]
        broken = [*_restarts(world, subject, mine), *_waiting(world, subject, mine)]
        # Where pods are broken, what users feel stands in its own line.
        lines.extend(broken or _felt(mine))
        lines.extend(_pods(world, subject))
    lines.extend(_nodes(world, found))
    if not lines:
        lines.extend(_measured(world))
    return tuple(dict.fromkeys(lines))[:3]


def _felt(mine: list[Finding]) -> Iterator[str]:
    yield from (one.statement for one in mine if one.kind.startswith("symptom."))


def _restarts(world: World, subject: Subject, mine: list[Finding]) -> Iterator[str]:
    crashed = [one for one in mine if one.kind.startswith("container.") or one.kind in _KILLED]
    restarts = restarts_since_onset(world, subject) if crashed else None
    if restarts:
        killed = any(one.kind in _KILLED for one in crashed)
        yield f"{plural(restarts.count, 'kill' if killed else 'restart')} in {duration(restarts.seconds)}"


def _waiting(world: World, subject: Subject, mine: list[Finding]) -> Iterator[str]:
    if not any(one.kind.startswith(("image.", "schedule.", "storage.", "config.")) for one in mine):
        return
    pending = [pod for pod in world.pods_of(subject) if not pod.ready]
    created = [pod.created_at for pod in pending if pod.created_at] or [one for one in [world.onset_at] if one]
    if pending and created:
        verb = "waits" if len(pending) == 1 else "wait"
        yield f"{plural(len(pending), 'pod')} {verb} for {duration((world.now - min(created)).total_seconds())}"


def _pods(world: World, subject: Subject) -> Iterator[str]:
    pods = world.pods_of(subject)
    if subject.kind == "Node" or not subject.is_workload:
        return
    wanted = max(world.wanted_pods(subject) or 0, len(pods)) if pods else world.wanted_pods(subject)
    if wanted:
        available = read(world, "replicas_available", subject)
        usual = f" (usual {available.usual:.0f})" if available and available.usual is not None else ""
        yield f"{sum(pod.ready for pod in pods)} of {plural(wanted, 'pod')} ready{usual}"


def _nodes(world: World, found: tuple[Finding, ...]) -> Iterator[str]:
    away = {one.subject for one in found if one.kind.startswith("node.") and one.subject in world.focus}
    for node in sorted(away):
        pods = world.pods_of(node)
        workloads = {pod.workload for pod in pods}
        if pods:
            yield f"{plural(len(pods), 'pod')} of {plural(len(workloads), 'workload')} on it"
    nodes = world.of_kind("Node")
    if away and len(nodes) > 1:
        yield f"{len(away)} of {len(nodes)} nodes affected"


def _measured(world: World) -> Iterator[str]:
    """The alert's own value, where nothing else was counted."""
    reading = read(world, "alert_value")
    if reading:
        yield f"measured {against_usual(reading.now, reading.usual, reading.unit)}"
