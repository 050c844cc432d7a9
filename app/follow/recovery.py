"""Whether an incident that its sender calls resolved has really recovered."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.evidence import Evidence, Series
from app.domain.incident import Assessment

# Older points say nothing about now: two scrapes and an evaluation fit into this.
FRESH = timedelta(minutes=3)
CONDITION = "alert_condition"
VALUE = "alert_value"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found: `confirmed` only when the alert's own expression answers and no longer holds."""

    confirmed: bool
    statement: str
    evidence: Evidence


def judge_recovery(evidence: Evidence, now: datetime) -> Recovery:
    """Confirmed if fresh points of the expression exist and none of them is over the threshold.

    A gap means that one of the questions was not answered: silence of the condition then proves nothing.
    """
    values = [series for series in evidence.of(Series) if series.name == VALUE]
    holding = [series for series in evidence.of(Series) if series.name == CONDITION and _is_fresh(series, now)]
    if holding:
        return Recovery(
            confirmed=False,
            statement="its sender stopped reporting it, but its expression still holds",
            evidence=evidence,
        )
    if not evidence.gaps and any(_is_fresh(series, now) for series in values):
        return Recovery(confirmed=True, statement="recovered: back below its threshold", evidence=evidence)
    return Recovery(
        confirmed=False, statement="Alertmanager stopped reporting it; recovery not confirmed", evidence=evidence
    )


def closed(assessment: Assessment, recovery: Recovery) -> Assessment:
    """The same judgement, with the end as it was seen."""
    briefing = replace(assessment.briefing, still=recovery.statement)
    return replace(assessment, briefing=briefing)


def _is_fresh(series: Series, now: datetime) -> bool:
    times = [at for at, value in series.points if value is not None]
    return bool(times) and now.timestamp() - max(times) <= FRESH.total_seconds()
