"""Errors in the logs that are new against the usual hour, or a container's last words."""

import re
from collections.abc import Iterable

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
    """`log.dependency_unreachable`, `log.permission_denied`, `log.out_of_memory`, `log.new_errors`."""

    name = "log_errors"

    def detect(self, world: World) -> Iterable[Finding]:
        """At most three patterns for each workload: those that are new, or far more frequent than usual."""
        by_workload: dict[Subject, list[LogPattern]] = {}
        for pattern in world.logs:
            if pattern.count > 0 and _is_error(pattern) and _is_news(pattern):
                by_workload.setdefault(world.workload_of(pattern.subject), []).append(pattern)
        for workload, patterns in sorted(by_workload.items()):
            loudest = sorted(patterns, key=lambda one: (_kind(one) == "log.new_errors", -one.count, one.template))
            for pattern in loudest[:_LIMIT]:
                yield _found(workload, pattern)


def _is_error(pattern: LogPattern) -> bool:
    return bool(_ERROR.search(pattern.template))


def _is_news(pattern: LogPattern) -> bool:
    """New or much louder than in the usual hour; the last words of a run that ended have no usual hour."""
    if pattern.origin == "previous":
        return True
    if pattern.baseline_count is None:
        return False
    return pattern.baseline_count == 0 or pattern.count >= _SURGE * pattern.baseline_count


def _kind(pattern: LogPattern) -> str:
    return next((kind for kind, words in _KINDS if words.search(pattern.template)), "log.new_errors")


def _found(workload: Subject, pattern: LogPattern) -> Finding:
    usual = f", usually {pattern.baseline_count}" if pattern.baseline_count is not None else ""
    example = pattern.examples[0] if pattern.examples else pattern.template
    where = "before it ended" if pattern.origin == "previous" else "in the log"
    said = cut(example, 200)
    return finding(
        _kind(pattern),
        workload,
        Severity.WARNING,
        f"{plural(pattern.count, 'line')} {where}{usual}: {said}",
        onset_at=pattern.first_seen,
        evidence=(pattern.id,),
    )
