"""However many harmless incidents are being looked into, what wakes people is begun at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.subject import Subject
from app.jobs.deliver import Sender
from app.jobs.retention import Retention
from app.jobs.worker import PLACES_FOR_ALL, Worker
from app.notify.dispatcher import Dispatcher
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.queue import Queue
from tests.jobs.house import Board, Cluster, House
from tests.store.house import alert, post

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A house with a worker at work, whose one source answers nobody."""
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    house = House(store, queue, Cluster())
    sender = Sender(house.incidents, Deliveries(store), Dispatcher([Board()]), Leases(store, holder=uuid7()))
    worker = Worker(store, house.enricher, sender, Retention(store, sender.leases, timedelta(days=400)))
    running = asyncio.create_task(worker.run())
    yield house
    house.cluster.gate.set()
    worker.stop()
    await running
    await queue.aclose()
    await store.aclose()


async def fires(house: House, number: int, severity: str) -> UUID:
    fired = replace(alert("Slow", severity=severity), fingerprint=f"{number:016x}")
    subject = Subject("prod", "shop", "Deployment", f"app-{number}")
    (incident_id,) = await house.acceptance.accept(post(f"{number}", fired, minute=29, subject=subject))
    return incident_id


async def begun(house: House, incidents: list[UUID]) -> int:
    fences = [await house.scalar("select fence from incident where id = %(id)s", one) for one in incidents]
    return sum(bool(fence) for fence in fences)


async def test_a_page_does_not_wait_behind_harmless_incidents(house: House) -> None:
    harmless = [await fires(house, number, "info") for number in range(PLACES_FOR_ALL * 2)]

    async def all_places_are_taken() -> None:
        while await begun(house, harmless) < PLACES_FOR_ALL:
            await asyncio.sleep(0.05)

    await asyncio.wait_for(all_places_are_taken(), 10)
    page = await fires(house, 100, "critical")

    async def page_is_begun() -> None:
        while not await begun(house, [page]):
            await asyncio.sleep(0.05)

    # The others hold their places until the sources' deadline, 3 s after they began.
    await asyncio.wait_for(page_is_begun(), 2)
    assert await begun(house, harmless) == PLACES_FOR_ALL
