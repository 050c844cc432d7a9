"""Asks all sources at once: every question under the deadline, every failure a named gap."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from app.domain.alert import Alert, Severity
from app.domain.errors import SourceError
from app.domain.evidence import PENDING, Evidence, Gap
from app.domain.log_budget import LogBudget, Meter
from app.domain.query import Query
from app.domain.subject import Subject
from app.gather.access import Access
from app.gather.harvest import Harvest
from app.gather.logs.allowance import ALLOWANCE, Allowance, MemoryMeter
from app.gather.owed import calls_of, kind_of_source
from app.gather.plan import Plan
from app.gather.planner import Planner
from app.gather.source import Source
from app.gather.ways import Ways

MAX_KUBERNETES_CALLS = 40
# What a source that does not listen to its cancellation may cost beyond the deadline.
GRACE_SECONDS = 0.25

log = structlog.get_logger(__name__)


# Incidents that begin within such a step ask about the same span of time, and so the same questions.
STEP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class _Desk:
    """What all gatherings share: the ways to the sources, how long one incident waits, who counts what is read."""

    ways: Ways
    deadline_seconds: float
    meter: Meter


class Gatherer:
    """Holds the sources; each incident gets a `Gathering` of its own."""

    def __init__(
        self,
        sources: Sequence[Source] | Mapping[str, Sequence[Source]],
        planner: Planner,
        deadline_seconds: float,
        meter: Meter | None = None,
    ) -> None:
        """`sources`: by the cluster that they look into, or those of a single cluster without a name.

        `meter` counts what is read from log stores; without one, this process does by itself.
        """
        self.planner = planner
        by_cluster = sources if isinstance(sources, Mapping) else {"": sources}
        ways = Ways(by_cluster, deadline_seconds / 2)
        self._desk = _Desk(ways, deadline_seconds, meter or MemoryMeter(LogBudget()))

    @property
    def ways(self) -> tuple[Access, ...]:
        """The way to each source, with how it fares."""
        return self._desk.ways.every

    def start(
        self, alerts: tuple[Alert, ...], subjects: tuple[Subject, ...], now: datetime, incident: str = ""
    ) -> "Gathering":
        """Begin to ask; returns at once. The caller must `finish` or `aclose` it.

        `incident`: whose log budget this is, for an incident may be looked into again.
        """
        urgency = max((alert.severity for alert in alerts), default=Severity.WARNING)
        # Up, not down: what was measured in the last seconds is what the alert fires for.
        to_step = timedelta(seconds=-now.timestamp() % STEP_SECONDS)
        return Gathering(
            self._desk, self.planner.begin(alerts, subjects, now + to_step), Manner(urgency, incident=incident)
        )

    async def ask(self, queries: Iterable[Query], now: datetime) -> Evidence:
        """The answers to these questions alone, as of now, without any that follow from them."""
        plan = Plan(tuple(queries), lambda _subject, _pods: (), now, probes=False)
        gathering = Gathering(self._desk, plan, Manner(fresh=True, follow=False))
        try:
            return await gathering.finish()
        finally:
            await gathering.aclose()


@dataclass(frozen=True, slots=True)
class Manner:
    """How questions are asked: before which others, whatever was answered just now, and with what follows."""

    urgency: int = Severity.WARNING
    fresh: bool = False
    follow: bool = True
    incident: str = ""


class Gathering:
    """One incident's questions on their way."""

    def __init__(self, desk: _Desk, plan: Plan, manner: Manner) -> None:
        self._desk = desk
        self._plan = plan
        self._manner = manner
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._deadline = self._started + desk.deadline_seconds
        self._harvest = Harvest()
        self._asked: set[tuple[str, Query]] = set()
        self._calls_left = MAX_KUBERNETES_CALLS
        self._open: dict[asyncio.Task[None], tuple[Access, Query]] = {}
        self._idle = asyncio.Event()
        self._context = copy_context()
        self._context.run(ALLOWANCE.set, Allowance(desk.meter, manner.incident or uuid4().hex))
        self._ask_all(plan.first)
        self._settle()

    async def wait(self, seconds: float) -> bool:
        """Whether nothing more will be asked, after this many seconds at most."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._idle.wait()
        except TimeoutError:
            return self._idle.is_set()
        return True

    def evidence(self) -> Evidence:
        """What is there so far; what was asked and not answered yet is a gap."""
        over = self._elapsed_seconds() >= self._desk.deadline_seconds
        reason = f"no answer in {self._desk.deadline_seconds:g} s" if over else PENDING
        waiting = [(query, way.gap(query, reason)) for way, query in self._open.values()]
        return self._harvest.evidence(waiting, self._plan.is_moot)

    async def finish(self) -> Evidence:
        """Everything, at the deadline at the latest."""
        if not await self.wait(self._deadline - self._loop.time() + GRACE_SECONDS):
            log.warning("source ignores its deadline", sources=sorted({way.name for way, _ in self._open.values()}))
        evidence = self.evidence()
        await self.aclose()
        return evidence

    async def aclose(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    def _ask_all(self, queries: Iterable[Query]) -> None:
        for query in queries:
            lookout = self._desk.ways.into(query.subject.cluster)
            takers = [way for way in lookout.ways if way.source.accepts(query)]
            if not takers and (missing := kind_of_source(query)):
                self._harvest.absent(Gap(missing, query.question, lookout.absence, lookout.cluster))
            for way in takers:
                self._ask(way, query)

    def _ask(self, way: Access, query: Query) -> None:
        # The same thing in other words is the same question.
        key = (way.name, replace(query, question=""))
        if key in self._asked or self._loop.time() >= self._deadline:
            return
        self._asked.add(key)
        self._harvest.asked(query)
        # What another incident asks at this moment is no call of this one.
        calls = 0 if not self._manner.fresh and way.has(query) else calls_of(query)
        if calls > self._calls_left:
            self._harvest.failed(query, way.gap(query, "too many questions for one incident"))
            return
        self._calls_left -= calls
        task = self._loop.create_task(self._answer(way, query), context=self._context)
        self._open[task] = (way, query)
        task.add_done_callback(self._closed)

    async def _answer(self, way: Access, query: Query) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                answer = await way.answer(query, self._manner.urgency, fresh=self._manner.fresh)
            took = self._elapsed_seconds() * 1000
            self._harvest.add(way, query, answer, took)
            if self._manner.follow:
                self._ask_all(self._plan.follow_up(query, answer))
        except TimeoutError:
            self._failed(way, query, f"no answer in {self._desk.deadline_seconds:g} s")
        except SourceError as error:
            self._failed(way, query, str(error))
        except Exception as error:  # a bug in one source costs only itself
            log.exception("source failed", source=way.name, question=query.question)
            self._failed(way, query, f"internal error ({type(error).__name__})")

    def _failed(self, way: Access, query: Query, reason: str) -> None:
        self._harvest.failed(query, way.gap(query, reason))
        self._harvest.took(way, self._elapsed_seconds() * 1000)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)
        self._settle()

    def _settle(self) -> None:
        if not self._open:
            self._idle.set()

    def _elapsed_seconds(self) -> float:
        return min(self._loop.time() - self._started, self._desk.deadline_seconds)
