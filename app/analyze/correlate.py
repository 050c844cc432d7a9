"""Findings to ranked explanations: signs add up, consequences step back, and without a cause nothing is guessed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.analyze.causes import CAUSES, Cause, produces
from app.analyze.next_step import next_step
from app.analyze.suspects import Suspect, deed, find_suspect, lowered_memory_limit, title
from app.analyze.wording import STATEMENT_LIMIT, apart, cut
from app.analyze.world import World
from app.domain.alert import Severity
from app.domain.change import Change
from app.domain.incident import Confidence, Finding, Hypothesis
from app.domain.subject import Subject

HIGH, MEDIUM, WORTH_TELLING = 0.8, 0.5, 0.3
MAX_HYPOTHESES = 5
BEGAN, EXPLAINS = "began ", "explains: "
_HOSTS_IT, _INSIDE, _CALLED, _ELSEWHERE = 0.97, 0.9, 0.8, 0.55
_EXPLAINED_AWAY = 0.5
_WARNING_WEIGHT = 0.75
_SPECIFIC_GAIN, _GENERAL_GAIN = 0.7, 0.25
_REGRESSION_CLOSE_SECONDS = 900.0
_KILL_AT_LOW_LIMIT = {"container.oom_killed": 0.85, "container.oom_suspected": 0.7}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A hypothesis with what the message needs beside it: the cause in a short phrase, and the change."""

    hypothesis: Hypothesis
    phrase: str
    change: Change | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    cause: Cause
    subject: Subject
    findings: tuple[Finding, ...]
    score: float
    suspect: Suspect | None = None
    against: tuple[str, ...] = ()


def correlate(world: World, findings: Iterable[Finding]) -> tuple[Explanation, ...]:
    """At most five explanations, best first; none at all where nothing is worth telling.

    What follows from a cause that is sure is no candidate beside it: it stands among the cause's own signs.
    """
    found = tuple(findings)
    candidates = [_weighed(world, candidate) for candidate in _candidates(world, found)]
    candidates = [_explained_away(world, one, candidates) for one in candidates]
    told = sorted((one for one in candidates if one.score >= WORTH_TELLING), key=_order)[:MAX_HYPOTHESES]
    return tuple(
        _explanation(world, rank, one, _consequences(world, one, found)) for rank, one in enumerate(told, start=1)
    )


def _order(one: _Candidate) -> tuple[float, str, Subject]:
    return (-one.score, one.cause.id, one.subject)


def _candidates(world: World, findings: tuple[Finding, ...]) -> list[_Candidate]:
    found: list[_Candidate] = []
    for cause in CAUSES.values():
        by_subject: dict[Subject, list[Finding]] = {}
        for one in findings:
            if one.kind in cause.shown_by and one.severity >= Severity.WARNING:
                by_subject.setdefault(one.subject, []).append(one)
        found.extend(_Candidate(cause, subject, tuple(signs), 0.0) for subject, signs in sorted(by_subject.items()))
    return _with_kills(world, found)


def _with_kills(world: World, found: list[_Candidate]) -> list[_Candidate]:
    """A limit that is too low shows in kills: they join it, or make it where a rollout lowered the limit."""
    cause = CAUSES["memory.limit_too_low"]
    kills = {one.subject: one.findings for one in found if one.cause.id == "memory.oom_killed"}
    known = {one.subject for one in found if one.cause is cause}
    joined = [
        replace(one, findings=(*one.findings, *kills.get(one.subject, ()))) if one.cause is cause else one
        for one in found
    ]
    for subject, signs in kills.items():
        suspect = find_suspect(world, subject, cause)
        if subject not in known and suspect is not None and lowered_memory_limit(suspect.change):
            joined.append(_Candidate(cause, subject, signs, 0.0))
    return joined


def _weighed(world: World, one: _Candidate) -> _Candidate:
    missing = 1.0
    for sign in one.findings:
        weight = one.cause.shown_by.get(sign.kind) or _KILL_AT_LOW_LIMIT.get(sign.kind, 0.0)
        missing *= 1 - weight * (1.0 if sign.severity >= Severity.CRITICAL else _WARNING_WEIGHT)
    score = 1 - missing
    if one.cause.id == "rollout.regression":
        return _regression(world, one)
    suspect = find_suspect(world, one.subject, one.cause)
    if suspect is not None:
        score += (1 - score) * (_SPECIFIC_GAIN if suspect.specific else _GENERAL_GAIN)
    return replace(one, score=score * _nearness(world, one.subject), suspect=suspect)


def _regression(world: World, one: _Candidate) -> _Candidate:
    """Only time and a diff that could: never more than "possibly"."""
    suspect = find_suspect(world, one.subject, one.cause)
    if suspect is None:
        return replace(one, score=0.0)
    close = suspect.seconds_before <= _REGRESSION_CLOSE_SECONDS
    score = 0.6 if close else 0.45
    against = ("it came shortly before; that alone proves nothing",)
    return replace(one, score=score * _nearness(world, one.subject), suspect=suspect, against=against)


def _nearness(world: World, subject: Subject) -> float:
    if subject in world.focus or not world.focus:
        return 1.0
    if any(_holds(world, subject, focus) for focus in world.focus):
        return _HOSTS_IT
    inside = any(focus.kind == "Namespace" and _holds(world, focus, subject) for focus in world.focus)
    if inside:
        return _INSIDE
    return _CALLED if _is_called(world, subject) else _ELSEWHERE


