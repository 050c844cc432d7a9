"""What one incident may still read from log stores: asked before each question, corrected after it.

A question is asked for whoever wants to know first (`app.gather.access`), and counts for that incident alone. It goes
on in the context of the gathering that began it; there the allowance lies, since no other source needs one.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from app.domain.errors import SourceError
from app.domain.log_budget import MOST_BYTES, LogBudget, Meter, Refusal

REMEMBERED_INCIDENTS: Final = 1000
# How long a meter may take: a database that hangs must not use up the question's own time.
METER_SECONDS: Final = 2.0
_HOUR: Final = 3600


class OverBudgetError(SourceError):
    """Not asked, since this incident, or this hour, has read enough. Says nothing about the source."""


class MemoryMeter:
    """The meter of one process, for where there is no database."""

    def __init__(self, budget: LogBudget, clock: Callable[[], float] = time.time) -> None:
        self._budget = budget
        self._clock = clock
        self._hour = (0, 0)
        self._incidents: OrderedDict[str, int] = OrderedDict()

    async def reserve(self, incident: str, size_bytes: int) -> Refusal | None:
        """Both budgets, the incident's first."""
        read, this_hour = self._incidents.get(incident, 0), self._read_this_hour()
        if read + size_bytes > self._budget.per_incident:
            return Refusal("incident", max(0, self._budget.per_incident - read))
        if this_hour + size_bytes > self._budget.per_hour:
            return Refusal("hour", max(0, self._budget.per_hour - this_hour))
        self._count(incident, size_bytes)
        return None

    async def correct(self, incident: str, difference_bytes: int) -> None:
        """Counted whatever the limits are: it has been read."""
        self._count(incident, difference_bytes)

    def _count(self, incident: str, size_bytes: int) -> None:
        self._hour = (self._this_hour(), max(0, self._read_this_hour() + size_bytes))
        self._incidents[incident] = max(0, self._incidents.get(incident, 0) + size_bytes)
        self._incidents.move_to_end(incident)
        while len(self._incidents) > REMEMBERED_INCIDENTS:
            self._incidents.popitem(last=False)

    def _this_hour(self) -> int:
        return int(self._clock() // _HOUR)

    def _read_this_hour(self) -> int:
        hour, read = self._hour
        return read if hour == self._this_hour() else 0


class Allowance:
    """One incident's way to the meter."""

    def __init__(self, meter: Meter, incident: str) -> None:
        self._meter = meter
        self._incident = incident

    async def reserve(self, size_bytes: int, *, at_most: bool = False) -> None:
        """Count this before it is read; `at_most`: it is a bound. Raises `OverBudgetError` in plain words."""
        size_bytes = min(size_bytes, MOST_BYTES)
        try:
            async with asyncio.timeout(METER_SECONDS):
                refusal = await self._meter.reserve(self._incident, size_bytes)
        except TimeoutError:
            refusal = Refusal("hour", None)
        if refusal is not None:
            raise OverBudgetError(_in_words(refusal, size_bytes, "up to " if at_most else ""))

    async def correct(self, reserved_bytes: int, read_bytes: int) -> None:
        """Count what was read instead of what was expected. If nobody can note that, what was expected stays."""
        difference = min(read_bytes, MOST_BYTES) - min(reserved_bytes, MOST_BYTES)
        if not difference:
            return
        try:
            async with asyncio.timeout(METER_SECONDS):
                await self._meter.correct(self._incident, difference)
        except TimeoutError:
            return


ALLOWANCE: ContextVar[Allowance] = ContextVar("allowance")


def allowance() -> Allowance:
    """That of the gathering which asks; a question that belongs to none has a default budget of its own."""
    return ALLOWANCE.get(None) or Allowance(MemoryMeter(LogBudget()), "")


def size_in_words(size_bytes: int) -> str:
    """`2.1 GB`, `40 MB`, `3 kB`."""
    if size_bytes >= 100_000_000:  # noqa: PLR2004 - from here on a tenth of a GB can be seen
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:.0f} kB"  # noqa: PLR2004


def _in_words(refusal: Refusal, size_bytes: int, bound: str) -> str:
    if refusal.left_bytes is None:
        return "not asked: how much was read from log stores this hour is not known just now"
    left = f"{size_in_words(refusal.left_bytes)} are" if refusal.left_bytes else "nothing is"
    return f"not asked: {bound}{size_in_words(size_bytes)} would be read, {left} left for this {refusal.of}"
