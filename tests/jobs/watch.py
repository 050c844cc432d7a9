"""A house with a keeper of storms, and a wall on which every message hangs."""

from uuid import UUID

import pytest

from app import registry
from app.domain.incident import Incident
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.jobs.announce import Announcer
from app.jobs.deliver import Sender
from app.jobs.enrich import Enricher
from app.jobs.storms import StormKeeper
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import HEAD, Letter
from app.pipeline import Pipeline
from app.store.engine import Store
from app.store.enrichment import Enrichments
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.queue import Queue
from app.store.storms import Storms
from tests.jobs.house import Board
from tests.store.weather import Weather


class Watch(Weather):
    """A house with a keeper, and a wall on which every message hangs."""

    def __init__(self, store: Store, queue: Queue) -> None:
        super().__init__(store, queue)
        self.wall = Wall()
        stages = Pipeline(Gatherer([], Planner(), 1.0), registry.detectors())
        self.announcer = Announcer(self.incidents, self.deliveries, Dispatcher([self.wall]))
        self.enricher = Enricher(Enrichments(store), stages, self.announcer, queue, budget_seconds=1.0)
        self.keeper = self.another_keeper()

    def another_keeper(self, storms: Storms | None = None) -> StormKeeper:
        return StormKeeper(storms or self.storms, self.enricher, Leases(self.store, holder=uuid7()))

    async def announce_each(self, incidents: list[UUID]) -> None:
        for one in incidents:
            await self.announcer.announce(one)

    async def send_all(self) -> None:
        """Send until nothing is due; the channel's pace does not matter here."""
        sender = Sender(self.incidents, self.deliveries, Dispatcher([self.wall]), Leases(self.store, holder=uuid7()))
        for _ in range(100):
            async with self.store.transaction() as transaction:
                await transaction.execute("update lease set until = now() - interval '1 s' where name like 'channel%%'")
            if not await self.deliveries.due_channels():
                return
            await sender.start_due()
            await sender.aclose()
        pytest.fail("there is no end to what is due")

    async def parent(self) -> Incident:
        async with self.store.transaction() as transaction:
            (row,) = await transaction.all("select id from incident where storm is not null")
        return await self.get(row["id"])

    async def lease_ends(self) -> None:
        async with self.store.transaction() as transaction:
            await transaction.execute("update lease set until = now() - interval '1 s' where name = 'storms'")


class Wall(Board):
    """Remembers whose messages were posted, and how often each was drawn again."""

    def __init__(self) -> None:
        self.posted: list[UUID] = []
        self.drawn: list[UUID] = []

    async def send(self, letter: Letter) -> str:
        if letter.part == HEAD:
            self.drawn.append(letter.incident.id)
            self.posted += [letter.incident.id] if letter.reference is None else []
        return f"wall/{letter.incident.id}"

    def digest(self, letter: Letter) -> str:
        incident = letter.incident
        return f"{incident.headline} {incident.state} {incident.parent_headline} {incident.severity}"
