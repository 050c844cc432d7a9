"""Which past incident this one resembles, and what fixed that one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.analyze.wording import cut, duration
from app.domain.incident import Hypothesis, PastIncident, Recollection
from app.domain.subject import Subject

ALIKE = 0.5
_MAX_TOLD = 3
_SAME_CAUSE, _SAME_WORKLOAD, _SAME_NAME, _SAME_ALERT = 0.5, 0.3, 0.15, 0.2
_OTHER_CAUSE = 0.4
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def resembling(
    recollection: Recollection,
    subjects: Sequence[Subject],
    alert_names: Sequence[str],
    hypotheses: Sequence[Hypothesis],
) -> tuple[PastIncident, ...]:
    """At most three past incidents with their score (0 to 1), most alike first, then confirmed, then newest."""
    top = hypotheses[0] if hypotheses and hypotheses[0].confidence != "low" else None
    scored = (replace(past, score=_score(past, subjects, alert_names, top)) for past in recollection.past)
    alike = [past for past in scored if past.score >= ALIKE]
    return tuple(sorted(alike, key=_order)[:_MAX_TOLD])


def _order(past: PastIncident) -> tuple[float, bool, float, str]:
    return (-past.score, not past.confirmed, -_seconds(past.started_at), str(past.incident_id))


def _seconds(at: datetime) -> float:
    return at.timestamp() if at.year > 1 else 0.0


def _score(
    past: PastIncident, subjects: Sequence[Subject], alert_names: Sequence[str], top: Hypothesis | None
) -> float:
    score = 0.0
    places = [(one.namespace, one.kind, one.name) for one in subjects]
    if (past.subject.namespace, past.subject.kind, past.subject.name) in places:
        score += _SAME_WORKLOAD
    elif past.subject.name in {name for _, _, name in places}:
        score += _SAME_NAME
    if past.alertname in alert_names:
        score += _SAME_ALERT
    if top is not None and past.cause == top.cause:
        score += _SAME_CAUSE
    elif top is not None and past.cause:
        # Another cause is known for both: the same place and alert, but another story.
        score *= _OTHER_CAUSE
    return round(score, 3)


def similar_line(similar: Sequence[PastIncident], recollection: Recollection) -> str:
    """`Like 3 Oct: rollback fixed it in 21 min (confirmed)`; empty where memory was not asked."""
    if not similar:
        days = recollection.days_searched
        return f"Nothing similar in {days} days" if days > 0 else ""
    best = similar[0]
    date = f"{best.started_at.day} {_MONTHS[best.started_at.month - 1]}"
    seconds = best.seconds_to_resolve
    lasted = f" in {duration(seconds)}" if seconds is not None and seconds >= 0 else ""
    known = "confirmed" if best.confirmed else "observed"
    if not best.fix:
        return cut(f"Like {date}: ended{lasted.replace(' in', ' after')}, fix not recorded")
    return f"Like {date}: {cut(best.fix, 50)} fixed it{lasted} ({known})"
