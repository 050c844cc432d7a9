"""The ten points that a message at 2 a.m. must meet, checked on what the reader sees."""

import re
from dataclasses import dataclass

from app.domain.alert import AlertStatus
from app.domain.incident import Briefing, Incident
from app.notify.markup import visible

WORST_EMOJI = "🔴🟠🔵⚪✅☑"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
CODE = re.compile(r"`([^`\n]*)`")
CLOCK = re.compile(r"\b\d\d:\d\d\b")
NUMBER = re.compile(r"\d")
COMMAND = re.compile(r"kubectl\b[^`\n·]*")
MUTATING = re.compile(
    r"\b(delete|apply|scale|edit|patch|drain|cordon|undo|restart|replace|set|exec|create|annotate|label)\b"
)
SOURCES = {"kubernetes": "Kubernetes", "prometheus": "Prometheus", "loki": "Loki"}
CAUSE_WORDS = ("Likely", "Possibly", "Unknown", "I don't know why")


@dataclass(frozen=True)
class Told:
    """One rendered message: mrkdwn of the head, and the notification text."""

    incident: Incident
    body: str
    text: str

    @property
    def shown(self) -> str:
        return visible(self.body)

    @property
    def lines(self) -> list[str]:
        return self.shown.splitlines()


def broken_points(told: Told) -> list[str]:
    """The points that this message does not meet, in words; empty means that it is fit to wake somebody."""
    checks = {
        "size: 12 lines, 600 characters, code of 42": _size(told),
        "1 severity, workload and symptom come first": _opening(told),
        "2 since when and whether it is still so": _since(told),
        "3 a number with its usual value": _number(told),
        "4 what users feel": _felt(told),
        "5 the cause in calibrated words": _cause(told),
        "6 one change, or that there was none": _change(told),
        "7 the strongest evidence against": _against(told),
        "8 one first step that only reads": _first_step(told),
        "9 a similar incident, or that there is none": _similar(told),
        "10 what could not be seen, and when this was written": _not_seen(told),
        "10 no dump": _no_dump(told),
        "lock screen": _lock_screen(told),
    }
    return [point for point, met in checks.items() if not met]


def _size(told: Told) -> bool:
    spans_fit = all(len(span) <= 42 for span in CODE.findall(told.shown))
    return len(told.lines) <= 12 and len(told.shown) <= 600 and spans_fit


def _opening(told: Told) -> bool:
    start = told.shown[:60]
    symptom = _briefing(told).symptom
    named = told.incident.subjects[0].name in start and symptom[:15] in start
    return start[0] in WORST_EMOJI and named and told.incident.alertname not in start


def _since(told: Told) -> bool:
    line = told.lines[1]
    if told.incident.state is AlertStatus.RESOLVED:
        said = "Recovery confirmed" in told.shown or "recovery not confirmed" in told.shown
        return "since " in line and "until " in line and said
    has_local_time = "<!date^" in told.body
    return "since " in line and CLOCK.search(line) is not None and _briefing(told).still in line and has_local_time


def _number(told: Told) -> bool:
    said = [part for line in told.lines[1:4] for part in line.split(" · ")]
    return any(NUMBER.search(part.partition("(usual ")[0]) and "(usual " in part for part in said)


def _felt(told: Told) -> bool:
    worst = _briefing(told).impact.partition(" · ")[0]
    return (worst if worst != "not seen" else "users: not seen").lower() in told.shown.lower()


def _cause(told: Told) -> bool:
    causes = [line for line in told.lines if line.startswith(CAUSE_WORDS)]
    hypotheses = told.incident.assessment.hypotheses if told.incident.assessment else ()
    word = {"high": "Likely", "medium": "Possibly", "low": "Unknown"}[hypotheses[0].confidence] if hypotheses else ""
    return len(causes) == 1 and causes[0].startswith(word)


def _change(told: Told) -> bool:
    change, no_change = _briefing(told).change, _briefing(told).no_change
    if change is None:
        return f"• {no_change or 'changes: '}" in told.shown
    line = next((line for line in told.lines if line.startswith("• ") and change.text in line), "")
    return "→" in line and ("before)" in line or "AFTER onset)" in line or "at onset)" in line)


def _against(told: Told) -> bool:
    against = _briefing(told).against
    return not against or f"Against: {against}" in told.shown


def _first_step(told: Told) -> bool:
    if told.incident.state is AlertStatus.RESOLVED:
        return "First:" not in told.shown
    steps = [line for line in told.lines if line.startswith("First: ") and len(line) > len("First: ")]
    commands = COMMAND.findall(told.shown)
    return len(steps) == 1 and not any(MUTATING.search(command) for command in commands)


def _similar(told: Told) -> bool:
    return any(line.startswith(("Like ", "Nothing similar", "No past incident")) for line in told.lines)


def _not_seen(told: Told) -> bool:
    last = told.lines[-1]
    failed = {gap.source for gap in told.incident.gaps if not gap.is_pending}
    waiting = {gap.source for gap in told.incident.gaps if gap.is_pending}
    named = all(SOURCES[source] in last for source in failed | waiting)
    told_apart = ("Not seen" in last) is bool(failed) and ("Still asking" in last) is bool(waiting)
    return named and told_apart and CLOCK.search(last) is not None


def _no_dump(told: Told) -> bool:
    empty_rows = any(a == b == "" for a, b in zip(told.lines, told.lines[1:], strict=False))
    bare = any(line.strip() in {"•", "-"} or line.rstrip().endswith(":") for line in told.lines)
    return not (UUID.search(told.shown) or '{"' in told.shown or "alertname=" in told.shown or empty_rows or bare)


def _lock_screen(told: Told) -> bool:
    text = visible(told.text)
    return 0 < len(text) <= 110 and "\n" not in text and _briefing(told).symptom[:20] in text


def _briefing(told: Told) -> Briefing:
    assert told.incident.assessment is not None
    return told.incident.assessment.briefing
