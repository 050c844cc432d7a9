"""In which rhythm and where containers restart, and what else ended on the same node at the same time."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from app.analyze.baseline import increase, series_of
from app.analyze.pod import Pod
from app.analyze.wording import cut, duration, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import Series
from app.domain.incident import Finding
from app.domain.subject import Subject

_FRESH = timedelta(hours=1)
_TOGETHER = timedelta(minutes=2)
_STEPS_OF_A_RHYTHM = 3
_EVEN = 0.5
_OTHERS_WORTH_TELLING = 2
_NAMES = 4


class RestartPattern:
    """`container.restart_pattern` of what the alert is about, and `node.ended_together`."""

    name = "restart_pattern"

    def detect(self, world: World) -> Iterable[Finding]:
        """How often, since when, in which pods, on which nodes: facts, and no cause."""
        for workload in world.focus:
            restarting = [pod for pod in world.pods_of(workload) if _last_end(world, pod) is not None]
            if restarting:
                yield _pattern(world, workload, restarting)
                yield from _together(world, workload, restarting)


def _last_end(world: World, pod: Pod) -> datetime | None:
    """When a container of it last ended and was started again, or is down; None where that is long ago."""
    ends = [
        end.finished_at
        for container in pod.containers
        if (container.restarts or container.last_failure) and (end := container.newest_end) and end.finished_at
    ]
    newest = max(ends, default=None)
    loops = any(container.waiting_reason == "CrashLoopBackOff" for container in pod.containers)
    return newest if newest is not None and (loops or world.now - newest <= _FRESH) else None


def _pattern(world: World, workload: Subject, restarting: list[Pod]) -> Finding:
    counted = series_of(world, "restarts", workload)
    rhythm = list(_rhythm(world, counted)) or list(_counted(world, restarting))
    words = [*rhythm, _which(world, workload, restarting), *_backoff(restarting)]
    return finding(
        "container.restart_pattern",
        workload,
        Severity.INFO,
        f"restarts {', '.join(words)}",
        onset_at=min((at for pod in restarting if (at := _last_end(world, pod))), default=None),
        evidence=(*(pod.state.id for pod in restarting), *(one.id for one in counted)),
    )


def _rhythm(world: World, counted: tuple[Series, ...]) -> Iterator[str]:
    """How far apart and since when, by the steps of the restart counters; nothing where nobody counted."""
    times = sorted({at for at, _ in increase(counted)})
    if not times:
        return
    gaps = [after - before for before, after in pairwise(times)]
    if len(times) >= _STEPS_OF_A_RHYTHM:
        middle = median(gaps)
        is_even = all(abs(gap - middle) <= _EVEN * middle for gap in gaps)
        grows = all(after >= before for before, after in pairwise(gaps)) and gaps[-1] > gaps[0]
        yield f"every {duration(middle)}" if is_even else ("ever further apart" if grows else "without a rhythm")
    yield f"first {duration(world.now.timestamp() - times[0])} ago"


def _counted(world: World, restarting: list[Pod]) -> Iterator[str]:
    """Where no counter was measured: the pods' own counts, over the life of the oldest of them."""
    count = sum(container.restarts for pod in restarting for container in pod.containers)
    born = [pod.created_at for pod in restarting if pod.created_at]
    if count and len(born) == len(restarting):
        yield f"{plural(count, 'time')} in {duration((world.now - min(born)).total_seconds())}"


def _which(world: World, workload: Subject, restarting: list[Pod]) -> str:
    """`in 2 of 3 pods, both on node-3`, or `in all 3 pods, on 2 nodes`."""
    pods = world.pods_of(workload)
    nodes, all_nodes = {pod.node for pod in restarting} - {""}, {pod.node for pod in pods} - {""}
    share = f"in all {len(pods)} pods" if len(restarting) == len(pods) else f"in {len(restarting)} of {len(pods)} pods"
    if len(pods) == 1:
        share = "in its only pod"
    if len(nodes) == 1:
        elsewhere = ", none elsewhere" if len(restarting) > 1 and len(all_nodes) > 1 else ""
        return f"{share}, on {next(iter(nodes))}{elsewhere}"
    return f"{share}, on {plural(len(nodes), 'node')}" if nodes else share


def _backoff(restarting: list[Pod]) -> Iterator[str]:
    """The pause that the kubelet makes before the next start, in its words: `back-off 2m40s`."""
    messages = (
        c.waiting_message for pod in restarting for c in pod.containers if c.waiting_reason == "CrashLoopBackOff"
    )
    pauses = sorted({words[1] for message in messages if len(words := message.split()) > 1 and words[0] == "back-off"})
    if pauses:
        yield f"back-off {pauses[-1][:12]}"


def _together(world: World, workload: Subject, restarting: list[Pod]) -> Iterator[Finding]:
    """What else ended on the same node within two minutes: then look at the node first."""
    for pod in sorted(restarting, key=lambda one: one.subject)[:1] if len({p.node for p in restarting}) == 1 else []:
        at = _last_end(world, pod)
        others = [
            other
            for other in world.pods
            if at is not None
            and other.node == pod.node != ""
            and other.workload != workload
            and (ended := _last_end(world, other)) is not None
            and abs(ended - at) <= _TOGETHER
        ]
        names = sorted({other.workload.name for other in others})
        if len(names) >= _OTHERS_WORTH_TELLING:
            listed = ", ".join(names[:_NAMES]) + (" and more" if len(names) > _NAMES else "")
            node = Subject(workload.cluster, "", "Node", pod.node)
            statement = cut(f"on node {pod.node} also ended within 2 min: {listed}", 140)
            ids = (pod.state.id, *(other.state.id for other in others))
            yield finding("node.ended_together", node, Severity.WARNING, statement, onset_at=at, evidence=ids)
