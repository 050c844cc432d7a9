"""Webhooks, readers and senders that meet the retention half-way: nothing is lost, whoever comes first."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus
from app.domain.errors import NotFoundError
from app.store import retention
from app.store.acceptance import Acceptance
from app.store.asking import Asking
from app.store.deliveries import Channel
from app.store.partitions import PARTITIONED
from app.store.retention import BEGINNING, OldMonths, Settled
from tests.store.attic import A_DAY, Attic, about, attic_of, details, month_ago, since, this_month
from tests.store.house import alert, post

pytestmark = pytest.mark.anyio


@pytest.fixture
async def attic(database_url: str) -> AsyncIterator[Attic]:
    async with attic_of(database_url, 500) as attic:
        yield attic


async def test_webhooks_and_the_move_of_the_same_incident_lose_nothing(attic: Attic) -> None:
    keys = [f"Crash{n}" for n in range(6)]
    old = [await attic.fires(key, 500 - n) for n, key in enumerate(keys)]

    async def posts() -> None:
        for turn in range(8):
            for key in keys:
                alerts = [
                    alert(key, starts=-(500 - int(key[-1])) * A_DAY - 1),
                    *(alert(f"{key}x{n}", starts=n) for n in range(turn + 1)),
                ]
                assert len(await attic.acceptance.accept(post(key, *alerts, minute=turn + 1, subject=about(key)))) == 1

    async def moves() -> None:
        for _ in range(6):
            await attic.put_back(500)
            await attic.round()

    async def reads() -> None:
        for _ in range(60):
            for incident_id in old:
                incident = await attic.get(incident_id)
                assert incident.alerts
                assert incident.timeline
            await asyncio.sleep(0)

    await asyncio.gather(posts(), moves(), reads())
    await attic.round()
    for incident_id in old:
        incident = await attic.get(incident_id)
        assert incident.state is AlertStatus.FIRING
        assert len(incident.alerts) == 9
        assert len([one for one in incident.timeline if one.kind == "alert.firing"]) == 9
        assert await attic.month(incident_id) == this_month()


async def test_what_fires_again_while_it_is_released_is_never_lost(
    attic: Attic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    keys = [f"Crash{n:02}" for n in range(60)]
    old = {key: await attic.over(key, 500) for key in keys}
    reopening = Acceptance(attic.store, attic.acceptance.enqueue, timedelta(days=1000), stories=False)
    told: list[tuple[str, UUID]] = []

    async def fires() -> None:
        for key in keys:
            again = post(key, alert(key, starts=1), minute=2, subject=about(key))
            told.extend((key, incident_id) for incident_id in await reopening.accept(again))

    async def releases() -> None:
        page = Settled(BEGINNING)
        while page.last is not None:
            page = await OldMonths(attic.store).settle(month_ago(500), since(), page.last)

    await asyncio.gather(fires(), releases())
    await attic.round()
    assert await attic.tables(500) == set()
    for key, incident_id in told:
        incident = await attic.get(incident_id)
        assert incident.state is AlertStatus.FIRING
        assert [one.ended_at for one in incident.alerts].count(None) == 1
        assert details(incident)[0] == (2 if incident_id == old[key] else 1), "reopened whole, or opened anew"
        assert [one.state for one in incident.groups] == [AlertStatus.FIRING]


async def test_what_a_webhook_holds_is_left_for_the_next_round(attic: Attic) -> None:
    old = await attic.over("Crash", 500)
    async with attic.store.transaction() as webhook:
        await webhook.execute("select 1 from alert_group for update")
        await attic.round()
        assert await attic.tables(500) == set(PARTITIONED)
        await webhook.execute("update incident set state = 'firing', resolved_at = null where id = %(id)s", id=old)
    await attic.round()
    assert await attic.tables(500) == set()
    assert details(await attic.get(old)) == (1, 2, True)


async def test_a_webhook_that_writes_into_the_old_month_just_now_is_not_overtaken(attic: Attic) -> None:
    old = await attic.fires("Crash", 500)
    async with attic.store.transaction() as webhook:
        await webhook.execute("select month from incident where id = %(id)s for update", id=old)
        await webhook.execute(
            """
            insert into timeline values (%(month)s, %(id)s, 'broadcast:000001', now(), 'news.severity', 'worse', '')
            """,
            month=month_ago(500),
            id=old,
        )
        async with asyncio.timeout(3):
            settled = await OldMonths(attic.store).settle(month_ago(500), since())
        assert (settled.moved, settled.busy) == (0, 1)
    await attic.round()
    assert await attic.tables(500) == set()
    assert [entry.kind for entry in (await attic.get(old)).timeline] == ["alert.firing", "news.severity"]


async def test_what_was_written_into_the_old_month_behind_the_move_is_saved(attic: Attic) -> None:
    old = await attic.fires("Crash", 500)
    await attic.rows("update incident set month = %(month)s returning id", month=this_month())
    await attic.round()
    assert await attic.tables(500) == set()
    assert details(await attic.get(old))[:2] == (1, 1)


async def test_a_channel_claimed_for_an_old_delivery_just_finds_it_gone(attic: Attic) -> None:
    old = await attic.over("Crash", 500)
    await attic.rows("update delivery set state = 'due' returning part")
    claim = await attic.deliveries.claim(Channel("slack", "C1"))
    assert claim
    await attic.round()
    assert not await attic.deliveries.record(claim, "C1/1", "digest")
    assert (await attic.get(old)).deliveries == ()


async def test_what_was_released_cannot_be_asked_for_again_and_what_was_asked_for_is_kept(attic: Attic) -> None:
    asking = Asking(attic.store, attic.acceptance.enqueue)
    keys = [f"Crash{n:02}" for n in range(30)]
    old = [await attic.over(key, 500) for key in keys]
    refused: list[UUID] = []

    async def asks(incident_id: UUID) -> None:
        try:
            await asking.again(incident_id, "ada")
        except NotFoundError:
            refused.append(incident_id)

    await asks(old[0])
    async with attic.store.transaction() as release:
        await release.execute("select 1 from incident where id = %(id)s for update", id=old[1])
        waiting = asyncio.create_task(asks(old[1]))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await release.execute("delete from group_episode where incident_id = %(id)s", id=old[1])
    await waiting
    assert refused == [old[1]]
    await asyncio.gather(attic.round(), *(asks(incident_id) for incident_id in old[2:]))
    await attic.round()
    assert await attic.tables(500) == set()
    await asks(old[1])
    for incident_id in old:
        incident = await attic.get(incident_id)
        if incident_id in refused:
            assert incident.is_dropped
        else:
            await attic.judge(incident_id)
            assert details(await attic.get(incident_id)) == (1, 3, True)
