"""The keeper gives each storm its words, tells it once, and ends it; if it dies another goes on."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.alert import Severity
from tests.jobs.watch import Watch

pytestmark = pytest.mark.anyio


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
