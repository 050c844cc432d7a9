"""The keeper gives each storm its words, tells it once, and ends it; if it dies another goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from app import registry
from app.domain.alert import AlertStatus, Severity
from app.domain.incident import Incident
from app.domain.storm import Storm
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

pytestmark = pytest.mark.anyio


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


class Growing(Storms):
    """As if four more of the node broke between a keeper's look and what it does then."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch.store)
        self._watch = watch

    async def read(self, parent_id: UUID) -> Storm:
        seen = await super().read(parent_id)
        if seen.size < 8:
            late = [await self._watch.breaks(10 + number, node="node-7", minute=7) for number in range(4)]
            await self._watch.announce_each(late)
        return seen


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


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    yield Watch(store, queue)
    await queue.aclose()
    await store.aclose()


async def test_a_storm_is_one_message_and_none_of_its_children(watch: Watch) -> None:
    incidents = await watch.many(14)
    await watch.announce_each(incidents)
    assert await watch.incidents.unannounced(0) == []
    await watch.keeper.keep()
    await watch.send_all()
    parent = await watch.parent()
    assert watch.wall.posted == [parent.id]
    assert parent.headline == "prod: 14 workloads failing together: what they share is not known yet"
    assert parent.first_notified_at is not None
    await watch.keeper.keep()
    assert (await watch.get(incidents[0])).first_notified_at is not None


async def test_what_was_told_before_the_storm_is_edited_to_point_to_it(watch: Watch) -> None:
    early = await watch.many(3, node="node-7")
    await watch.announce_each(early)
    await watch.send_all()
    await watch.announce_each([await watch.breaks(3, node="node-7")])
    await watch.keeper.keep()
    await watch.send_all()
    parent = await watch.parent()
    assert sorted(watch.wall.posted) == sorted([*early, parent.id])
    assert all(watch.wall.drawn.count(one) >= 2 for one in early)


