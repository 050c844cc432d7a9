"""What a storm's one message says, from its members alone. Pure: the same members give the same words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.analyze.storm_shared import Shared, causes_seen, what_is_shared
from app.analyze.wording import STATEMENT_LIMIT, cut, plural
from app.domain.alert import Severity
from app.domain.incident import Assessment, BlastRadiusEntry, Briefing, Finding, Hypothesis
from app.domain.storm import Storm, StormMember
from app.domain.subject import Subject

MOST_LISTED = 500
_NAMED, _NAMED_CAUSES = 3, 2
_A_FEW = 3


def describe_storm(storm: Storm) -> Assessment:
    """The assessment that the storm's parent shows."""
    members = storm.members
    shared = what_is_shared(storm)
    began = min(member.started_at for member in members)
    what = f"{plural(storm.size, _noun(members))} failing together"
    findings = tuple(_findings(storm, shared))
    briefing = _briefing(storm, shared, _still(storm))
    return Assessment(
        headline=cut(f"{shared.subject.name}: {what}: {shared.phrase}", STATEMENT_LIMIT),
        onset_at=began,
        briefing=briefing,
        findings=findings,
        hypotheses=_hypotheses(storm, shared),
        blast_radius=tuple(_listed(members)),
        subjects=(shared.subject,),
    )


def _briefing(storm: Storm, shared: Shared, still: str) -> Briefing:
    word = {"high": "Likely: ", "medium": "Possibly: ", "low": "I don't know why: "}[shared.confidence]
    severities = Counter(member.severity for member in storm.members if member.fires)
    told = (_count(severity, count) for severity, count in sorted(severities.items(), reverse=True))
    return Briefing(
        symptom=cut(f"{plural(storm.size, _noun(storm.members))} failing together", 60),
        facts=(", ".join(told),) if severities else (),
        still=still,
        impact="not seen",
        cause_line=cut(word + shared.phrase),
        because=tuple(cut(line) for line in _what_stands_out(storm)),
        against=_against(storm, shared),
        change=None,
        no_change="",
        first_step=shared.first_step,
        similar="Each has its own page; none is posted by itself",
    )


def _count(severity: Severity, count: int) -> str:
    return plural(count, severity.word) if severity is Severity.WARNING else f"{count} {severity.word}"


def _what_stands_out(storm: Storm) -> Iterable[str]:
    """The worst by name, what began first, and which alerts there are."""
    if worst := [member for member in storm.members if member.severity is Severity.CRITICAL and member.fires]:
        yield f"critical: {_names(worst)}"
    first = min(storm.members, key=lambda member: (member.started_at, _order(member)))
    yield f"first: {first.subject} ({first.alertname})"
    alerts = Counter(member.alertname for member in storm.members).most_common()
    told = ", ".join(f"{name} {count}" for name, count in alerts[:_A_FEW])
    yield told + (f" and {len(alerts) - _A_FEW} other alerts" if len(alerts) > _A_FEW else "")
    yield f"where: {_places(storm.members)}"


def _still(storm: Storm) -> str:
    if storm.left == 0:
        return "all over"
    return "all still firing" if storm.left == storm.size else f"{storm.left} of {storm.size} still firing"


def _against(storm: Storm, shared: Shared) -> str:
    """How many nobody has looked into yet, how many show no cause, and those of another cause by name."""
    judged = causes_seen(storm.members)
    others = [cause for cause in judged if cause not in {"", shared.cause}]
    waiting = storm.size - judged.total()
    parts = []
    if waiting == storm.size:
        parts.append("none of them looked into yet")
    elif waiting:
        parts.append(f"{waiting} of {storm.size} not looked into yet")
    if unknown := judged[""]:
        parts.append(f"no cause found in {unknown} of {storm.size}")
    if others:
        rarest = sorted(others, key=lambda one: (judged[one], one))[:_NAMED_CAUSES]
        told = [f"{_names([m for m in storm.members if m.cause == cause], 1)} ({cause})" for cause in rarest]
        more = f" and {len(others) - _NAMED_CAUSES} more causes" if len(others) > _NAMED_CAUSES else ""
        parts.append(f"other causes: {', '.join(told)}{more}")
    return cut("; ".join(parts))


def _hypotheses(storm: Storm, shared: Shared) -> tuple[Hypothesis, ...]:
    if shared.confidence == "low" or not shared.cause:
        return ()
    judged = causes_seen(storm.members)
    agree = judged[shared.cause]
    return (
        Hypothesis(
            rank=1,
            subject=shared.subject,
            cause=shared.cause,
            statement=cut(f"{shared.phrase}; it explains {storm.size} incidents", STATEMENT_LIMIT),
            confidence=shared.confidence,
            score=round(0.5 + 0.45 * agree / max(storm.size, 1), 2),
            because=(f"{agree} of {judged.total()} that were looked into say so",),
            against=tuple(filter(None, (_against(storm, shared),))),
            next_step=shared.first_step,
        ),
    )


def _findings(storm: Storm, shared: Shared) -> Iterable[Finding]:
    """One for each cause that is not the shared one, and one for each alert, the rare ones first."""
    by_alert: dict[str, list[StormMember]] = {}
    by_cause: dict[str, list[StormMember]] = {}
    for member in storm.members:
        by_alert.setdefault(member.alertname, []).append(member)
        if member.cause and member.cause != shared.cause:
            by_cause.setdefault(member.cause, []).append(member)
    groups = [
        (kind, name, members)
        for kind, named in (("storm.cause", by_cause), ("storm.alert", by_alert))
        for name, members in sorted(named.items(), key=lambda one: (len(one[1]), one[0]))
    ]
    for number, (kind, name, members) in enumerate(groups, start=1):
        worst = max(member.severity for member in members)
        statement = f"{name}: {plural(len(members), _noun(members))}: {_names(members, 12)}"
        began = min(member.started_at for member in members)
        yield Finding(f"f{number}", kind, shared.subject, worst, cut(statement, STATEMENT_LIMIT), began)


def _listed(members: Sequence[StormMember]) -> Iterable[BlastRadiusEntry]:
    """Every member, the severe first."""
    for member in sorted(members, key=_order)[:MOST_LISTED]:
        state = f"{member.severity.word}, {member.state.value}"
        yield BlastRadiusEntry(member.subject, member.alertname, state)


def _order(member: StormMember) -> tuple[int, bool, datetime, Subject]:
    return (-member.severity, not member.fires, member.started_at, member.subject)


def _names(members: Sequence[StormMember], most: int = _NAMED) -> str:
    """`shop/checkout, shop/cart and 4 more`."""
    names = list(dict.fromkeys(str(member.subject) for member in sorted(members, key=_order)))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _places(members: Sequence[StormMember]) -> str:
    """The namespaces, the fullest first."""
    places = Counter(member.subject.namespace or member.subject.name for member in members).most_common()
    told = ", ".join(f"{name} {count}" for name, count in places[:_A_FEW])
    return f"{told} and {len(places) - _A_FEW} more namespaces" if len(places) > _A_FEW else told


def _noun(members: Sequence[StormMember]) -> str:
    kinds = {member.subject.kind for member in members}
    if kinds == {"Node"}:
        return "node"
    return "workload" if all(member.subject.namespace for member in members) else "object"