def _is_next_door(world: World, subject: Subject) -> bool:
    """Whether the alert is about another workload, and this one it calls."""
    return subject not in world.focus and subject.is_workload and _is_called(world, subject)


def _is_called(world: World, subject: Subject) -> bool:
    """Whether what the alert is about calls it: what ails a dependency reaches its callers."""
    return any(call.callee == subject for focus in world.focus for call in world.topology.callees_of(focus))


def _holds(world: World, outer: Subject, inner: Subject) -> bool:
    """Whether what happens to the outer one reaches the inner one: a node its pods, a namespace what is in it."""
    if outer.kind == "Namespace":
        return inner.namespace == outer.name
    if outer.kind == "Node":
        return any(pod.node == outer.name for pod in world.pods_of(inner))
    return outer == inner


def _explained_away(world: World, one: _Candidate, all_candidates: list[_Candidate]) -> _Candidate:
    stronger = [
        other
        for other in all_candidates
        if other.score >= MEDIUM
        and _order(other) < _order(one)
        and other.cause.id != one.cause.id
        and (_holds(world, other.subject, one.subject) or other.subject == one.subject)
        and all(produces(other.cause, sign.kind) or sign in other.findings for sign in one.findings)
    ]
    if one.cause.id == "rollout.regression":
        # What was done to a dependency is no more than a hint: any cause of its own says more.
        near = {one.subject} if one.subject in world.focus else {one.subject, *world.focus}
        stronger = [o for o in all_candidates if o.score >= MEDIUM and o.cause.id != one.cause.id and o.subject in near]
    if not stronger:
        return one
    best = min(stronger, key=_order)
    if best.score >= HIGH and (one.cause.id != "rollout.regression" or best.suspect is not None):
        return replace(one, score=0.0)
    note = cut(f"may follow from: {_phrase(best)}")
    return replace(one, score=one.score * _EXPLAINED_AWAY, against=(*one.against, note))


def confidence_of(score: float) -> Confidence:
    """The word for a score."""
    if score >= HIGH:
        return "high"
    return "medium" if score >= MEDIUM else "low"


def _consequences(world: World, one: _Candidate, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What else was found that this cause explains; what users feel is told elsewhere."""
    return tuple(
        other
        for other in found
        if other.severity >= Severity.CRITICAL
        and other not in one.findings
        and not other.kind.startswith(("symptom.", "log."))
        and produces(one.cause, other.kind)
        and _holds(world, one.subject, other.subject)
    )


def _explanation(world: World, rank: int, one: _Candidate, found: tuple[Finding, ...]) -> Explanation:
    phrase = _phrase(one)
    because = _because(one, phrase, _consequences(world, one, found))
    told = f"{one.subject.name}, which it calls: {phrase}" if _is_next_door(world, one.subject) else phrase
    evidence = {evidence_id for sign in one.findings for evidence_id in sign.evidence}
    if one.suspect is not None:
        evidence.add(one.suspect.change.id)
    hypothesis = Hypothesis(
        rank=rank,
        subject=one.subject,
        cause=one.cause.id,
        statement=_sentence(one, phrase),
        confidence=confidence_of(one.score),
        score=round(one.score, 3),
        because=because,
        against=one.against,
        evidence=tuple(sorted(evidence)),
        next_step=next_step(one.cause, one.subject),
    )
    return Explanation(hypothesis, cut(told), one.suspect.change if one.suspect else None, one.findings)


def _sentence(one: _Candidate, phrase: str) -> str:
    """The cause in one sentence that stands alone: `shop/checkout: rollout 42 halved …, 4 min before it began`."""
    if one.suspect is None:
        return cut(f"{one.subject}: {phrase}", STATEMENT_LIMIT)
    change = title(one.suspect.change)
    when = f"{apart(one.suspect.seconds_before)} before it began"
    came = f", {when}" if change in phrase else f"; {change} came {when}"
    return cut(f"{one.subject}: {phrase.removesuffix(', just before it began')}{came}", STATEMENT_LIMIT)


def _phrase(one: _Candidate) -> str:
    if one.cause.id == "rollout.regression" and one.suspect:
        return f"{title(one.suspect.change)}, just before it began"
    if one.suspect and one.cause.id == "memory.limit_too_low" and lowered_memory_limit(one.suspect.change):
        return deed(one.suspect.change)
    said = one.findings[0].statement
    if one.cause.id.startswith("node."):
        # How many pods are on it is told beside it.
        said = said.rpartition(": ")[0] or said
    if one.cause.id.startswith("schedule."):
        # That pods cannot be scheduled is the symptom; why not is the cause.
        said = said.partition("cannot be scheduled: ")[2] or said
    return cut(said, 85)


def _because(one: _Candidate, phrase: str, consequences: tuple[Finding, ...]) -> tuple[str, ...]:
    signs = [cut(sign.statement) for sign in one.findings if sign.kind != "change.suspect"]
    lines = [line for line in dict.fromkeys(signs) if phrase not in line][:3]
    if one.suspect is not None:
        lines.append(cut(f"{BEGAN}{apart(one.suspect.seconds_before)} after {title(one.suspect.change)}"))
    follows = dict.fromkeys(cut(f"{EXPLAINS}{other.statement}") for other in consequences)
    return (*lines, *list(follows)[:3])
