"""What a playbook's questions measured, in words: the worst series of each, beside the same a day ago."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from app.analyze.baseline import NEWEST_POINTS, USUAL
from app.analyze.wording import STATEMENT_LIMIT, cut, duration, quantity
from app.domain.evidence import Evidence, Series
from app.domain.playbook import PlaybookQuery
from app.domain.subject import Subject

MOST_LINES = 8
_STALE_SECONDS = 600.0
# Twice as much, or half as much where less is worse, is more than the difference between two days.
_WORSE = 2.0
_LONG_SECONDS = 120.0
_LISTED, _LABELS, _LABEL_CHARACTERS = 3, 3, 60
_SAY_NOTHING = frozenset({"__name__", "cluster", "prometheus", "le"})


@dataclass(frozen=True, slots=True)
class _Seen:
    """One series: its newest value and the usual one."""

    series: Series
    value: float
    usual: float | None


def measured(evidence: Evidence, asked: Iterable[tuple[Subject, PlaybookQuery]], now: datetime) -> tuple[str, ...]:
    """One line for each question that was answered; what is far worse than a day ago comes first."""
    by_name: dict[tuple[Subject, str], list[Series]] = {}
    for one in evidence.of(Series):
        by_name.setdefault((one.subject, one.name), []).append(one)
    lines: dict[str, bool] = {}
    for subject, query in asked:
        usual = by_name.get((subject, query.name + USUAL), [])
        found = [_seen(one, usual, now) for one in by_name.get((subject, query.name), [])]
        told = _told(query, [one for one in found if one is not None])
        if told is not None:
            lines.setdefault(*told)
    return tuple(sorted(lines, key=lambda line: not lines[line]))[:MOST_LINES]


def _seen(series: Series, usual: Iterable[Series], now: datetime) -> _Seen | None:
    known = [(at, value) for at, value in series.points if value is not None and math.isfinite(value)]
    if not known or known[-1][0] < now.timestamp() - _STALE_SECONDS:
        return None
    same = (one for one in usual if one.labels == series.labels)
    before = [value for one in same for _, value in one.points if value is not None and math.isfinite(value)]
    newest = float(median(value for _, value in known[-NEWEST_POINTS:]))
    return _Seen(series, newest, float(median(before)) if before else None)


def _told(query: PlaybookQuery, found: Sequence[_Seen]) -> tuple[str, bool] | None:
    """The line and whether it is far worse than usual; None where there is nothing to say."""
    ordered = sorted(found, key=lambda one: one.value, reverse=query.direction != "down")
    if not ordered:
        return None
    worst = ordered[0]
    if query.direction == "up" and worst.value == 0 and not worst.usual:
        # Nothing of what would be bad: a line that says so helps nobody in the middle of the night.
        return None
    # What is neither good nor bad is a list of parts; of all else the worst one speaks.
    listed = ordered[:1] if query.direction else ordered[:_LISTED]
    text = f"{query.question}: {'; '.join(_figure(one, query.unit) for one in listed)}"
    is_worse = _is_worse(query, worst)
    return cut(f"{text}, far from usual" if is_worse else text, STATEMENT_LIMIT), is_worse


def _is_worse(query: PlaybookQuery, worst: _Seen) -> bool:
    if worst.usual is None or not query.direction:
        return False
    low, high = sorted((abs(worst.value), abs(worst.usual)))
    if high == low or (low > 0 and high / low < _WORSE):
        return False
    return query.direction == "both" or (worst.value > worst.usual) is (query.direction == "up")


def _figure(seen: _Seen, unit: str) -> str:
    """`server 6 (usual 0)`: the labels that tell it from its siblings, the value and the usual one."""
    usual = f" (usual {_quantity(seen.usual, unit)})" if seen.usual is not None else ""
    labels = sorted(seen.series.labels.items())
    telling = [
        value[:_LABEL_CHARACTERS]
        for name, value in labels
        if value and name not in _SAY_NOTHING and value not in (seen.series.subject.namespace, seen.series.subject.name)
    ]
    return f"{', '.join(telling[:_LABELS])} {_quantity(seen.value, unit)}{usual}".strip()


def _quantity(value: float, unit: str) -> str:
    if unit == "yes_no":
        return "yes" if value > 0 else "no"
    if unit == "seconds" and value >= _LONG_SECONDS:
        return duration(value)
    return quantity(value, unit)
