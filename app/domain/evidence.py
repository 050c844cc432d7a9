"""What was seen, and what could not be. A closed vocabulary: a new source fills these kinds."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from app.domain.change import Change
from app.domain.subject import Subject

T = TypeVar("T")


PENDING = "no answer yet"
"""The reason of a gap whose question is still being asked."""


def evidence_id(*parts: object) -> str:
    """A short id that is the same whenever the same thing is seen: `e` and 10 hex digits."""
    text = "\x1f".join(str(part) for part in parts)
    return "e" + hashlib.blake2s(text.encode(errors="replace"), digest_size=5).hexdigest()


@dataclass(frozen=True, slots=True)
class ObjectState:
    """A Kubernetes object, cut to the fields that are read; `body` keeps the API's own names."""

    id: str
    subject: Subject
    observed_at: datetime
    body: Mapping[str, Any]
    kind: Literal["object_state"] = "object_state"


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """A Kubernetes event about `subject`; `count` times between `first_at` and `at`."""

    id: str
    subject: Subject
    at: datetime
    first_at: datetime
    reason: str
    message: str
    warning: bool
    count: int = 1
    source: str = ""
    kind: Literal["cluster_event"] = "cluster_event"


@dataclass(frozen=True, slots=True)
class Series:
    """One time series; points are (unix seconds, value), None where the value was not a number."""

    id: str
    subject: Subject
    name: str
    expr: str
    unit: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float | None], ...]
    kind: Literal["series"] = "series"


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Log lines of one shape.

    `baseline_count` is that of samples of the usual time, scaled to a time as long as `count` covers; None where
    that was not asked or not answered. A source gives one item for each distinct redacted line (`template` is the line
    without its time); analysis folds them. `origin` says where: "current", "previous" (run of the container)
    or a log store.
    """

    id: str
    subject: Subject
    template: str
    count: int
    baseline_count: int | None
    first_seen: datetime | None
    last_seen: datetime | None
    examples: tuple[str, ...]
    container: str = ""
    origin: str = "current"
    kind: Literal["log_pattern"] = "log_pattern"


@dataclass(frozen=True, slots=True)
class Probe:
    """One health check by ourselves; `status` is None when no HTTP answer came."""

    id: str
    subject: Subject
    at: datetime
    url: str
    status: int | None
    milliseconds: float
    detail: str = ""
    kind: Literal["probe"] = "probe"


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be seen, and why: "loki", "errors of shop/checkout", "no answer in 4 s".

    `cluster`: the name in the settings whose source it is; empty for a single cluster without one.
    """

    source: str
    question: str
    reason: str
    cluster: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether the question is still open: nobody failed yet."""
        return self.reason == PENDING


Item = ObjectState | ClusterEvent | Series | LogPattern | Probe | Change


DROPPED = Gap("sitrep", "alerts, timeline and evidence", "ended longer ago than is kept, and dropped since")
"""Stands in for the details of an old incident, of which only the compact record is left."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen. `Evidence() + a + b`: the same item twice counts once, later ones win."""

    items: tuple[Item, ...] = ()
    gaps: tuple[Gap, ...] = ()
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "Evidence") -> "Evidence":
        """Both together; per source the longest time counts."""
        by_id = {item.id: item for item in (*self.items, *other.items)}
        times = dict(self.milliseconds)
        for source, milliseconds in other.milliseconds.items():
            times[source] = max(milliseconds, times.get(source, 0.0))
        return Evidence(tuple(by_id.values()), tuple(dict.fromkeys((*self.gaps, *other.gaps))), times)

    def of(self, item_type: type[T]) -> tuple[T, ...]:
        """The items of one kind, in the order in which they were seen."""
        return tuple(item for item in self.items if isinstance(item, item_type))

    @classmethod
    def seen(cls, items: Iterable[Item]) -> "Evidence":
        """Evidence of these items alone."""
        return cls(items=tuple(items))
