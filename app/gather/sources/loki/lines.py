"""Log lines out of Loki's streams: redacted, merged by time, counted by shape."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.domain.evidence import LogPattern, evidence_id
from app.domain.subject import Subject
from app.gather.sources.loki.logql import CONTAINER_LABELS
from app.redact import redact

MAX_PATTERNS: Final = 100
MAX_EXAMPLES: Final = 3
LINE_CHARACTERS: Final = 500
RAW_LINE_CHARACTERS: Final = 16 * 1024
NAME_CHARACTERS: Final = 200
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LEADING_TIME: Final = re.compile(
    r"\s*(?:[\[(]?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?[\])]?"
    r"|[A-Z][a-z]{2}\s{1,2}\d{1,2} \d\d:\d\d:\d\d"
    r"|\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r'|(?:time|ts|timestamp)=(?:"[^"]{1,40}"|[^\s"]{1,40}))\s*[|-]?\s*'
)
# klog: the level's letter, month and day, time, process id.
KLOG_TIME: Final = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ ")
VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\b(?=[a-f-]*\d)[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+")

Counts = Mapping[tuple[str, str], int]


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


def merged(streams: Iterable[Any]) -> list[Line]:
    """The lines of all streams, newest first: Loki sorts within a stream only."""
    lines = [line for stream in streams if isinstance(stream, dict) for line in _lines_of(stream)]
    return sorted(lines, key=lambda line: (line.at, line.container), reverse=True)


def counted(lines: Iterable[Line]) -> Counts:
    """How many lines there are of each shape."""
    return Counter(line.shape for line in lines)


def patterns(subject: Subject, lines: Iterable[Line], usual: Counts | None) -> tuple[LogPattern, ...]:
    """The commonest shapes of lines that come newest first; `usual` counts the same shapes in the hour before."""
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
            id=evidence_id("log", "loki", subject.cluster, subject.kind, subject, *shape),
            subject=subject,
            template=tally.newest.text,
            count=tally.count,
            baseline_count=None if usual is None else usual.get(shape, 0),
            first_seen=tally.oldest.at,
            last_seen=tally.newest.at,
            examples=tuple(tally.examples),
            container=shape[0],
            origin="loki",
        )
        for shape, tally in commonest
    )


def _lines_of(stream: Mapping[str, Any]) -> Iterator[Line]:
    labels, rows = stream.get("stream"), stream.get("values")
    if not isinstance(labels, dict) or not isinstance(rows, list):
        return
    container = next((str(labels[name]) for name in CONTAINER_LABELS if name in labels), "")
    container = redact(container)[:NAME_CHARACTERS]
    for row in rows:
        # Two elements, or three with structured metadata.
        if not isinstance(row, list) or len(row) < 2 or not isinstance(row[1], str):  # noqa: PLR2004 - time and line
            continue
        at = _time(row[0])
        if at is not None:
            yield Line(at, container, _cleaned(row[1]))


def _time(text: Any) -> datetime | None:  # noqa: ANN401 - anything may stand in the answer
    try:
        return EPOCH + timedelta(microseconds=int(text) // 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _cleaned(raw: str) -> str:
    """Redacted before it is cut: a secret that a cut splits would no longer be recognised."""
    text = redact(raw[:RAW_LINE_CHARACTERS]).replace("\x00", "\ufffd").rstrip()
    text = _without_time(text)
    return text if len(text) <= LINE_CHARACTERS else text[: LINE_CHARACTERS - 1] + "…"


def _without_time(text: str) -> str:
    leading = LEADING_TIME.match(text)
    if leading:
        return text[leading.end() :]
    return KLOG_TIME.sub(r"\1 ", text, count=1) if KLOG_TIME.match(text) else text
