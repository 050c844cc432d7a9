"""Containers and nodes that were killed for memory, as far as Kubernetes itself says so."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from app.analyze.baseline import Reading, read
from app.analyze.pod import Container, Pod
from app.analyze.restarts import OOM_KILLED, kills_since_onset
from app.analyze.wording import duration, plural, quantity
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import ClusterEvent
from app.domain.incident import Finding
from app.domain.quantity import parse_quantity
from app.domain.subject import Subject

_INIT_OOM = "init was OOM-killed"
_NEAR = 0.9
_NEED_MARGIN = 1.02
_FRESH_SECONDS = 3600.0

Kill = tuple[Pod, Container, datetime | None]


class OomKill:
    """`container.oom_killed`, `container.init_oom_killed`, `memory.*`, `node.system_oom`."""

    name = "oom_kill"

    def detect(self, world: World) -> Iterable[Finding]:
        """Kills by workload, how close memory is to its limit, and kills by a node's own kernel."""
        for workload in world.workloads:
            kills = _kills(world, workload)
            if kills:
                yield _killed(world, workload, kills)
            yield from _init_kills(world, workload)
            yield from _memory(world, workload, {container.name for _, container, _ in kills})
        yield from _system_kills(world)


def _kills(world: World, workload: Subject) -> list[Kill]:
    found: list[Kill] = []
    for pod in world.pods_of(workload):
        for container in pod.containers:
            end = container.last_failure
            if end is None or end.reason != OOM_KILLED:
                continue
            at = end.finished_at
            if at is None or (world.now - at).total_seconds() <= _FRESH_SECONDS:
                found.append((pod, container, at))
    return found


def _killed(world: World, workload: Subject, kills: list[Kill]) -> Finding:
    containers = sorted({container.name for _, container, _ in kills})
    limits = sorted({container.limit("memory") for _, container, _ in kills} - {""})
    limit = f" (limit {limits[0]})" if limits else " (no memory limit)"
    times = [at for _, _, at in kills if at is not None]
    return finding(
        "container.oom_killed",
        workload,
        Severity.CRITICAL,
        f"container {containers[0]} was killed for memory {_how_often(world, workload)}{limit}",
        onset_at=min(times, default=None),
        evidence=(pod.state.id for pod, _, _ in kills),
    )


def _how_often(world: World, workload: Subject) -> str:
    kills = kills_since_onset(world, workload)
    if kills is None:
        return "at least once"
    times = "once" if kills.count <= 1 else f"{kills.count} times"
    return f"{times} in {duration(kills.seconds)}"


def _init_kills(world: World, workload: Subject) -> Iterator[Finding]:
    """The runtime's own word for a limit so low that not even the process could start."""
    events = [event for event in world.events_about(workload) if _INIT_OOM in event.message]
    if not events or world.is_whole(workload):
        return
    limits = sorted({c.limit("memory") for pod in world.pods_of(workload) for c in pod.containers} - {""})
    limit = f": limit {limits[0]} is too low" if limits else ""
    yield finding(
        "container.init_oom_killed",
        workload,
        Severity.CRITICAL,
        f"the container was killed for memory before it could start{limit}",
        onset_at=events[0].first_at,
        evidence=(event.id for event in events),
    )


def _memory(world: World, workload: Subject, killed: set[str]) -> Iterator[Finding]:
    """Each container against its own limit: a sidecar's use says nothing about another's."""
    for container, limit in _limits(world, workload).items():
        used = read(world, "memory_working_set", workload, container)
        if used is None:
            continue
        allowed = quantity(limit, "bytes")
        if container in killed and used.usual_peak is not None and used.usual_peak > limit * _NEED_MARGIN:
            usual = quantity(used.usual_peak, "bytes")
            statement = f"used up to {_at_kills(world, used)} when killed; usual peak {usual}, limit {allowed}"
            yield finding("memory.limit_below_need", workload, Severity.CRITICAL, statement, evidence=used.evidence)
        elif container not in killed and used.now >= limit * _NEAR:
            statement = f"container {container} uses {quantity(used.now, 'bytes')} of its memory limit {allowed}"
            yield finding("memory.near_limit", workload, Severity.WARNING, statement, evidence=used.evidence)


def _at_kills(world: World, used: Reading) -> str:
    """The most that was in use since it began: what was used before, under another limit, is the usual."""
    onset = world.onset_at.timestamp() if world.onset_at else 0.0
    since = [value for at, value in used.points if at >= onset]
    return quantity(max(since, default=used.now), "bytes")


def _limits(world: World, workload: Subject) -> dict[str, float]:
    """The lowest memory limit of each container that has one, in bytes."""
    limits: dict[str, float] = {}
    for pod in world.pods_of(workload):
        for container in pod.containers:
            parsed = parse_quantity(container.limit("memory"))
            if parsed is not None and parsed > 0:
                limits[container.name] = min(float(parsed), limits.get(container.name, float(parsed)))
    return dict(sorted(limits.items()))


def _system_kills(world: World) -> Iterator[Finding]:
    by_node: dict[Subject, list[ClusterEvent]] = {}
    for event in world.events:
        fresh = (world.now - event.at).total_seconds() <= _FRESH_SECONDS
        if event.subject.kind == "Node" and event.reason in {"SystemOOM", "OOMKilling"} and fresh:
            by_node.setdefault(event.subject, []).append(event)
    for node, events in sorted(by_node.items()):
        kills = plural(sum(event.count for event in events), "memory kill")
        yield finding(
            "node.system_oom",
            node,
            Severity.WARNING,
            f"the kernel of node {node.name} reports {kills}",
            onset_at=events[0].first_at,
            evidence=(event.id for event in events),
        )
