"""What was looked at and found in order: only that may be said to be ruled out."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.analyze.baseline import read
from app.analyze.correlate import Explanation
from app.analyze.state_now import is_usual
from app.analyze.suspects import LOOK_BACK, before_onset, note, title
from app.analyze.wording import cut, duration
from app.analyze.world import World
from app.domain.alert import Severity
from app.domain.change import Change
from app.domain.incident import Finding
from app.domain.subject import Subject

_NEAR = 0.9


def in_order(world: World, findings: Iterable[Finding]) -> tuple[str, ...]:
    """Short words for what was seen to be as usual: `nodes ok`, `traffic usual`."""
    found = [one for one in findings if one.severity >= Severity.WARNING]
    words: list[str] = []
    hosts = {pod.node for focus in world.focus for pod in world.pods_of(focus)} - {""}
    seen = {node.subject.name for node in world.of_kind("Node")}
    if hosts and hosts <= seen and not any(one.kind.startswith("node.") for one in found):
        words.append("nodes ok")
    for focus in world.focus[:1]:
        unready = read(world, "nodes_not_ready") if focus.kind == "Node" else None
        if unready and unready.now <= sum(one.kind == "Node" for one in world.focus):
            words.append("other nodes ok")
        if is_usual(read(world, "request_rate", focus)):
            words.append("traffic usual")
        if is_usual(read(world, "error_ratio", focus)):
            words.append("errors usual")
        throttled, used = read(world, "cpu_throttled_ratio", focus), read(world, "cpu_usage", focus)
        if (throttled or used) and not any(one.kind.startswith("cpu.") for one in found) and not _high(used):
            words.append("CPU usual")
        if not any("memory" in one.kind or "oom" in one.kind for one in found):
            words.extend(_memory(world, focus))
        if _healthy(world, focus, found):
            words.append("health check ok")
        if focus.is_workload and world.is_whole(focus):
            words.append("pods ready")
    return tuple(words)


def _memory(world: World, focus: Subject) -> list[str]:
    """Judged by its peak since it began: what was killed at its limit uses little a moment later."""
    used, limit = read(world, "memory_working_set", focus), read(world, "memory_limit", focus)
    if used is None:
        return []
    onset = world.onset_at.timestamp() if world.onset_at else 0.0
    peak = max((value for at, value in used.points if at >= onset), default=used.now)
    if limit is None or peak >= _NEAR * limit.now:
        return []
    return ["memory usual" if is_usual(used) else "memory below its limit"]


def _healthy(world: World, focus: Subject, found: list[Finding]) -> bool:
    answered = any(probe.status is not None and world.workload_of(probe.subject) == focus for probe in world.probes)
    return answered and not any(one.kind.startswith("health.") for one in found)


def _high(reading: object) -> bool:
    times = getattr(reading, "times_usual", lambda: None)()
    return times is not None and times > 1 + _NEAR


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is said about changes: the one to name, else that there was none or that it does not fit."""

    change: Change | None
    none_seen: str = ""


def changes_judged(world: World, top: Explanation | None) -> Suspicion:
    """The change that fits; a newer one that cannot have done it is named as such, never as the cause."""
    if top is not None and top.change is not None:
        return Suspicion(top.change)
    onset = world.onset_at or world.now
    mine = [change for change in before_onset(world) if _touches_focus(world, change)]
    if mine:
        when = duration(max((onset - mine[0].at).total_seconds(), 0.0))
        return Suspicion(None, cut(f"{cut(note(mine[0]), 44)} ({when} before) does not explain this"))
    if not _saw_history(world):
        return Suspicion(None, f"changes: {_why_unseen(world)}")
    what = "rollout or config change" if _saw_config(world) else "rollout"
    after = [c for c in world.changes if _touches_focus(world, c) and c.at > onset]
    later = f"; {title(after[0])} came after onset" if after else ""
    return Suspicion(None, cut(f"No {what} seen in {LOOK_BACK.total_seconds() / 3600:.0f} h{later}"))


def _touches_focus(world: World, change: Change) -> bool:
    return not world.touched_by(change).isdisjoint(world.focus)


def _saw_history(world: World) -> bool:
    """Whether the rollout history was answered: then its first rollout stands among the changes, however old.

    That nothing was found is never read from silence: the question may still be open, or be hidden in a gap.
    """
    gaps = [gap for gap in world.case.evidence.gaps if gap.source != "journal"]
    unanswered = any(word in gap.question.lower() for gap in gaps for word in ("rollout", "change", "replicasets"))
    seen = any(c.change == "rollout" and world.workload_of(c.subject) in world.focus for c in world.changes)
    return seen and not unanswered


def _why_unseen(world: World) -> str:
    """Why nothing can be said of changes."""
    gaps = [gap for gap in world.case.evidence.gaps if gap.source == "kubernetes"]
    if any(gap.is_pending for gap in gaps):
        return "no answer yet"
    if {focus.kind for focus in world.focus} == {"Node"} and world.case.evidence.items:
        return "not looked at for a node"
    return "could not be looked at" if gaps else "no rollout history seen"


def _saw_config(world: World) -> bool:
    return bool(world.of_kind("ConfigMap")) or any(change.change == "config" for change in world.changes)
