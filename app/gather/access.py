"""The way to one source, shared by all incidents: what was just answered, what is being asked, whose turn it is."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from app import telemetry
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
from app.domain.query import Query
from app.gather.breaker import Breaker
from app.gather.logs.allowance import OverBudgetError
from app.gather.places import Places, Turn
from app.gather.source import Source

CONCURRENT_QUESTIONS = 8
REMEMBERED_SECONDS = 10.0
REMEMBERED_ANSWERS = 500


@dataclass(slots=True)
class _Call:
    """A question under way, and how many incidents wait for its answer."""

    task: asyncio.Task[Evidence]
    turn: Turn
    waiting: int = 0


class Access:
    """Asks a source of one cluster for whoever wants to know. When many groups fire, each question is asked once.

    Good answers are remembered for some seconds; a failure is shared only by those who wait for it together.
    `patience_seconds`: a question that was under way for so long when its last incident gave up has failed.
    `cluster`: the name of the one that it answers for; empty where there is only one and it has none.
    """

    def __init__(
        self, source: Source, patience_seconds: float, clock: Callable[[], float] = monotonic, *, cluster: str = ""
    ) -> None:
        self.source = source
        self.cluster = cluster
        self.name = f"{source.name}@{cluster}" if cluster else source.name
        self._patience_seconds = patience_seconds
        self.breaker = Breaker(clock)
        self._clock = clock
        self._places = Places(CONCURRENT_QUESTIONS)
        self._calls: dict[Query, _Call] = {}
        self._answers: OrderedDict[Query, tuple[float, Evidence]] = OrderedDict()

    def gap(self, query: Query, reason: str) -> Gap:
        """What it could not show."""
        return Gap(self.source.name, query.question, reason, self.cluster)

    def share(self, replicas: int) -> None:
        """So many processes ask this source: together no more at a time than one alone would, but one each."""
        self._places.resize(max(1, CONCURRENT_QUESTIONS // max(replicas, 1)))

    def has(self, query: Query) -> bool:
        """Whether an answer is there, or on its way, without another call."""
        key = _key(query)
        return key in self._calls or self._remembered(key) is not None

    async def answer(self, query: Query, urgency: int, *, fresh: bool = False) -> Evidence:
        """The answer. Raises `SourceError`. `fresh`: asked now, whatever is remembered."""
        key = _key(query)
        if not fresh and (known := self._remembered(key)) is not None:
            return known
        call = None if fresh else self._calls.get(key)
        is_own = call is None
        if call is None:
            call = self._begin(key, query, urgency, fresh=fresh)
        call.turn.urgency = max(call.turn.urgency, urgency)
        call.waiting += 1
        try:
            return await asyncio.shield(call.task)
        except OverBudgetError:
            # Another incident's budget was too small for it; ours may do.
            if is_own:
                raise
        finally:
            call.waiting -= 1
            if call.waiting == 0 and not call.task.done():
                call.task.cancel()
                # Who asks from now on must not join what is being dropped.
                self._forget(key, call.task)
        return await self.answer(query, urgency)

    def _begin(self, key: Query, query: Query, urgency: int, *, fresh: bool) -> _Call:
        is_trial = self.breaker.is_open
        if not self.breaker.admits():
            raise SourceError(self.breaker.reason)
        turn = self._places.turn(urgency)
        call = _Call(asyncio.get_running_loop().create_task(self._ask(query, turn)), turn)
        call.task.add_done_callback(lambda task: self._ended(key, task, remember=not fresh))
        if is_trial:
            call.task.add_done_callback(self._trial_ended)
        if not fresh:
            self._calls[key] = call
        return call

    async def _ask(self, query: Query, turn: Turn) -> Evidence:
        await self._places.take(turn)
        began = self._clock()
        try:
            answer = self._signed(await self.source.answer(query))
        except OverBudgetError:
            # It was not asked: that is no sign of health either.
            raise
        except SourceError as error:
            self.breaker.failed(str(error)) if error.source_is_sick else self.breaker.answered()
            raise
        except asyncio.CancelledError:
            # Nobody waits any more: because it took too long, or an incident is not looked into any further.
            if (waited_seconds := self._clock() - began) >= self._patience_seconds:
                self.breaker.failed(f"no answer in {waited_seconds:.0f} s")
            raise
        else:
            self.breaker.answered()
        finally:
            self._places.give_back()
            telemetry.SOURCE_BREAKER_OPEN.labels(self.source.name, self.cluster).set(self.breaker.is_open)
        return answer

    def _signed(self, answer: Evidence) -> Evidence:
        """With the cluster on its gaps: a source knows but the one that it looks into."""
        if not self.cluster or not answer.gaps:
            return answer
        return replace(answer, gaps=tuple(replace(gap, cluster=self.cluster) for gap in answer.gaps))

    def _ended(self, key: Query, task: asyncio.Task[Evidence], *, remember: bool) -> None:
        self._forget(key, task)
        if task.cancelled() or task.exception() is not None or not remember:
            return
        self._answers[key] = (self._clock() + REMEMBERED_SECONDS, task.result())
        self._answers.move_to_end(key)
        while len(self._answers) > REMEMBERED_ANSWERS:
            self._answers.popitem(last=False)

    def _trial_ended(self, task: asyncio.Task[Evidence]) -> None:
        """However it ended, and if it never had its turn: the next may try a source that had failed."""
        if task.cancelled() or task.exception() is not None:
            self.breaker.gave_up()

    def _forget(self, key: Query, task: asyncio.Task[Evidence]) -> None:
        """It is under way no more, unless another has been asked in its place."""
        call = self._calls.get(key)
        if call is not None and call.task is task:
            del self._calls[key]

    def _remembered(self, key: Query) -> Evidence | None:
        until, answer = self._answers.get(key, (0.0, None))
        if answer is not None and until < self._clock():
            del self._answers[key]
            return None
        return answer


def _key(query: Query) -> Query:
    """The same thing in other words is the same question."""
    return replace(query, question="")
