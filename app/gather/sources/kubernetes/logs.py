"""The last lines of a container → one `LogPattern` for each distinct line."""

import re
from dataclasses import dataclass
from datetime import datetime

from app.domain.evidence import LogPattern, evidence_id
from app.domain.query import ContainerLogQuery
from app.gather.sources.kubernetes.times import parse_time
from app.gather.text import storable
from app.redact import redact

TAIL_LINES = 200
# Bytes are counted from the start of the tail: a tight limit would cut off the newest lines.
LIMIT_BYTES = 2 * 1024 * 1024
MAX_PATTERNS = 80
MAX_LINE = 500
MAX_READ_LINE = 4_096
MAX_EXAMPLES = 2
MAX_EXAMPLE = 300
# What the redactor judges as one text; of longer logs the newest lines are kept.
MAX_CHARACTERS = 60_000
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
_OWN_TIME = re.compile(
    r"^\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?[ :|-]{0,3}"
)
# What the API says where there is nothing to read yet; that is an answer, not a failure.
_NO_LOG = (
    "previous terminated container",
    "is waiting to start",
    "is not available",
    "unable to retrieve container logs",
)


@dataclass
class _Line:
    examples: list[str]
    count: int
    first: datetime | None
    last: datetime | None


def params_of(query: ContainerLogQuery) -> tuple[tuple[str, str], ...]:
    """The parameters of the log request."""
    return (
        ("container", query.container),
        ("previous", "true" if query.previous else "false"),
        ("tailLines", str(TAIL_LINES)),
        ("limitBytes", str(LIMIT_BYTES)),
        ("timestamps", "true"),
    )


def says_no_log(message: str) -> bool:
    """Whether a refusal only means that nothing was logged."""
    return any(part in message for part in _NO_LOG)


def as_patterns(body: bytes, query: ContainerLogQuery) -> tuple[LogPattern, ...]:
    """The distinct redacted lines in the order in which they first came."""
    folded: dict[str, _Line] = {}
    for time, line in _redacted(body.decode("utf-8", errors="replace")):
        template = _OWN_TIME.sub("", line)[:MAX_LINE]
        if not template.strip():
            continue
        seen = folded.setdefault(template, _Line([], 0, time, time))
        seen.count += 1
        seen.first, seen.last = seen.first or time, time or seen.last
        if line[:MAX_EXAMPLE] not in seen.examples and len(seen.examples) < MAX_EXAMPLES:
            seen.examples.append(line[:MAX_EXAMPLE])
    origin = "previous" if query.previous else "current"
    return tuple(
        LogPattern(
            id=evidence_id("log", query.subject, query.container, origin, template),
            subject=query.subject,
            template=template,
            count=line.count,
            baseline_count=None,
            first_seen=line.first,
            last_seen=line.last,
            examples=tuple(line.examples),
            container=query.container,
            origin=origin,
        )
        for template, line in list(folded.items())[-MAX_PATTERNS:]
    )


def _redacted(text: str) -> list[tuple[datetime | None, str]]:
    """Redacts the lines as one text, since a key may span many; a block that vanished takes its times along."""
    stamped = _newest([_split(line) for line in text.splitlines()[-TAIL_LINES:]])
    lines = redact("\n".join(line for _, line in stamped)).split("\n")
    if len(lines) == len(stamped):
        return [(time, line) for (time, _), line in zip(stamped, lines, strict=True)]
    newest = next((time for time, _ in reversed(stamped) if time), None)
    return [(newest, line) for line in lines]


def _newest(lines: list[tuple[datetime | None, str]]) -> list[tuple[datetime | None, str]]:
    """As many of the last lines as are judged at once; never the end of a key whose start was cut off."""
    left = MAX_CHARACTERS
    start = len(lines)
    while start and left > len(lines[start - 1][1]):
        start -= 1
        left -= len(lines[start][1]) + 1
    kept = lines[start:]
    for index, (_, line) in enumerate(kept):
        if "-----BEGIN" in line:
            break
        if "-----END" in line:
            return kept[index + 1 :]
    return kept


def _split(line: str) -> tuple[datetime | None, str]:
    line = storable(line)
    match = _STAMP.match(line)
    if match is None:
        return None, line[:MAX_READ_LINE]
    return parse_time(match.group(1)), line[match.end() :][:MAX_READ_LINE]
