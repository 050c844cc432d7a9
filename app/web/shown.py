"""What a page shows of the evidence: the same thing once, the odd before the usual, and never endlessly."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from app.analyze.log_templates import fold
from app.analyze.secret_changes import VERSION
from app.charts import line_chart
from app.domain.change import Change
from app.domain.dependencies import CALLS
from app.domain.evidence import ClusterEvent, Evidence, LogPattern, Probe, Series
from app.domain.incident import Finding, Incident

# Less than this of its size is noise, not a course.
FLAT = 0.05
SHOWN_CHARTS = 8
SHOWN_FLAT = 12
SHOWN_LINES = 15
SHOWN_EVENTS = 20
SHOWN_FINDINGS = 25
SHOWN_PROBES = 10
MI, GI = 2**20, 2**30
# Somebody who looks for what changed means lately; what came before is there to unfold.
RECENT = timedelta(hours=24)
# Whether the alert holds, and what stands among the neighbours and the changes already.
_NO_CHART = frozenset({"alert_condition", CALLS, VERSION})
LOUD = ("error", "fatal", "panic", "exception", "fail", "killed", "warn")


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawn series: its name, its values in words, and the drawing."""

    name: str
    values: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Changes:
    """Those shortly before the onset, or after it, and those long before."""

    recent: tuple[Change, ...]
    older: tuple[Change, ...]


def shown(incident: Incident, evidence: Evidence) -> dict[str, Any]:
    """The names that the incident's template may use, beside the incident itself."""
    onset = incident.onset_at or incident.started_at
    series = [s for s in evidence.of(Series) if not s.name.endswith("_usual") and s.name not in _NO_CHART]
    return {
        "onset": onset,
        "charts": _charts(series, onset),
        "flat": _flat(series),
        "patterns": _patterns(evidence.of(LogPattern)),
        "events": _events(evidence.of(ClusterEvent)),
        "probes": _probes(evidence.of(Probe)),
        "changes": _changes(incident, onset),
        "findings": _findings(incident),
        "seen": len(evidence.items),
    }


def _charts(series: Iterable[Series], onset: datetime) -> list[Chart]:
    charts = []
    for one in series:
        known = [value for _, value in one.points if value is not None]
        if known and not _is_flat(known):
            drawing = Markup(line_chart(one.points, _name(one), onset.timestamp()))  # noqa: S704 - escaped there
            values = f"{_figure(known[-1], one.unit)} at the end, {_range(known, one.unit)}"
            charts.append(Chart(_name(one), values, drawing))
    return charts[:SHOWN_CHARTS]


def _flat(series: Iterable[Series]) -> list[str]:
    """Series that did not move say so in a word; a drawing would say nothing."""
    lines = []
    for one in series:
        known = [value for _, value in one.points if value is not None]
        if known and _is_flat(known):
            lines.append(f"{_name(one)}: {_figure(known[-1], one.unit)}")
    return list(dict.fromkeys(lines))[:SHOWN_FLAT]


def _is_flat(known: Sequence[float]) -> bool:
    return max(known) - min(known) <= FLAT * max(abs(max(known)), abs(min(known)))


def _name(series: Series) -> str:
    pod = series.labels.get("pod")
    return series.name.replace("_", " ") + (f", {pod}" if pod else "")


def _range(known: Sequence[float], unit: str) -> str:
    return f"{_figure(min(known), unit)} to {_figure(max(known), unit)}"


def _figure(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / GI:.1f}Gi" if abs(value) >= GI else f"{value / MI:.0f}Mi"
    if unit == "ratio":
        return f"{value * 100:.3g} %"
    if unit == "yes_no":
        return "yes" if value > 0 else "no"
    words = {"count": "", "seconds": " s", "per_second": "/s"}
    return f"{value:.4g}{words.get(unit, ' ' + unit if unit else '')}"


def _patterns(lines: tuple[LogPattern, ...]) -> list[LogPattern]:
    """Lines of one shape as one, whichever pod wrote them; errors and what is unusual first."""

    def order(line: LogPattern) -> tuple[bool, bool, int]:
        text = " ".join((line.template, *line.examples[:1])).lower()
        return not any(word in text for word in LOUD), line.baseline_count != 0, -line.count

    once: dict[str, LogPattern] = {}
    for line in sorted(fold(lines), key=order):
        once.setdefault(line.template, line)
    return list(once.values())[:SHOWN_LINES]


def _events(events: tuple[ClusterEvent, ...]) -> list[ClusterEvent]:
    """Each once for the same words about the same object, in order of time; warnings are the last to be left out."""
    newest = {(e.subject, e.reason, e.message): e for e in sorted(events, key=lambda event: event.at)}
    kept = sorted(newest.values(), key=lambda event: (event.warning, event.at))[-SHOWN_EVENTS:]
    return sorted(kept, key=lambda event: event.at)


def _probes(probes: tuple[Probe, ...]) -> list[str]:
    """Each address with its answers."""
    answers = Counter(
        (p.url, str(p.status) if p.status is not None else f"no answer {p.detail}".strip()) for p in probes
    )
    return [f"{url}: {answer}" + (f", {n} times" if n > 1 else "") for (url, answer), n in answers.items()][
        :SHOWN_PROBES
    ]


def _findings(incident: Incident) -> list[Finding]:
    """Each statement once."""
    found = incident.assessment.findings if incident.assessment else ()
    return list({finding.statement: finding for finding in reversed(found)}.values())[::-1][:SHOWN_FINDINGS]


def _changes(incident: Incident, onset: datetime) -> Changes:
    changes = incident.assessment.changes if incident.assessment else ()
    recent = tuple(change for change in changes if change.at > onset - RECENT)
    return Changes(recent, tuple(change for change in changes if change not in recent))
