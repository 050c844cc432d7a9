"""Errors in the logs that are new against the usual time, or a container's last words."""

import re
from collections.abc import Iterable
from dataclasses import replace

from app.analyze.wording import cut, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import LogPattern
from app.domain.incident import Finding
from app.domain.subject import Subject

_ERROR = re.compile(
    r"error|exception|fatal|panic|traceback|refused|timed? ?out|denied|cannot|can't|could not|unable to|failed|failure"
    r"|unreachable|no such|not found|out of memory|segfault|killed",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("log.out_of_memory", re.compile(r"out of memory|OutOfMemory|heap (?:limit|space)|cannot allocate", re.IGNORECASE)),
    (
        "log.dependency_unreachable",
        re.compile(
            r"connection refused|ECONNREFUSED|no such host|ENOTFOUND|ETIMEDOUT|i/o timeout|connect(?:ion)? timed? ?out"
            r"|name or service not known|name resolution|no route to host|upstream connect error|connection reset",
            re.IGNORECASE,
        ),
    ),
    (
        "log.permission_denied",
        re.compile(r"permission denied|EACCES|read-only file system|operation not permitted", re.IGNORECASE),
    ),
)
_MANY = 3
_SURGE = 5
_LIMIT = 3


class LogErrors:
    """`log.dependency_unreachable`, `.permission_denied`, `.out_of_memory`, `.last_words`, `.new_errors`."""

    name = "log_errors"

    def detect(self, world: World) -> Iterable[Finding]:
        """At most three patterns for each workload: those that are new, or far more frequent than usual."""
        by_workload: dict[Subject, list[LogPattern]] = {}
        for pattern in world.logs:
            if pattern.count > 0 and _is_error(pattern) and _is_news(pattern):
                by_workload.setdefault(world.workload_of(pattern.subject), []).append(pattern)
        for workload, patterns in sorted(by_workload.items()):
            loudest = sorted(patterns, key=lambda one: (_kind(one) == "log.new_errors", -one.count, one.template))
            # The container's log and the log store tell the same lines.
            once = {pattern.template: pattern for pattern in reversed(loudest)}
            for pattern in [one for one in loudest if once[one.template] is one][:_LIMIT]:
                yield _found(workload, pattern)


def _is_error(pattern: LogPattern) -> bool:
    return bool(_ERROR.search(pattern.template))


def _is_news(pattern: LogPattern) -> bool:
    """New or much louder than than usual; the last words of a run that ended have no usual time."""
    if pattern.origin == "previous":
        return True
    if pattern.baseline_count is None:
        return False
    return pattern.baseline_count == 0 or pattern.count >= _SURGE * pattern.baseline_count


def _kind(pattern: LogPattern) -> str:
    if pattern.subject.kind == "Node":
        # A kubelet tells of everybody's trouble: what its probe could not connect to is not what the node lacks.
        return "log.new_errors"
    return next((kind for kind, words in _KINDS if words.search(pattern.template)), "log.new_errors")


_TARGET = re.compile(
    r"(?:dial tcp|lookup|connect(?:ing|ion)? to|reach|host|ECONNREFUSED|ENOTFOUND|ETIMEDOUT)[ :=\"']+"
    r"(?P<target>[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?(?::\d+)?)",
)


def _target(line: str) -> str:
    """What the line says that it cannot reach; empty where it does not say."""
    match = _TARGET.search(line)
    return match["target"] if match else ""


def _example(pattern: LogPattern) -> str:
    return pattern.examples[0] if pattern.examples else pattern.template


_MESSAGE = re.compile(r"""(?:^|[\s{,])"?(?:msg|message)"?\s*[=:]\s*"((?:[^"\\]|\\.)+)\"""")


def gist(line: str) -> str:
    """What a structured line says: its message where that names the error, else the line as it is."""
    match = _MESSAGE.search(line)
    return match[1].replace('\\"', '"') if match and _ERROR.search(match[1]) else line


def _statement(pattern: LogPattern, kind: str) -> str:
    usual = f", usually {pattern.baseline_count}" if pattern.baseline_count is not None else ""
    example = _example(pattern)
    said = gist(example)
    log = f"in the log of {pattern.container}" if pattern.subject.kind == "Node" else "in the log"
    where = "before it ended" if pattern.origin == "previous" else log
    lines = f"{plural(pattern.count, 'line')} {where}{usual}"
    if kind == "log.dependency_unreachable":
        return f"cannot reach {cut(_target(example) or 'something that it calls', 50)} ({lines}): {cut(said, 150)}"
    return f"{lines}: {cut(said, 200)}"


def _found(workload: Subject, pattern: LogPattern) -> Finding:
    kind = _kind(pattern)
    if kind == "log.new_errors" and pattern.origin == "previous":
        kind = "log.last_words"
    # What a run said last, before it ended, weighs more than a line among many.
    severity = Severity.CRITICAL if pattern.origin == "previous" else Severity.WARNING
    statement = _statement(pattern, kind)
    found = finding(kind, workload, severity, statement, onset_at=pattern.first_seen, evidence=(pattern.id,))
    names = _target(_example(pattern)) if kind == "log.dependency_unreachable" else ""
    return replace(found, names=names)
