"""Raw lines of a log store: redacted, newest first, counted by shape."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.domain.evidence import LogPattern, evidence_id
from app.domain.subject import Subject
from app.gather.text import storable
from app.redact import redact

MAX_LINES: Final = 500
MAX_PATTERNS: Final = 100
MAX_EXAMPLES: Final = 3
LINE_CHARACTERS: Final = 500
RAW_LINE_CHARACTERS: Final = 2048
WORD_ENDS: Final = " \t\n,;&}"
# Redaction reads some hundred kilobytes a second: this much costs no more than the question itself.
PAGE_CHARACTERS: Final = 256 * 1024
NAME_CHARACTERS: Final = 200

LEADING_TIME: Final = re.compile(
    r"\s*(?:[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?[\])]?"
    r"|[A-Z][a-z]{2}\s{1,2}\d{1,2} \d\d:\d\d:\d\d"
    r"|\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r'|(?:time|ts|timestamp)=(?:"[^"]{1,40}"|[^\s"]{1,40}))\s*[|-]?\s*'
)
# klog: the level's letter, month and day, time, process id.
KLOG_TIME: Final = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ ")
LINE_END: Final = re.compile(r"\s*[\r\n]\s*")
VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\b(?=[a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+")

Counts = Mapping[tuple[str, str], int]
Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Row:
    """One line as the store gave it. `container`: or the system service, of a node's journal."""

    at: datetime
    container: str
    raw: str


@dataclass(frozen=True, slots=True)
class Line:
    """One redacted line; `text` is without its leading time."""

    at: datetime
    container: str
    text: str

    @property
    def shape(self) -> tuple[str, str]:
        """Equal for lines of a container that differ in numbers and ids only."""
        return self.container, VARYING.sub("#", self.text)


@dataclass(slots=True)
class _Tally:
    newest: Line
    oldest: Line
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """Lines newest first; `whole` unless older ones were left out. `faults`: why some could not be seen."""

    lines: tuple[Line, ...]
    whole: bool
    faults: tuple[str, ...] = ()

    def covers(self, window: Window) -> timedelta:
        """How much of the window was read: all of it, or from its end back to the oldest line."""
        start, end = window
        return end - start if self.whole or not self.lines else max(end - self.lines[-1].at, timedelta(seconds=1))


def page_of(rows: Sequence[Row], limit: int, *, whole: bool = True, faults: tuple[str, ...] = ()) -> Page:
    """The newest `limit` rows, redacted. As many as were asked for may not be all; nor are they if not `whole`."""
    newest = sorted(rows, key=lambda row: (row.at, row.container), reverse=True)
    lines: list[Line] = []
    cleaned: dict[str, str] = {}
    containers: dict[str, str] = {}
    left = PAGE_CHARACTERS
    for row in newest[:limit]:
        text = _cut(_without_time(row.raw[: 2 * RAW_LINE_CHARACTERS]))
        if text not in cleaned:
            left -= len(text)
            if left < 0:
                return Page(tuple(lines), whole=False, faults=faults)
            cleaned[text] = _cleaned(text)
        if row.container not in containers:
            containers[row.container] = redact(storable(row.container))[:NAME_CHARACTERS]
        lines.append(Line(row.at, containers[row.container], cleaned[text]))
    return Page(tuple(lines), whole and len(rows) < limit, faults)


def counted(lines: Iterable[Line]) -> Counts:
    """How many lines there are of each shape."""
    return Counter(line.shape for line in lines)


def scaled(counts: Counts, share: float) -> Counts:
    """The counts for a time `share` as long: rates are compared, whatever the windows' lengths.

    Rounded up, so that what is seldom is not taken for new.
    """
    return {shape: math.ceil(count * share) for shape, count in counts.items()}


def patterns(origin: str, subject: Subject, lines: Iterable[Line], usual: Counts | None) -> tuple[LogPattern, ...]:
    """The commonest shapes of lines that come newest first; `usual` counts the same shapes at the usual time."""
    tallies: dict[tuple[str, str], _Tally] = {}
    for line in lines:
        tally = tallies.setdefault(line.shape, _Tally(line, line))
        tally.count += 1
        tally.oldest = line
        if line.text not in tally.examples and len(tally.examples) < MAX_EXAMPLES:
            tally.examples.append(line.text)
    commonest = sorted(tallies.items(), key=lambda entry: entry[1].count, reverse=True)[:MAX_PATTERNS]
    return tuple(
        LogPattern(
            id=evidence_id("log", origin, subject.cluster, subject.kind, subject, *shape),
            subject=subject,
            template=tally.newest.text,
            count=tally.count,
            baseline_count=None if usual is None else usual.get(shape, 0),
            first_seen=tally.oldest.at,
            last_seen=tally.newest.at,
            examples=tuple(tally.examples),
            container=shape[0],
            origin=origin,
        )
        for shape, tally in commonest
    )


def _cut(raw: str) -> str:
    """At most 2 kB, cut between words: of a secret that a cut splits, the rest would no longer be recognised."""
    if len(raw) <= RAW_LINE_CHARACTERS:
        return raw
    end = max(raw.rfind(sign, 0, RAW_LINE_CHARACTERS) for sign in WORD_ENDS)
    return raw[:end] if end > 0 else "[a line that is one long word]"


def _cleaned(raw: str) -> str:
    """Redacted as it came, for a key may span many lines; then made one line, and cut to what is kept."""
    text = LINE_END.sub(" | ", redact(storable(raw)).strip())
    return text if len(text) <= LINE_CHARACTERS else text[: LINE_CHARACTERS - 1] + "…"


def _without_time(text: str) -> str:
    leading = LEADING_TIME.match(text)
    if leading:
        return text[leading.end() :]
    return KLOG_TIME.sub(r"\1 ", text, count=1) if KLOG_TIME.match(text) else text
