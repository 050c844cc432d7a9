"""What a template lays out: the incident in words, each cut to a width. Raw text; the renderer escapes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.alert import AlertStatus, Severity
from app.domain.incident import Briefing, Incident
from app.domain.story import ordinal
from app.domain.subject import Subject
from app.notify.gaps import not_seen, still_asking
from app.notify.words import is_command, is_read_only, plain_symptom, prefixed, relative, short, span

EMOJI = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵", Severity.NONE: "⚪"}
RECOVERED, ENDED = "✅", "☑️"
NOT_CONFIRMED = "Alertmanager stopped reporting it; recovery not confirmed"
RECOVERY_CONFIRMED = "recovery.confirmed"
"""The kind of the timeline entry by which a recovery counts as confirmed."""

WIDTHS = (90, 64, 50, 40, 32)
"""From roomy to narrow; the first that fits is taken."""

OFTEN = 3
"""From this time of a day on the message counts."""

_MIDDLE_LINES = 3
_WORKLOAD_LABELS = (
    *("deployment", "statefulset", "daemonset", "job_name", "cronjob", "workload", "pod", "node", "service"),
    *("app", "job", "instance"),
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """Around the incident: when it is told, what else must be said in the last line, and how wide it may be."""

    now: datetime
    notices: tuple[str, ...] = ()
    width: int = WIDTHS[0]


def recovery_confirmed(incident: Incident) -> bool:
    """Whether the recovery was seen in the metrics after the alerts ended, not only heard of."""
    if incident.state is not AlertStatus.RESOLVED:
        return False
    since = incident.resolved_at or incident.started_at
    return any(entry.kind == RECOVERY_CONFIRMED and entry.at >= since for entry in incident.timeline)


def workload_name(incident: Incident) -> str:
    """Whom it is about: the first subject, else what the labels of the first alert name."""
    subject = _subject(incident)
    if subject is not None:
        return subject.name
    labels = incident.alerts[0].labels if incident.alerts else {}
    return next((labels[name] for name in _WORKLOAD_LABELS if labels.get(name)), incident.cluster)


def symptom(incident: Incident) -> str:
    """What is wrong in plain words; the alert's name in words as long as nothing better is known."""
    briefing = _briefing(incident)
    return (briefing.symptom if briefing else "") or plain_symptom(incident.alertname)


