"""What the details thread and the PagerDuty note lay out: the rest of the story, bounded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.domain.change import Change
from app.domain.evidence import Gap
from app.domain.incident import Assessment, BlastRadiusEntry, Hypothesis, Incident
from app.domain.playbook import Guidance
from app.notify.gaps import source_name
from app.notify.page import Occasion, head_page, recovery_confirmed
from app.notify.words import is_read_only, relative, short

WORDS = {"high": "Likely", "medium": "Possibly", "low": "Not proven"}
_STATEMENT = 300
_LINE = 200
_HYPOTHESES = 3
_MEASURED, _NOTES, _CHECKS = 6, 3, 4
# A storm's thread is the list of what it swept in.
_LISTED = 60
_IN_A_LINE = 25
# Changes have a list of their own; how many pods are there is a number of the head.
_TOLD_ELSEWHERE = ("change.", "replicas.")
# An end of a statement that long is no coincidence.
_TELLING = 20
_RECENT_SECONDS = 86_400.0


def details_page(incident: Incident, occasion: Occasion) -> Mapping[str, Any]:
    """The names that `slack_details` and `pagerduty_note` may use, beside those of the head."""
    assessment = incident.assessment
    onset = incident.onset_at or incident.started_at
    lists: dict[str, Any] = {"hypotheses": (), "findings": (), "changes": (), "blast_radius": ()}
    guidance = assessment.guidance if assessment else Guidance()
    most = _LISTED if incident.storm else 8
    if assessment is not None:
        lists = {
            "hypotheses": tuple(_hypothesis(item) for item in assessment.hypotheses[:_HYPOTHESES]),
            "findings": _first(
                _LISTED if incident.storm else 8, [short(line, _STATEMENT) for line in _news(assessment)]
            ),
            "changes": tuple(_change(item, onset) for item in _recent(assessment.changes, onset)[:6]),
            "blast_radius": _first(most, _neighbours(assessment.blast_radius)),
        }
    return {
        **head_page(incident, occasion),
        **lists,
        "headline": short(incident.headline or incident.title, _STATEMENT),
        "timeline": tuple({"at": entry.at, "text": short(entry.text, _LINE)} for entry in incident.timeline[-12:]),
        "gaps": _first(12, [_gap(one) for one in incident.gaps if not one.is_pending]),
        "open_questions": _first(6, [_gap(one) for one in incident.gaps if one.is_pending]),
        "runbooks": tuple({"url": url, "host": _host(url)} for url in incident.runbooks[:3]),
        "state": _state(incident),
        **_guidance(guidance),
    }


def _guidance(guidance: Guidance) -> Mapping[str, Any]:
    """What the playbooks measured, say and advise; a command that is not told whole is not told at all."""
    return {
        "measured": tuple(short(line, _LINE) for line in guidance.measured[:_MEASURED]),
        "playbook_notes": tuple(short(line, _STATEMENT) for line in guidance.notes[:_NOTES]),
        "first_checks": tuple(check for check in guidance.first_checks[:_CHECKS] if is_read_only(check)),
    }


def _state(incident: Incident) -> str:
    if incident.state != "resolved":
        return incident.state.value
    return "recovered" if recovery_confirmed(incident) else "resolved; recovery not confirmed"


def _hypothesis(item: Hypothesis) -> Mapping[str, Any]:
    """Its statement, and of the evidence what the statement does not say already."""
    said = item.statement
    # The statement tells when a change came, too.
    dated = "before it began" in said
    fresh = [line for line in item.because if line not in said and not (dated and line.startswith("began "))]
    because = [short(line, _LINE) for line in fresh]
    return {
        "word": WORDS[item.confidence],
        "statement": short(item.statement, _STATEMENT),
        "because": _first(6, because),
        "against": _first(4, [short(line, _LINE) for line in item.against]),
    }


def _change(item: Change, onset: datetime) -> Mapping[str, Any]:
    differences = [f"{d.path}: {short(d.old or 'none', 60)} → {short(d.new or 'none', 60)}" for d in item.diff]
    return {
        "at": item.at,
        "when": relative(item.at, onset),
        "subject": str(item.subject),
        # Its fields follow one by one; only without any the summary has to tell them.
        "summary": short(item.summary.partition(":")[0] if differences else item.summary, _LINE),
        "diff": _first(6, differences),
    }


def _gap(gap: Gap) -> str:
    name = source_name(gap.source) + (f" of {gap.cluster}" if gap.cluster else "")
    return short(f"{name}: {gap.question} ({gap.reason})" if gap.question else f"{name}: {gap.reason}", _LINE)


def _news(assessment: Assessment) -> list[str]:
    """What was found and is not said yet: neither in the head, nor by a hypothesis, nor among the changes."""
    briefing = assessment.briefing
    said = [*briefing.facts, briefing.impact, briefing.cause_line, briefing.odd, *briefing.because, briefing.against]
    for item in assessment.hypotheses[:_HYPOTHESES]:
        said += [item.statement, *item.because, *item.against]
    about = set(assessment.subjects)
    fresh = [
        item
        for item in assessment.findings
        if not item.kind.startswith(_TOLD_ELSEWHERE) and not any(_repeats(item.statement, line) for line in said)
    ]
    fresh.sort(key=lambda item: (-item.severity, item.subject not in about))
    # Of another subject it must be said whom it is about, unless the statement names it.
    lines = (
        item.statement
        if item.subject in about or item.subject.name in item.statement
        else f"{item.subject}: {item.statement}"
        for item in fresh
    )
    return list(dict.fromkeys(lines))


def _repeats(statement: str, line: str) -> bool:
    """Whether the line says it already, in whole or as its beginning."""
    start, end = line.rstrip("…"), statement.partition(": ")[2]
    if statement in line or (len(end) >= _TELLING and end in line):
        return True
    return line.endswith("…") and statement.startswith(start.partition(": ")[2] or start)


def _recent(changes: Sequence[Change], onset: datetime) -> list[Change]:
    """Those of the day before it began and since; older ones are on the page."""
    return [change for change in changes if abs((onset - change.at).total_seconds()) <= _RECENT_SECONDS]


def _neighbours(entries: Sequence[BlastRadiusEntry]) -> list[str]:
    """Neighbours that are the same in all but name are told in one line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for entry in entries:
        key = (entry.subject.kind, entry.relation, entry.state)
        alike.setdefault(key, []).append(entry.subject.name)
    return [
        f"{kind} {', '.join(names[start : start + _IN_A_LINE])} ({relation}): {state}"
        for (kind, relation, state), names in alike.items()
        for start in range(0, len(names), _IN_A_LINE)
    ]


def _host(url: str) -> str:
    """Where a link leads, told beside it: annotations may come from anywhere."""
    try:
        return short(urlsplit(url).hostname or "", 60)
    except ValueError:
        return ""


def _first(count: int, lines: Sequence[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    more = len(lines) - count
    return (*lines[:count], f"… {more} more") if more > 0 else tuple(lines)
