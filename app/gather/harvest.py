"""Collects answers and gaps within a bound, and words many gaps of one reason as one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from app.domain.evidence import Evidence, Gap, Item, LogPattern
from app.domain.query import Query
from app.gather.access import Access
from app.gather.owed import LOG_STORE, NOT_CONFIGURED

MAX_BYTES = 2 * 1024 * 1024
STOOD_IN = "no log store is configured; container logs came from the Kubernetes API"

Asked = tuple[Query, Gap]


class Harvest:
    """All that came back so far."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._gaps: list[Asked] = []
        self._order: dict[Query, int] = {}
        self._missing_sources: dict[tuple[str, str], Gap] = {}
        self._milliseconds: dict[str, float] = {}

    def asked(self, query: Query) -> None:
        """Gaps are told in the order of their questions, whenever each failed."""
        self._order.setdefault(query, len(self._order))

    def add(self, way: Access, query: Query, answer: Evidence, milliseconds: float) -> None:
        """An answer, as far as it still fits."""
        self.took(way, milliseconds)
        self._gaps.extend((query, gap) for gap in answer.gaps)
        dropped = 0
        for item in answer.items:
            # What Python would print is a fair estimate of what is stored.
            size = len(repr(item))
            if self._bytes - self._sizes.get(item.id, 0) + size > MAX_BYTES:
                dropped += 1
                continue
            self._bytes += size - self._sizes.get(item.id, 0)
            self._sizes[item.id] = size
            self._items[item.id] = item
        if dropped:
            self.failed(query, way.gap(query, "too much to keep: 2 MiB an incident"))

    def failed(self, query: Query, gap: Gap) -> None:
        """A question without an answer."""
        self._gaps.append((query, gap))

    def absent(self, gap: Gap) -> None:
        """Nobody takes such questions; said once for the source and the reason."""
        self._missing_sources.setdefault((gap.source, gap.reason), gap)

    def took(self, way: Access, milliseconds: float) -> None:
        """When a source's last answer came, counted from the start."""
        self._milliseconds[way.name] = round(max(milliseconds, self._milliseconds.get(way.name, 0.0)), 1)

    def evidence(self, waiting: Iterable[Asked], is_moot: Callable[[Query, Gap], bool]) -> Evidence:
        """Everything so far, with what is still waited for among the gaps."""
        missed = sorted((*self._gaps, *waiting), key=lambda asked: self._order.get(asked[0], 0))
        told = [gap for query, gap in missed if not is_moot(query, gap)]
        gaps = (*self._not_configured(), *_gathered(told))
        return Evidence(tuple(self._items.values()), gaps, dict(self._milliseconds))

    def _not_configured(self) -> Iterator[Gap]:
        """Where the Kubernetes API stood in for a log store, that is said: what is missing then is the usual time."""
        stood_in = any(isinstance(item, LogPattern) for item in self._items.values())
        for (source, reason), gap in self._missing_sources.items():
            is_told_so = source == LOG_STORE and reason == NOT_CONFIGURED and stood_in
            yield replace(gap, reason=STOOD_IN) if is_told_so else gap


def _gathered(gaps: Iterable[Gap]) -> list[Gap]:
    """One gap for each source of a cluster and each reason: the first question, and how many more."""
    groups: dict[Gap, list[str]] = {}
    for gap in gaps:
        questions = groups.setdefault(replace(gap, question=""), [])
        if gap.question not in questions:
            questions.append(gap.question)
    return [_worded(replace(gap, question=names[0]), len(names) - 1) for gap, names in groups.items()]


def _worded(gap: Gap, others: int) -> Gap:
    if not others:
        return gap
    return replace(gap, question=f"{gap.question} and {others} more question{'s' if others > 1 else ''}")