def head_page(incident: Incident, occasion: Occasion) -> Mapping[str, Any]:
    """The names that `slack_head`, `slack_text` and `slack_news` may use."""
    width = occasion.width
    confirmed, resolved = recovery_confirmed(incident), incident.state is AlertStatus.RESOLVED
    onset = _onset(incident)
    return {
        "incident": incident,
        "emoji": _emoji(incident, confirmed=confirmed),
        "workload": short(workload_name(incident), max(width // 2, 20)),
        "place": short(_place(incident), max(width // 2, 20)),
        "symptom": _state_and_symptom(incident, width, confirmed=confirmed),
        "resolved": resolved,
        "confirmed": confirmed,
        "since": onset,
        "until": incident.resolved_at if resolved else None,
        "lasted": span((incident.resolved_at - onset).total_seconds()) if resolved and incident.resolved_at else "",
        "pending": incident.assessment is None,
        "gathering": incident.enrichment != "complete" and not incident.parked,
        "storm": incident.storm is not None,
        "swept_in_by": short(incident.parent_headline, max(width, 60)),
        "times": f"{ordinal(incident.times_today)} time today" if incident.times_today >= OFTEN else "",
        "not_seen": not_seen(incident.gaps, width),
        "still_asking": still_asking(incident.gaps) if incident.enrichment != "complete" else "",
        "edited": occasion.now,
        "notices": tuple(short(notice, max(width, 48)) for notice in (*_elsewhere(incident), *occasion.notices)),
        **_told(incident, width),
        **_why(incident, width),
    }


def _elsewhere(incident: Incident) -> tuple[str, ...]:
    """How much a channel for some namespaces is not told."""
    count = incident.elsewhere
    return (f"and {count} workload{'s' if count > 1 else ''} elsewhere",) if count else ()


def _told(incident: Incident, width: int) -> Mapping[str, Any]:
    briefing = _briefing(incident)
    if briefing is None:
        count = len(incident.alerts)
        fact = f"{count} alerts" if count > 1 else ""
        return {"fact": fact, "feel": "Users: not seen yet", "still": "still firing", "first_step": "", "similar": ""}
    felt = briefing.impact if briefing.impact.lower() not in {"", "not seen"} else "users: not seen"
    return {
        "fact": short(briefing.facts[0], width // 2) if briefing.facts else "",
        "feel": _capital(_joined((*briefing.facts[1:], *felt.split(" · ")), width)),
        "still": short(briefing.still, width // 2),
        "first_step": _first_step(briefing.first_step, width),
        "similar": short(briefing.similar or "No past incident to compare with", width),
    }


def _why(incident: Incident, width: int) -> Mapping[str, Any]:
    """Cause, change, evidence for and against: at most three lines beside the cause, the must-haves first."""
    briefing = _briefing(incident)
    if briefing is None:
        nothing = {"change": None, "no_change": "", "because": (), "odd": "", "against": ""}
        cause = "Cause unknown: looking into it failed" if incident.parked else "Cause unknown yet: gathering…"
        return {"cause": cause, **nothing}
    against = short(prefixed("Against: ", briefing.against), width)
    odd = short(prefixed("Odd, unproven: ", briefing.odd), width)
    # A storm has no one change: what stands out in it takes that line.
    room = _MIDDLE_LINES - (incident.storm is None) - bool(against) - bool(odd)
    if width == WIDTHS[-1]:
        room = 0
    ruled_out = (f"Ruled out: {line}" for line in briefing.ruled_out)
    bullets = (*briefing.because, *ruled_out)[: max(room, 0)]
    return {
        "cause": short(briefing.cause_line or "Cause unknown.", width),
        "change": _change(briefing, _onset(incident), width),
        "no_change": ""
        if briefing.change or incident.storm
        else short(briefing.no_change or _silence_about_changes(incident), width),
        "because": tuple(short(line, width) for line in bullets),
        "odd": odd if room >= 0 else "",
        "against": against,
    }


def _change(briefing: Briefing, onset: datetime, width: int) -> Mapping[str, Any] | None:
    change = briefing.change
    if change is None:
        return None
    return {"at": change.at, "when": relative(change.at, onset), "text": short(change.text, width)}


def _silence_about_changes(incident: Incident) -> str:
    """That there was none is only said by who looked; silence is told as such."""
    gaps = [gap for gap in incident.gaps if gap.source == "kubernetes"]
    if any(gap.is_pending for gap in gaps):
        return "changes: no answer yet"
    return "changes: could not be looked at" if gaps else "changes: not looked at"


def _joined(parts: Sequence[str], width: int) -> str:
    """As many of the parts as fit, the first in any case."""
    kept = list(parts)
    while len(kept) > 1 and len(" · ".join(kept)) > width:
        kept.pop()
    return short(" · ".join(kept), width)


def _first_step(step: str, width: int) -> str:
    """A command is told whole or not at all: half of one must not be copied."""
    if not is_read_only(step):
        return ""
    if is_command(step):
        return step if len(step) <= max(width, 60) else ""
    return short(step, width)


def _state_and_symptom(incident: Incident, width: int, *, confirmed: bool) -> str:
    text = symptom(incident)
    if incident.state is AlertStatus.RESOLVED:
        text = f"{'recovered' if confirmed else 'resolved'}, was {text}"
    return short(text, width)


def _emoji(incident: Incident, *, confirmed: bool) -> str:
    if incident.state is AlertStatus.RESOLVED:
        return RECOVERED if confirmed else ENDED
    return EMOJI[incident.severity]


def _place(incident: Incident) -> str:
    subject = _subject(incident)
    namespace = subject.namespace if subject else next((a.labels.get("namespace", "") for a in incident.alerts), "")
    cluster = incident.cluster or (subject.cluster if subject else "")
    name = workload_name(incident)
    return ", ".join(part for part in (namespace, cluster) if part and part != name)


def _subject(incident: Incident) -> Subject | None:
    judged = incident.assessment.subjects if incident.assessment else ()
    return next(iter((*judged, *incident.subjects)), None)


def _briefing(incident: Incident) -> Briefing | None:
    return incident.assessment.briefing if incident.assessment else None


def _onset(incident: Incident) -> datetime:
    judged = incident.assessment.onset_at if incident.assessment else None
    return incident.onset_at or judged or incident.started_at


def _capital(text: str) -> str:
    """With a capital at the start, but for names such as p95."""
    return text[:1].upper() + text[1:] if text[1:2].isalpha() else text
