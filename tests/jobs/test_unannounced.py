"""A worker dies between its conclusion and the announcement: what can only be told now is told by the next."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from typing_extensions import override

from app.domain.incident import Incident
from app.jobs.announce import Announcer
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import Target
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.queue import Queue
from tests.jobs.house import Board, Cluster, House, alert
from tests.jobs.slack_house import Held

pytestmark = pytest.mark.anyio


class LateBoard(Board):
    """A notifier that wants nothing before all is known, as an incoming webhook does."""

    @override
    def targets(self, incident: Incident) -> tuple[Target, ...]:
        return super().targets(incident) if incident.enrichment == "complete" else ()


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    cluster = Cluster()
    cluster.gate.set()
    yield House(store, queue, cluster)
    await queue.aclose()
    await store.aclose()


async def test_what_a_dead_worker_concluded_and_did_not_announce_is_announced_by_the_next(house: House) -> None:
    announcer = Announcer(house.incidents, Deliveries(house.store), Dispatcher([LateBoard()]))
    incident_id = await house.post(alert())
    # At the budget, from the labels alone: nothing watches for an announcement that has been made.
    await announcer.announce(incident_id)
    held = Held(announcer, "announce", "before")
    victim = asyncio.create_task(replace(house.enricher, announcer=held).enrich(incident_id))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await held.reached.wait()
    victim.cancel()
    assert (await house.incidents.get(incident_id)).deliveries == ()

    await replace(house.enricher, announcer=announcer).enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert [(delivery.notifier, delivery.part) for delivery in incident.deliveries] == [("board", "head")]
