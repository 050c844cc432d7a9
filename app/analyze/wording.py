"""Numbers, times and lines as people read them."""

import math
import re

LINE_LIMIT = 90
STATEMENT_LIMIT = 300
_KIBI = 1024.0
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_TENFOLD = 10
_RIGHT = 15.0
_SHORT_KIND = {
    "Deployment": "deploy",
    "StatefulSet": "sts",
    "DaemonSet": "ds",
    "ReplicaSet": "rs",
    "Job": "job",
    "CronJob": "cj",
    "Pod": "pod",
    "Node": "node",
    "Service": "svc",
    "Namespace": "ns",
    "PersistentVolumeClaim": "pvc",
}


def cut(line: str, limit: int = LINE_LIMIT) -> str:
    """One line of at most `limit` characters; the cut shows as an ellipsis, at a word where one is near."""
    flat = " ".join(line.split())
    if len(flat) <= limit:
        return flat
    head = flat[: limit - 1]
    at_word = head.rpartition(" ")[0]
    return (at_word if len(at_word) > limit * 2 // 3 else head).rstrip(" ,;:·(") + "…"


def plural(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`, `26 h`, `4 d`."""
    seconds = max(seconds, 0.0)
    if seconds < 1.5 * _MINUTE:
        return f"{round(seconds)} s"
    if seconds < 1.5 * _HOUR:
        return f"{round(seconds / _MINUTE)} min"
    if seconds < 10 * _HOUR:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(seconds / _HOUR)} h" if seconds < 2 * _DAY else f"{round(seconds / _DAY)} d"


def apart(seconds: float) -> str:
    """How far a change and what came of it lie apart: `4 min`, and `right` for next to nothing."""
    return duration(seconds) if seconds >= _RIGHT else "right"


def quantity(value: float, unit: str) -> str:
    """A value with its unit, in the few digits that matter: `512Mi`, `8.4 %`, `2.9 s`, `0.25 cores`."""
    if not math.isfinite(value):
        return "unknown"
    if unit == "bytes":
        return _bytes(value)
    if unit == "ratio":
        return f"{_digits(value * 100)} %"
    if unit == "seconds":
        return f"{_digits(value * 1000)} ms" if abs(value) < 0.1 else f"{_digits(value)} s"  # noqa: PLR2004
    if unit == "per_second":
        return f"{_digits(value)}/s"
    return f"{_digits(value)} {unit}" if unit and unit != "count" else _digits(value)


def _bytes(value: float) -> str:
    for suffix in ("", "Ki", "Mi"):
        if abs(value) < _KIBI:
            return f"{_digits(value)}{suffix}" if suffix else f"{_digits(value)} B"
        value /= _KIBI
    return f"{_digits(value)}Gi"


def _digits(value: float) -> str:
    if abs(value) >= _TENFOLD:
        return f"{value:.0f}"
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 0.095 or value == 0 else f"{value:.2g}"  # noqa: PLR2004


def against_usual(now: float, usual: float | None, unit: str) -> str:
    """`2.9 s (usual 0.4 s)`, or the bare number where the usual one is not known."""
    known = usual is not None and math.isfinite(usual)
    return (
        f"{quantity(now, unit)} (usual {quantity(usual, unit)})" if known and usual is not None else quantity(now, unit)
    )


def short_kind(kind: str) -> str:
    """The word kubectl takes for a kind: `deploy`."""
    return _SHORT_KIND.get(kind, kind.lower())


def plain_words(camel: str) -> str:
    """`KubePodNotReady` as `kube pod not ready`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-]+", " ", camel)
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in spaced.split())
