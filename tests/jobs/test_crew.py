"""Workers count each other, so that together they ask a source no more than one would."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.gather.access import CONCURRENT_QUESTIONS, Access
from app.jobs.crew import Crew
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Leases
from tests.gather.one_source import Cluster, about

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store(database_url)
    yield opened
    await opened.aclose()


class Member:
    """One worker with a way to a source of its own."""

    def __init__(self, store: Store) -> None:
        self.source = Cluster()
        self.source.gate.clear()
        self.way = Access(self.source, 5.0)
        self._crew = Crew(Leases(store, uuid7()), [self.way])

    async def looks(self) -> None:
        await self._crew.work(asyncio.Event())

    async def asks_at_once(self) -> int:
        """How many of very many questions reach the source at a time."""
        waiting = [asyncio.create_task(self.way.answer(about(n), 2)) for n in range(20)]
        await asyncio.sleep(0.01)
        asked = len(self.source.asked)
        self.source.gate.set()
        await asyncio.gather(*waiting)
        return asked


async def test_one_alone_has_all_places_and_four_share_them(store: Store) -> None:
    alone = Member(store)
    await alone.looks()
    assert await alone.asks_at_once() == CONCURRENT_QUESTIONS
    crew = [Member(store) for _ in range(3)]
    for _ in range(2):
        for member in crew:
            await member.looks()
    assert [await member.asks_at_once() for member in crew] == [CONCURRENT_QUESTIONS // 4] * 3


async def test_one_that_died_is_soon_counted_no_more(store: Store) -> None:
    for _ in range(3):
        await Member(store).looks()
    async with store.transaction() as transaction:
        await transaction.execute("update lease set until = now() - interval '1 s'")
    heir = Member(store)
    await heir.looks()
    assert await heir.asks_at_once() == CONCURRENT_QUESTIONS
