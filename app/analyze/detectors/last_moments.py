"""What a container said and used right before a run of it ended: for the reader, not as a verdict."""

from collections.abc import Iterable, Iterator

from app.analyze.before_end import use_in_words
from app.analyze.pod import Container, Pod, Termination
from app.analyze.wording import cut, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import LogPattern
from app.domain.incident import Finding
from app.domain.subject import Subject

_LINES = 3
_LINE = 90


class LastMoments:
    """`container.last_lines` and `container.resources_before_end` of the newest end in each workload of the alert."""

    name = "last_moments"

    def detect(self, world: World) -> Iterable[Finding]:
        """Of workloads whose pods are all well nothing: what ended there is over."""
        for workload in world.focus:
            newest = _newest(world, workload)
            if newest is not None:
                yield from _last_lines(world, workload, newest)
                yield from _resources(world, workload, newest)


def _newest(world: World, workload: Subject) -> tuple[Pod, Container, Termination] | None:
    """The end that came last, of those that anybody counts as one: restarted since, or still down."""
    ends = [
        (pod, container, end)
        for pod in world.pods_of(workload)
        for container in pod.containers
        if (end := container.newest_end) is not None and (container.restarts or container.last_failure)
    ]
    known = [one for one in ends if one[2].finished_at is not None]
    return max(known, key=lambda one: (str(one[2].finished_at), one[1].name, one[0].subject), default=None)


def _last_lines(world: World, workload: Subject, newest: tuple[Pod, Container, Termination]) -> Iterator[Finding]:
    """The last three lines that differ; they were redacted when they were read."""
    pod, container, end = newest
    lines = _lines_of(world, pod, container)
    if not lines:
        return
    said = " | ".join(cut(one.examples[-1] if one.examples else one.template, _LINE) for one in lines)
    yield finding(
        "container.last_lines",
        workload,
        Severity.INFO,
        f"last {plural(len(lines), 'line')} of container {container.name} before it ended: {said}",
        onset_at=end.finished_at,
        evidence=(one.id for one in lines),
    )


def _lines_of(world: World, pod: Pod, container: Container) -> list[LogPattern]:
    """Of the run before; a container that waits to start again shows that run as its current one."""
    mine = [
        one
        for one in world.case.evidence.of(LogPattern)
        if one.subject == pod.subject and one.container == container.name
    ]
    over = [one for one in mine if one.origin == "previous"]
    if not over and container.ended is None and not container.waiting_reason:
        return []
    found = [one for one in over or mine if one.last_seen is not None]
    # Of the same moment they stand in the order in which they were written.
    return sorted(found, key=lambda one: str(one.last_seen))[-_LINES:]


def _resources(world: World, workload: Subject, newest: tuple[Pod, Container, Termination]) -> Iterator[Finding]:
    pod, container, end = newest
    if end.finished_at is None:
        return
    used, evidence = use_in_words(world, workload, container, end.finished_at)
    if used:
        statement = f"up to the end of container {container.name}: {used}"
        ids = (pod.state.id, *evidence)
        yield finding(
            "container.resources_before_end", workload, Severity.INFO, statement, onset_at=end.finished_at, evidence=ids
        )
