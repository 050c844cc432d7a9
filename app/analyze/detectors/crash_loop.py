"""Containers that end again and again, and what their exit codes do and do not prove."""

from collections.abc import Iterable
from datetime import timedelta

from app.analyze.endings import verdict
from app.analyze.pod import Container, Pod, Termination
from app.analyze.wording import cut, duration, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_NEVER_RAN = frozenset({"StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError"})
_COMMAND_WORDS = ("executable file not found", "no such file or directory", "exec format error", "not a directory")
_FRESH = timedelta(hours=1)
_MESSAGE_LIMIT = 80

Failure = tuple[Pod, Container, Termination]


class CrashLoop:
    """`container.crash_looping`, `.exited`, `.killed`, `.oom_suspected`, `.command_not_found`, `.completed`."""

    name = "crash_loop"

    def detect(self, world: World) -> Iterable[Finding]:
        """What loops, and how the newest run of each workload ended."""
        for workload in world.workloads:
            pods = world.pods_of(workload)
            looping = [(p, c) for p in pods for c in p.containers if c.waiting_reason == "CrashLoopBackOff"]
            if looping:
                yield _looping(world, workload, looping)
            failures = [(p, c, end) for p in pods for c in p.containers if (end := _fresh_end(world, p, c)) is not None]
            never_ran = _never_ran(pods)
            if never_ran:
                yield _not_started(workload, never_ran)
            elif failures:
                yield _ended(world, workload, failures)
            else:
                yield from _completed(world, workload, bool(looping))


def _fresh_end(world: World, pod: Pod, container: Container) -> Termination | None:
    """The newest bad end, unless it is old or was for memory, which is another detector's."""
    end = container.last_failure or _stopped_in_order(world, pod, container)
    if end is None or end.reason == "OOMKilled" or end.reason in _NEVER_RAN:
        return None
    return end if _is_fresh(world, container, end) else None


def _stopped_in_order(world: World, pod: Pod, container: Container) -> Termination | None:
    """A run that ended without an error, because something told it to: a probe, say."""
    end = container.newest_end
    if end is None or not container.restarts or end.exit_code != 0:
        return None
    return end if verdict(world, pod, container, end).kind == "container.killed" else None


def _ended_in_order(world: World, container: Container) -> bool:
    end = container.newest_end
    return end is not None and end.exit_code == 0 and not end.signal and _is_fresh(world, container, end)


def _is_fresh(world: World, container: Container, end: Termination) -> bool:
    at = end.finished_at
    return at is None or world.now - at <= _FRESH or container.waiting_reason == "CrashLoopBackOff"


def _stays(container: Container) -> bool:
    """Whether it is meant to run on: what runs first is meant to end."""
    return not container.init or container.is_sidecar


def _looping(world: World, workload: Subject, looping: list[tuple[Pod, Container]]) -> Finding:
    restarts = sum(container.restarts for _, container in looping)
    ages = [(world.now - pod.created_at).total_seconds() for pod, _ in looping if pod.created_at]
    # An old pod's count says nothing about now.
    window = f" in {duration(max(ages))}" if ages and max(ages) <= _FRESH.total_seconds() else ""
    names = sorted({container.name for _, container in looping})
    return finding(
        "container.crash_looping",
        workload,
        Severity.CRITICAL,
        f"container {names[0]} crash loops in {plural(len(looping), 'pod')}: {plural(restarts, 'restart')}{window}",
        onset_at=min(
            (end.finished_at for _, c in looping if (end := c.last_failure) and end.finished_at), default=None
        ),
        evidence=(pod.state.id for pod, _ in looping),
    )


def _never_ran(pods: tuple[Pod, ...]) -> list[tuple[Pod, Container, str]]:
    """Containers whose command could not even be started, with the runtime's words."""
    found = []
    for pod in pods:
        for container in pod.containers:
            end = container.last_failure
            if container.waiting_reason in _NEVER_RAN:
                found.append((pod, container, container.waiting_message))
            elif end is not None and (end.reason in _NEVER_RAN or end.exit_code in {_NOT_EXECUTABLE, _NOT_FOUND}):
                found.append((pod, container, end.message or f"exit code {end.exit_code}"))
    return found


def _not_started(workload: Subject, never_ran: list[tuple[Pod, Container, str]]) -> Finding:
    _, container, message = min(never_ran, key=lambda one: (one[1].name, one[2]))
    about_command = any(word in message for word in _COMMAND_WORDS) or message.startswith("exit code")
    kind = "container.command_not_found" if about_command else "container.exited"
    said = cut(message.rpartition("container process: ")[2] or message, _MESSAGE_LIMIT)
    return finding(
        kind,
        workload,
        Severity.CRITICAL,
        f"container {container.name} cannot start its command: {said}",
        evidence=(pod.state.id for pod, _, _ in never_ran),
    )


def _ended(world: World, workload: Subject, failures: list[Failure]) -> Finding:
    """How the newest of them ended, and by whom."""
    pod, container, end = max(failures, key=_by_time)
    judged = verdict(world, pod, container, end)
    looping = any(one.waiting_reason == "CrashLoopBackOff" for _, one, _ in failures)
    ready = all(one.ready for _, one, _ in failures)
    times = [one.finished_at for _, _, one in failures if one.finished_at is not None]
    return finding(
        judged.kind,
        workload,
        Severity.CRITICAL if looping or not ready else Severity.WARNING,
        f"container {container.name} {judged.words}",
        onset_at=min(times, default=None),
        evidence=(*(pod.state.id for pod, _, _ in failures), *judged.evidence),
    )


def _by_time(failure: Failure) -> tuple[bool, str, str]:
    _, container, end = failure
    return end.finished_at is not None, str(end.finished_at), container.name


def _completed(world: World, workload: Subject, looping: bool) -> Iterable[Finding]:  # noqa: FBT001 - a fact of now
    """Runs that ended in order and were started again, in the last hour: what should stay does not."""
    done = [
        (pod, container)
        for pod in world.pods_of(workload)
        for container in pod.containers
        if _stays(container) and container.restarts and _ended_in_order(world, container)
    ]
    if done and workload.kind not in {"Job", "CronJob"}:
        yield finding(
            "container.completed",
            workload,
            Severity.CRITICAL if looping else Severity.WARNING,
            f"container {done[0][1].name} ends without an error (exit code 0) and is started again",
            evidence=(pod.state.id for pod, _ in done),
        )