async def test_a_child_that_joins_later_is_told_by_an_edit(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    await watch.send_all()
    await watch.announce_each([await watch.breaks(9, node="node-7", minute=20)])
    await watch.keeper.keep()
    await watch.send_all()
    parent = await watch.parent()
    assert watch.wall.posted == [parent.id]
    assert "5 workloads" in parent.headline


async def test_nothing_is_written_while_nothing_changes(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    await watch.keeper.keep()
    settled = await watch.revisions((await watch.parent()).id)
    await watch.keeper.keep()
    assert await watch.revisions((await watch.parent()).id) == settled


async def test_a_critical_child_is_news_of_the_storm(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    await watch.send_all()
    severe = await watch.breaks(9, node="node-7", severity="critical", name="Down", minute=20)
    await watch.announce_each([severe])
    await watch.keeper.keep()
    parent = await watch.parent()
    assert parent.severity is Severity.CRITICAL
    assert [e.text for e in parent.timeline if e.kind == "news.severity"] == ["now critical: Down shop/app-9"]
    assert "news:broadcast:1" in {d.part for d in parent.deliveries}


async def test_when_a_storm_is_over_what_still_fires_is_told(watch: Watch) -> None:
    incidents = await watch.many(6, node="node-7")
    await watch.announce_each(incidents)
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    parent = await watch.parent()
    assert parent.state is AlertStatus.RESOLVED
    assert "the storm of 6 is over; 2 still firing, each told by itself now" in [e.text for e in parent.timeline]
    await watch.announcer.watch_budget(0.0)
    await watch.send_all()
    assert sorted(watch.wall.posted) == sorted([parent.id, *incidents[4:]])


async def test_when_all_have_ended_the_storm_has(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    assert (await watch.parent()).state is AlertStatus.RESOLVED
    assert await watch.raging() == []


@pytest.mark.parametrize("before", [0, 3])
async def test_when_all_of_a_storm_clears_at_once_its_message_alone_says_so(watch: Watch, before: int) -> None:
    """`before`: so many had a head of their own when the storm came, which was left to it."""
    incidents = await watch.many(4, node="node-7")
    await watch.announce_each(incidents[:before])
    await watch.announce_each(incidents[before:])
    for one in incidents:
        await watch.enricher.enrich(one)
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    for one in incidents:
        await watch.enricher.enrich(one)
    await watch.send_all()
    parent = await watch.parent()
    assert parent.state is AlertStatus.RESOLVED
    assert watch.wall.posted == [parent.id]
    # Whatever of it breaks again is told.
    again = await watch.breaks(0, node="node-7", starts=8, minute=9)
    assert again == incidents[0]
    await watch.announcer.watch_budget(0.0)
    await watch.send_all()
    assert watch.wall.posted == [parent.id, again]


async def test_what_was_told_before_a_storm_is_edited_when_it_is_over(watch: Watch) -> None:
    incidents = await watch.many(3, node="node-7")
    await watch.announce_each(incidents)
    await watch.send_all()
    await watch.announce_each([await watch.breaks(3, node="node-7")])
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    drawn = watch.wall.drawn.count(incidents[0])
    await watch.enricher.enrich(incidents[0])
    await watch.send_all()
    assert watch.wall.drawn.count(incidents[0]) > drawn
    assert watch.wall.posted.count(incidents[0]) == 1


async def test_a_storm_that_grows_while_it_is_about_to_end_goes_on(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    for number in range(4):
        await watch.over(number)
    keeper = watch.another_keeper(Growing(watch))
    await watch.lease_ends()
    await keeper.keep()
    parent = await watch.parent()
    assert parent.state is AlertStatus.FIRING
    assert not [entry for entry in parent.timeline if entry.kind == "news.resolved"]
    assert parent.assessment
    assert parent.assessment.briefing.still == "4 of 8 still firing"


async def test_a_keeper_that_dies_is_replaced_and_a_living_one_is_not(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    settled = await watch.revisions((await watch.parent()).id)
    heir = watch.another_keeper()
    await heir.keep()
    assert await watch.revisions((await watch.parent()).id) == settled
    await watch.lease_ends()
    await watch.announce_each([await watch.breaks(9, node="node-7", minute=20)])
    await heir.keep()
    assert "5 workloads" in (await watch.parent()).headline


async def test_a_keeper_that_dies_between_the_end_and_its_words_is_made_good(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    (storm,) = await watch.raging()
    await watch.end(storm)
    await watch.lease_ends()
    await watch.another_keeper().keep()
    parent = await watch.parent()
    assert parent.assessment
    assert parent.assessment.briefing.still == "all over"
    assert [e.text for e in parent.timeline if e.kind == "news.resolved"] == ["the storm of 4 is over"]
    assert await watch.raging() == []


async def test_a_parent_waits_for_its_words_before_it_is_announced(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    assert await watch.incidents.unannounced(0) == []
    assert (await watch.parent()).announced_at is None
    await watch.keeper.keep()
    assert (await watch.parent()).announced_at is not None


async def test_a_storm_needs_no_enrich_job(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    parent = await watch.parent()
    await watch.enricher.enrich(parent.id)
    assert await watch.revisions(parent.id) == (1, 0)
    assert parent.id not in {incident for incident, _ in await watch.enricher.enrichments.behind()}
    assert timedelta(0) <= parent.received_at - parent.started_at


async def test_a_storm_that_grows_while_its_message_is_recorded_locks_nobody_out(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    late = [await watch.breaks(number, node="node-7", minute=20) for number in range(10, 40)]
    await asyncio.gather(watch.send_all(), watch.announce_each(late[:15]), watch.announce_each(late[15:]))
    await watch.keeper.keep()
    await watch.send_all()
    await watch.keeper.keep()
    parent = await watch.parent()
    assert len(parent.children) == 34
    assert watch.wall.posted == [parent.id]
    assert (await watch.get(late[-1])).first_notified_at is not None


async def test_a_storm_that_cannot_be_told_keeps_no_other_from_being_told(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-1"))
    broken = (await watch.parent()).id
    async with watch.store.transaction() as transaction:
        await transaction.execute("update incident set subjects = '[{\"no\": 1}]' where parent_id = %(id)s", id=broken)
    await watch.announce_each([await watch.breaks(number, node="node-2") for number in range(10, 14)])
    await watch.keeper.keep()
    async with watch.store.transaction() as transaction:
        rows = await transaction.all("select storm from incident where storm is not null and announced_at is not null")
    assert [row["storm"] for row in rows] == ["node:prod/node-2"]
