"""How a run of a container ended, and by whom: the exit code says how, only events, memory and the node say who."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.analyze.before_end import memory_before
from app.analyze.body import dig, maps, moment, text
from app.analyze.pod import Container, Pod, Termination
from app.analyze.wording import cut, duration, quantity
from app.analyze.world import World
from app.domain.evidence import ClusterEvent
from app.domain.subject import Subject

SIGNALS = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
           9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}  # fmt: skip
KILL, TERMINATE = 9, 15
_FIRST_SIGNAL, _LAST_SIGNAL = 128, 159
_FAULTS = {6: "aborted by itself or its runtime", 7: "a fault in its own code", 11: "a fault in its own code"}
_PROBES = ("liveness", "startup")
# Events carry whole seconds of another clock, and a stop may take its grace period.
_SLACK = timedelta(seconds=120)
_NODE_SLACK = timedelta(minutes=2)
_PUT_OUT = ("Evicted", "Preempted", "TaintManagerEviction")
_MESSAGE_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding's kind, what happened in words, and what shows it besides the pod."""

    kind: str
    words: str
    evidence: tuple[str, ...] = ()


def signal_of(end: Termination) -> int | None:
    """The signal that ended it: as reported, else 128 + n in the exit code; None where it exited by itself."""
    if end.signal:
        return end.signal
    code = end.exit_code or 0
    return code - _FIRST_SIGNAL if _FIRST_SIGNAL < code <= _LAST_SIGNAL else None


def verdict(world: World, pod: Pod, container: Container, end: Termination) -> Verdict:
    """What can be said of this end; by whom it was killed stays unknown where nothing tells."""
    stopped = _stopped_by(world, pod, container, end)
    signal = signal_of(end)
    if signal in {KILL, TERMINATE}:
        return _killed(world, pod, container, end) if stopped is None else _told(end, stopped)
    if end.exit_code == 0 and signal is None:
        # Who is asked to stop and does so in order ends without an error.
        return _told(end, stopped) if stopped else Verdict("container.completed", _exited(end))
    return Verdict("container.exited", ending(end))


def ending(end: Termination) -> str:
    """`exited with code 1 after 2 s`; a signal by its name, and no more than the code proves."""
    signal = signal_of(end)
    if signal is None:
        return _exited(end)
    name = SIGNALS.get(signal, f"signal {signal}")
    after = _after(end)
    if signal == KILL:
        return f"was killed (SIGKILL, {_FIRST_SIGNAL + KILL}){after}; by whom is unknown, a memory kill is not proven"
    fault = f", {_FAULTS[signal]}" if signal in _FAULTS else ""
    by_whom = "; by whom is unknown" if signal == TERMINATE else ""
    return f"was ended by {name} (exit code {end.exit_code}){after}{fault}{by_whom}{_said(end)}"


def _exited(end: Termination) -> str:
    code = end.exit_code if end.exit_code is not None else "unknown"
    return f"exited with code {code}{_after(end)}{_said(end)}"


def _after(end: Termination) -> str:
    return f" after {duration(end.lasted_seconds)}" if end.lasted_seconds is not None else ""


def _said(end: Termination) -> str:
    """The termination message, or the end of the log where the pod asks for that."""
    return f": {cut(end.message, _MESSAGE_LIMIT)}" if end.message else ""


def _told(end: Termination, stopped: Verdict) -> Verdict:
    code = f"exit code {end.exit_code}" if end.exit_code is not None else "exit code unknown"
    return Verdict(stopped.kind, f"{stopped.words}{_after(end)} ({code}){_said(end)}", stopped.evidence)


def _stopped_by(world: World, pod: Pod, container: Container, end: Termination) -> Verdict | None:
    """Who asked it to stop, as events and the pod's own conditions tell."""
    about = [one for one in world.events if one.subject == pod.subject and _at_that_time(one, end.finished_at)]
    killings = [one for one in about if one.reason == "Killing" and f"ontainer {container.name} " in f"{one.message} "]
    for probe in _PROBES:
        found = [one for one in killings if f"failed {probe} probe" in one.message]
        if found:
            return Verdict("container.killed", f"was killed by its {probe} probe", _ids(found))
    put_out = [one for one in about if one.reason in _PUT_OUT]
    if put_out:
        word = "preempted" if put_out[-1].reason == "Preempted" else "evicted"
        return Verdict("container.killed", f"was stopped because its pod was {word}", _ids(put_out))
    if pod.condition("DisruptionTarget").get("status") == "True":
        reason = text(pod.condition("DisruptionTarget").get("reason")) or "disruption"
        return Verdict("container.killed", cut(f"was stopped with its pod ({reason})"))
    changed = [one for one in killings if "definition changed" in one.message]
    if changed:
        return Verdict("container.killed", "was restarted because its definition changed", _ids(changed))
    return None


def _killed(world: World, pod: Pod, container: Container, end: Termination) -> Verdict:
    """Nobody says that he killed it: memory at the limit, or a node in trouble at that time, else unknown."""
    used = memory_before(world, pod.workload, container, end.finished_at)
    if signal_of(end) == KILL and used is not None and used.is_at_limit:
        words = f"{quantity(used.most, 'bytes')} of its limit {quantity(used.limit or 0.0, 'bytes')}"
        # Of several pods the fullest is measured, which may be another one.
        whose = "memory" if len(world.pods_of(pod.workload)) == 1 else "the fullest pod's memory"
        statement = f"was killed (SIGKILL, {end.exit_code}){_after(end)} with {whose} at {words}"
        return Verdict("container.oom_suspected", statement, used.evidence)
    trouble = next(_node_trouble(world, pod, end.finished_at), None)
    if trouble is not None:
        words, evidence = trouble
        name = SIGNALS[signal_of(end) or KILL]
        return Verdict("container.killed", f"was killed ({name}, {end.exit_code}){_after(end)} while {words}", evidence)
    return Verdict("container.killed", ending(end))


def _node_trouble(world: World, pod: Pod, at: datetime | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What ailed its node at that time."""
    node = Subject(pod.subject.cluster, "", "Node", pod.node)
    kills = [
        one
        for one in world.events
        if one.subject == node and one.reason in {"SystemOOM", "OOMKilling"} and _at_that_time(one, at)
    ]
    if kills:
        yield f"the kernel of node {pod.node} killed for memory", _ids(kills)
    state = world.find(node) if pod.node else None
    for condition in maps(dig(state.body, "status", "conditions")) if state else ():
        kind, status = text(condition.get("type")), text(condition.get("status"))
        since = moment(condition.get("lastTransitionTime"))
        bad = (kind == "Ready" and status != "True") or (kind.endswith("Pressure") and status == "True")
        # A node that turned bad long after cannot have done it.
        if state and bad and since is not None and at is not None and since <= at + _NODE_SLACK:
            yield f"node {pod.node} {'was not ready' if kind == 'Ready' else f'was under {kind}'}", (state.id,)


def _at_that_time(event: ClusterEvent, at: datetime | None) -> bool:
    return at is not None and event.first_at - _SLACK <= at <= event.at + _SLACK


def _ids(events: Iterable[ClusterEvent]) -> tuple[str, ...]:
    return tuple(event.id for event in events)
