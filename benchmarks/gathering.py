"""How long thirty questions take when every source takes half a second, and when one of them hangs."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from app.domain.alert import Alert
from app.domain.diagnosis import Diagnosis
from app.domain.evidence import Evidence
from app.domain.query import PromQuery, Query
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from benchmarks.figures import Figures, Setting

SOURCES, QUESTIONS = 4, 30
ANSWER_AFTER_SECONDS = 0.5
DEADLINE_SECONDS = 2.0
RUNS = 5
SUBJECT = Subject("prod", "", "Cluster", "")


class SlowSource:
    """Answers its own questions after half a second, or never."""

    def __init__(self, number: int, *, hangs: bool = False) -> None:
        self.name = f"source-{number}"
        self._number = number
        self._seconds = 3600.0 if hangs else ANSWER_AFTER_SECONDS

    def accepts(self, query: Query) -> bool:
        """Its share of the questions."""
        return isinstance(query, PromQuery) and int(query.expr) % SOURCES == self._number

    async def answer(self, query: Query) -> Evidence:
        """Nothing, late."""
        del query
        await asyncio.sleep(self._seconds)
        return Evidence()

    async def check(self) -> Diagnosis:
        """Well."""
        return Diagnosis(self.name, healthy=True, statement="slow")

    async def aclose(self) -> None:
        """Nothing is held."""


def _questions(
    _alerts: tuple[Alert, ...], subject: Subject, now: datetime, pods: Sequence[str] = ()
) -> tuple[Query, ...]:
    del pods
    return tuple(PromQuery(f"question {n}", subject, "value", str(n), "", now, now) for n in range(QUESTIONS))


async def _took(*, one_hangs: bool) -> float:
    sources = [SlowSource(number, hangs=one_hangs and number == 0) for number in range(SOURCES)]
    gatherer = Gatherer(sources, Planner(_questions), DEADLINE_SECONDS)
    began = time.perf_counter()
    await gatherer.start((), (SUBJECT,), datetime.now(UTC)).finish()
    return (time.perf_counter() - began) * 1000


async def measure(setting: Setting, figures: Figures) -> None:
    """Both, some times."""
    del setting
    what = f"{QUESTIONS} questions to {SOURCES} sources that take {ANSWER_AFTER_SECONDS * 1000:g} ms each"
    figures.put_times("gather.slow", [await _took(one_hangs=False) for _ in range(RUNS)], what)
    hanging = [await _took(one_hangs=True) for _ in range(2)]
    figures.put_times("gather.hanging", hanging, f"the same while one hangs, deadline {DEADLINE_SECONDS:g} s")
