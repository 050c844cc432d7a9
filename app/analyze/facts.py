"""The numbers of the message: how often, how many, how far from usual."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from app.analyze.baseline import Reading, read
from app.analyze.restarts import kills_since_onset, restarts_since_onset
from app.analyze.wording import against_usual, duration, plural
from app.analyze.world import World
from app.domain.alert import AlertStatus
from app.domain.incident import Finding
from app.domain.subject import Subject

# Senders' clocks are not believed: an alert of the year 1 does not fire "for 740000 d".
_PLAUSIBLE = timedelta(days=90)
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
        if broken or not world.is_whole(subject):
            lines.extend(_pods(world, subject))
    lines.extend(_nodes(world, found))
    if not lines:
        lines.extend(_measured(world) or _fires(world))
    return tuple(dict.fromkeys(lines))[:3]


def _felt(mine: list[Finding]) -> Iterator[str]:
    yield from (one.statement for one in mine if one.kind.startswith("symptom."))


def _restarts(world: World, subject: Subject, mine: list[Finding]) -> Iterator[str]:
    crashed = [one for one in mine if one.kind.startswith("container.") or one.kind in _KILLED]
    if not crashed:
        return
    killed = any(one.kind in _KILLED for one in crashed)
    counted = kills_since_onset(world, subject) if killed else restarts_since_onset(world, subject)
    if counted:
        yield f"{plural(counted.count, 'kill' if killed else 'restart')} in {duration(counted.seconds)}"


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
    available = read(world, "replicas_available", subject)
    usual = _usual(available) if available else ""
    wanted = max(world.wanted_pods(subject) or 0, len(pods)) if pods else world.wanted_pods(subject)
    measured = read(world, "replicas_wanted", subject)
    if wanted is None and available and measured:
        # The objects were not seen; what exporters count still tells.
        yield f"{available.now:.0f} of {plural(round(measured.now), 'pod')} available{usual}"
    elif wanted:
        yield f"{sum(pod.ready for pod in pods)} of {plural(wanted, 'pod')} ready{usual}"


def _nodes(world: World, found: tuple[Finding, ...]) -> Iterator[str]:
    away = {one.subject for one in found if one.kind.startswith("node.") and one.subject in world.focus}
    for node in sorted(away):
        unready = read(world, "node_pods_not_ready", node)
        pods = world.pods_of(node)
        if unready:
            of_all = f" of {len(pods)}" if len(pods) >= unready.now else ""
            yield f"{unready.now:.0f}{of_all} pods on it not ready{_usual(unready)}"
        elif pods:
            yield f"{plural(len(pods), 'pod')} on it"
        if pods:
            workloads = sorted({pod.workload.name for pod in pods})
            yield f"{plural(len(workloads), 'workload')}: {', '.join(workloads)}"
    nodes = read(world, "nodes_not_ready")
    if away and nodes:
        yield f"{plural(round(nodes.now), 'node')} not ready{_usual(nodes)}"


def _usual(reading: Reading) -> str:
    return f" (usual {reading.usual:.0f})" if reading.usual is not None else ""


def _measured(world: World) -> list[str]:
    """The alert's own value, where nothing else was counted."""
    reading = read(world, "alert_value")
    return [f"measured {against_usual(reading.now, reading.usual, reading.unit)}"] if reading else []


def _fires(world: World) -> list[str]:
    """Where nothing at all was counted: how long it has been firing. What is usual nobody could say."""
    starts = [alert.starts_at for alert in world.case.alerts if alert.status is AlertStatus.FIRING]
    if not starts or min(starts) > world.now or world.now - min(starts) > _PLAUSIBLE:
        return []
    lasts = duration((world.now - min(starts)).total_seconds())
    return [f"{plural(len(starts), 'alert')} firing for {lasts} (usual unknown)"]
