"""What a playbook's questions measured, in words: the worst series of each, beside the same a day ago."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from app.analyze.baseline import NEWEST_POINTS, USUAL
from app.analyze.wording import STATEMENT_LIMIT, against_usual, cut
from app.domain.evidence import Evidence, Series
from app.domain.playbook import PlaybookQuery
from app.domain.subject import Subject

MOST_LINES = 8
_STALE_SECONDS = 600.0
# Twice as much, or half as much where less is worse, is more than the difference between two days.
_WORSE = 2.0
_LABEL_CHARACTERS = 60
_SAY_NOTHING = frozenset({"__name__", "namespace", "cluster", "prometheus", "job", "le", "instance", "endpoint"})


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    is_worse: bool


def measured(evidence: Evidence, asked: Iterable[tuple[Subject, PlaybookQuery]], now: datetime) -> tuple[str, ...]:
    """One line for each question that was answered; what is far worse than a day ago comes first."""
    by_name: dict[tuple[Subject, str], list[Series]] = {}
    for one in evidence.of(Series):
        by_name.setdefault((one.subject, one.name), []).append(one)
    lines = []
    for subject, query in asked:
        found = by_name.get((subject, query.name), [])
        line = _line(query, found, by_name.get((subject, query.name + USUAL), []), now)
        if line is not None:
            lines.append(line)
    ordered = sorted(lines, key=lambda line: not line.is_worse)
    return tuple(dict.fromkeys(line.text for line in ordered))[:MOST_LINES]


def _line(query: PlaybookQuery, found: list[Series], usual: list[Series], now: datetime) -> _Line | None:
    values = [(value, one) for one in found if (value := _newest(one, now)) is not None]
    if not values:
        return None
    pick = min if query.direction == "down" else max
    value, worst = pick(values, key=lambda pair: pair[0])
    before = _usual_of(worst, usual)
    if query.direction == "up" and value == 0 and not before:
        # Nothing of what would be bad: a line that says so helps nobody in the middle of the night.
        return None
    is_worse = _is_worse(query, value, before)
    told = f"{query.question}{_which(worst.labels)}: {against_usual(value, before, query.unit)}"
    return _Line(cut(f"{told}, far from usual" if is_worse else told, STATEMENT_LIMIT), is_worse)


def _newest(series: Series, now: datetime) -> float | None:
    known = [(at, value) for at, value in series.points if value is not None and math.isfinite(value)]
    if not known or known[-1][0] < now.timestamp() - _STALE_SECONDS:
        return None
    return float(median(value for _, value in known[-NEWEST_POINTS:]))


def _usual_of(worst: Series, usual: Iterable[Series]) -> float | None:
    same = [one for one in usual if one.labels == worst.labels]
    values = [value for one in same for _, value in one.points if value is not None and math.isfinite(value)]
    return float(median(values)) if values else None


def _is_worse(query: PlaybookQuery, value: float, before: float | None) -> bool:
    if before is None or not query.direction:
        return False
    low, high = sorted((abs(value), abs(before)))
    if high == low or (low > 0 and high / low < _WORSE):
        return False
    rose = value > before
    return query.direction == "both" or rose is (query.direction == "up")


def _which(labels: Mapping[str, str]) -> str:
    """What tells the worst series from its siblings: ` (server, OOMKilled)`."""
    telling = [
        value[:_LABEL_CHARACTERS] for name, value in sorted(labels.items()) if name not in _SAY_NOTHING and value
    ]
    return f" ({', '.join(telling[:3])})" if telling else ""
