"""What could not be seen, in one line."""

from collections.abc import Sequence

from app.domain.evidence import Gap
from app.notify.words import short

_NAMES = {"kubernetes": "Kubernetes", "prometheus": "Prometheus", "loki": "Loki", "probe": "health probes"}


def source_name(source: str) -> str:
    """A source as people write it."""
    return _NAMES.get(source, source)


def not_seen(gaps: Sequence[Gap], width: int) -> str:
    """`Not seen: Loki (no answer in 4 s), Prometheus (…)`: every source by name, reasons as far as there is room."""
    by_source: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_source.setdefault(gap.source, []).append(gap)
    if not by_source:
        return ""
    # A reason is worth a second line, the questions are not: they stand in the details.
    line = ""
    for describe, room in ((_question_and_reason, width), (_reason, width * 2), (_name, width * 2)):
        line = "Not seen: " + ", ".join(describe(source, found) for source, found in by_source.items())
        if len(line) <= room:
            return line
    return short(line, max(width, 100))


def _question_and_reason(source: str, gaps: list[Gap]) -> str:
    if len(gaps) > 1 or not gaps[0].question:
        return _reason(source, gaps)
    return f"{source_name(source)}: {gaps[0].question} ({gaps[0].reason})"


def _reason(source: str, gaps: list[Gap]) -> str:
    reasons = tuple(dict.fromkeys(gap.reason for gap in gaps))
    more = f" +{len(reasons) - 1}" if len(reasons) > 1 else ""
    return f"{source_name(source)} ({short(reasons[0], 28)}{more})"


def _name(source: str, _gaps: list[Gap]) -> str:
    return source_name(source)
