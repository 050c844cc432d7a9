"""One source that is as well as a test wants, and time that it turns."""

import asyncio
from dataclasses import replace

import pytest

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, ObjectState, evidence_id
from app.domain.query import ObjectQuery, Query
from app.domain.subject import Subject
from app.gather.access import Access
from tests.store.house import T0

CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
QUERY = ObjectQuery("the state of shop/checkout", CHECKOUT)


class Clock:
    """Time that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Cluster:
    """A source that is as well as the test wants; `gate` holds answers back, and hanging up takes a moment."""

    name = "kubernetes"

    def __init__(self) -> None:
        self.asked: list[Query] = []
        self.fails: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    def accepts(self, query: Query) -> bool:
        return bool(query)

    async def answer(self, query: Query) -> Evidence:
        self.asked.append(query)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.005)
            raise
        if self.fails is not None:
            raise self.fails
        return Evidence.seen([ObjectState(evidence_id(str(len(self.asked))), CHECKOUT, T0, {})])

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="held by a test")

    async def aclose(self) -> None:
        return None


SICK = SourceError("connection refused", source_is_sick=True)


def about(number: int) -> ObjectQuery:
    return replace(QUERY, subject=replace(CHECKOUT, name=f"app-{number}"))


async def fail(access: Access, number: int) -> str:
    """Ask something that is not answered; the reason."""
    with pytest.raises(SourceError) as refused:
        await access.answer(about(number), 2)
    return str(refused.value)


async def give_up(*waiting: asyncio.Task[Evidence]) -> None:
    """As incidents do that wait no more; what they had asked is dropped soon."""
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
