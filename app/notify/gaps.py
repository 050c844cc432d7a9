"""What could not be seen, and what is still being asked, in one line."""

from collections.abc import Sequence

from app.domain.evidence import Gap
from app.notify.words import short

_NAMES = {
    "kubernetes": "Kubernetes",
    "prometheus": "Prometheus",
    "loki": "Loki",
    "victorialogs": "VictoriaLogs",
    "elasticsearch": "Elasticsearch",
    "logs": "log store",
    "probe": "health probes",
    "journal": "change journal",
}
_NARROWEST = 100
_WHOLE_REASON, _REASON = 80, 28


def source_name(source: str) -> str:
    """A source as people write it."""
    return _NAMES.get(source, source)


def _name(gap: Gap, among: Sequence[Gap]) -> str:
    """With its cluster only where sources of several are told of: the message says already where it happened."""
    several = len({one.cluster for one in among}) > 1
    return f"{source_name(gap.source)} of {gap.cluster}" if several and gap.cluster else source_name(gap.source)


def still_asking(gaps: Sequence[Gap]) -> str:
    """`Still asking: Kubernetes, Loki`: an open question is no failure."""
    names = dict.fromkeys(_name(gap, gaps) for gap in gaps if gap.is_pending)
    return f"Still asking: {', '.join(names)}" if names else ""


def not_seen(gaps: Sequence[Gap], width: int) -> str:
    """`Not seen: Loki (no answer in 4 s), Prometheus (…)`: every source by name, reasons as far as there is room."""
    by_source: dict[str, list[Gap]] = {}
    for gap in gaps:
        if not gap.is_pending:
            by_source.setdefault(_name(gap, gaps), []).append(gap)
    if not by_source:
        return ""
    # A reason is worth a second line, the questions are not: they stand in the details.
    line = ""
    told = (
        (_questions(by_source), width),
        (_reasons(by_source, _WHOLE_REASON), width * 2),
        (_reasons(by_source, _REASON), width * 2),
        (list(by_source), 0),
    )
    for parts, room in told:
        line = "Not seen: " + ", ".join(parts)
        if len(line) <= room:
            return line
    return short(line, max(width, _NARROWEST))


def _questions(by_source: dict[str, list[Gap]]) -> list[str]:
    if any(len(gaps) > 1 or not gaps[0].question for gaps in by_source.values()):
        return _reasons(by_source, _REASON)
    return [f"{source}: {gap.question} ({gap.reason})" for source, (gap,) in by_source.items()]


def _reasons(by_source: dict[str, list[Gap]], room: int) -> list[str]:
    """Sources that fail alike are told together."""
    by_reason: dict[str, list[str]] = {}
    for source, gaps in by_source.items():
        reasons = tuple(dict.fromkeys(gap.reason for gap in gaps))
        more = f" +{len(reasons) - 1}" if len(reasons) > 1 else ""
        by_reason.setdefault(f"{short(reasons[0], room)}{more}", []).append(source)
    return [f"{', '.join(names)} ({reason})" for reason, names in by_reason.items()]
