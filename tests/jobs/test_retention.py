"""Old months go without anybody having to wait, one replica at a time, and whatever one began another ends."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from app.jobs import retention as loop
from app.jobs.retention import RETENTION
from app.store.engine import libpq_url
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.partitions import PARTITIONED, partition_name
from tests.api.running import house
from tests.store.attic import Attic, attic_of, details, month_ago

pytestmark = pytest.mark.anyio
SOON_SECONDS = 1.0


@pytest.fixture
async def attic(database_url: str) -> AsyncIterator[Attic]:
    async with attic_of(database_url, 500, 399) as attic:
        yield attic


async def rest(attic: Attic) -> float:
    """For how many seconds nobody takes the lease."""
    [row] = await attic.rows(
        "select extract(epoch from until - now())::float as rest from lease where name = %(name)s", name=RETENTION
    )
    seconds: float = row["rest"]
    return seconds


async def test_while_somebody_reads_all_months_nobody_waits_for_the_drop(attic: Attic) -> None:
    await attic.over("Crash", 500)
    fresh = await attic.fires("Fresh", 0)
    async with attic.store.transaction() as backup:
        for table in PARTITIONED:
            await backup.all(f"select * from {table}")  # noqa: S608
        dropping = asyncio.create_task(attic.round())
        await asyncio.sleep(0.5)
        assert not dropping.done(), "it waits for the reader"
        for n in range(3):
            began = time.monotonic()
            await attic.fires(f"Another{n}", 0)
            await attic.incidents.resolve(fresh, {"notes": str(n)})
            assert details(await attic.get(fresh)) == (1, 1, False)
            assert time.monotonic() - began < SOON_SECONDS
        assert not dropping.done()
    async with asyncio.timeout(5):
        await dropping
    assert await attic.tables(500) == set()


async def test_a_writer_of_the_incidents_rows_is_not_waited_for(attic: Attic) -> None:
    await attic.over("Crash", 500)
    fresh = await attic.fires("Fresh", 0)
    async with attic.store.transaction() as webhook:
        await webhook.execute("update incident set headline = 'x' where id = %(id)s", id=fresh)
        async with asyncio.timeout(5):
            await attic.round()
    assert await attic.tables(500) == set()


@pytest.mark.parametrize("how", ["concurrently", ""])
async def test_a_drop_that_was_cut_off_is_ended_by_the_next_round(attic: Attic, how: str) -> None:
    kept = await attic.fires("Kept", 500)
    await attic.over("Crash", 500)
    detach = f"alter table timeline detach partition {partition_name('timeline', month_ago(500))} {how}"
    await attic.rows("delete from timeline where incident_id <> %(id)s returning key", id=kept)
    await attic.rows("update timeline set month = date_trunc('month', now())::date returning key")
    await attic.rows("update alert set month = date_trunc('month', now())::date returning month")
    await attic.rows("update incident set month = date_trunc('month', now())::date where state = 'firing' returning id")
    url = libpq_url(attic.store.url)
    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True) as dying,
        await psycopg.AsyncConnection.connect(url) as reader,
    ):
        if how:
            await reader.execute("select 1 from timeline")
            await dying.execute("set lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await dying.execute(detach.encode())
        else:
            await dying.execute(detach.encode())
        await reader.rollback()
    assert "timeline" in await attic.tables(500)
    await attic.round()
    assert await attic.tables(500) == set()
    assert details(await attic.get(kept))[:2] == (1, 1)


async def test_one_replica_works_and_the_others_rest_with_it(attic: Attic) -> None:
    await attic.over("Crash", 500)
    replicas = [attic.retention() for _ in range(4)]
    await asyncio.gather(*(replica.work(asyncio.Event()) for replica in replicas))
    assert await attic.tables(500) == set()
    await attic.furnish(500)
    await asyncio.gather(*(replica.work(asyncio.Event()) for replica in replicas))
    assert await attic.tables(500) == set(PARTITIONED), "the round is over for all of them"
    assert await rest(attic) == pytest.approx(loop.REST_SECONDS, abs=30)


async def test_what_a_dead_replica_began_is_taken_up_in_seconds(attic: Attic) -> None:
    await attic.over("Crash", 500)
    assert await Leases(attic.store, uuid7()).take(RETENTION, 1.0)
    other = attic.retention()
    await other.work(asyncio.Event())
    assert await attic.tables(500) == set(PARTITIONED)
    await asyncio.sleep(1.1)
    await other.work(asyncio.Event())
    assert await attic.tables(500) == set()
    assert loop.LEASE_SECONDS + loop.RETENTION_EVERY_SECONDS <= 30


async def test_it_stops_after_the_step_that_it_is_at_and_lets_another_go_on(attic: Attic) -> None:
    await attic.over("Crash", 500)
    stopping = asyncio.Event()
    stopping.set()
    await attic.retention().work(stopping)
    assert await attic.tables(500) == set(PARTITIONED)
    await attic.retention().work(asyncio.Event())
    assert await attic.tables(500) == set()


async def test_a_replica_that_lost_its_lease_stops(attic: Attic, monkeypatch: pytest.MonkeyPatch) -> None:
    await attic.over("Crash", 500)
    monkeypatch.setattr(loop, "LEASE_SECONDS", 0.01)
    monkeypatch.setattr(loop, "PAUSE_SECONDS", 0.3)
    slow = asyncio.create_task(attic.retention().work(asyncio.Event()))
    thief = Leases(attic.store, uuid7())
    async with asyncio.timeout(10):
        while await thief.take(RETENTION, 60) is None:
            await asyncio.sleep(0.01)
    await slow
    assert await thief.take(RETENTION, 60), "it is not taken back, nor sent to rest"


async def test_trouble_makes_it_rest_and_try_again(attic: Attic) -> None:
    await attic.over("Crash", 500)
    async with attic.store.transaction() as webhook:
        await webhook.execute("select 1 from incident for update")
        await attic.round()
    assert await rest(attic) == pytest.approx(loop.REST_AFTER_TROUBLE_SECONDS, abs=30)


async def test_a_running_sitrep_does_it_by_itself(attic: Attic, database_url: str) -> None:
    old, kept = await attic.over("Crash", 500), await attic.over("Slow", 399)
    async with house(database_url, {"SITREP_RETENTION_DAYS": "450"}, role="all") as running, asyncio.timeout(20):
        while await attic.tables(500):
            await asyncio.sleep(0.1)
        assert (await running.record(str(old)))["gaps"]
        assert len((await running.record(str(kept)))["alerts"]) == 1
