"""What the details thread and the PagerDuty note lay out: the rest of the story, bounded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from app.domain.change import Change
from app.domain.incident import Hypothesis, Incident
from app.notify.gaps import source_name
from app.notify.page import Occasion, head_page, recovery_confirmed
from app.notify.words import relative, short

WORDS = {"high": "Likely", "medium": "Possibly", "low": "Unproven"}
_STATEMENT = 300
_LINE = 200


def details_page(incident: Incident, occasion: Occasion) -> Mapping[str, Any]:
    """The names that `slack_details` and `pagerduty_note` may use, beside those of the head."""
    assessment = incident.assessment
    onset = incident.onset_at or incident.started_at
    lists: dict[str, Any] = {"hypotheses": (), "findings": (), "changes": (), "blast_radius": ()}
    if assessment is not None:
        lists = {
            "hypotheses": tuple(_hypothesis(item) for item in assessment.hypotheses[:3]),
            "findings": _first(12, [short(item.statement, _STATEMENT) for item in assessment.findings]),
            "changes": tuple(_change(item, onset) for item in assessment.changes[:6]),
            "blast_radius": _first(8, [f"{e.subject}: {e.relation}, {e.state}" for e in assessment.blast_radius]),
        }
    return {
        **head_page(incident, occasion),
        **lists,
        "headline": short(incident.headline or incident.title, _STATEMENT),
        "timeline": tuple({"at": entry.at, "text": short(entry.text, _LINE)} for entry in incident.timeline[-12:]),
        "gaps": _first(12, [_gap(gap.source, gap.question, gap.reason) for gap in incident.gaps]),
        "runbooks": tuple({"url": url, "host": _host(url)} for url in incident.runbooks[:3]),
        "state": _state(incident),
    }


def _state(incident: Incident) -> str:
    if incident.state != "resolved":
        return incident.state.value
    return "recovered" if recovery_confirmed(incident) else "resolved; recovery not confirmed"


def _hypothesis(item: Hypothesis) -> Mapping[str, Any]:
    """Its statement, and of the evidence what the statement does not say already."""
    because = [short(line, _LINE) for line in item.because if line not in item.statement]
    return {
        "word": WORDS[item.confidence],
        "statement": short(item.statement, _STATEMENT),
        "because": _first(4, because),
        "against": _first(4, [short(line, _LINE) for line in item.against]),
    }


def _change(item: Change, onset: datetime) -> Mapping[str, Any]:
    differences = [f"{d.path}: {short(d.old or 'none', 60)} → {short(d.new or 'none', 60)}" for d in item.diff]
    return {
        "at": item.at,
        "when": relative(item.at, onset),
        "subject": str(item.subject),
        "summary": short(item.summary, _LINE),
        "diff": _first(6, differences),
    }


def _gap(source: str, question: str, reason: str) -> str:
    return short(
        f"{source_name(source)}: {question} ({reason})" if question else f"{source_name(source)}: {reason}", _LINE
    )


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
