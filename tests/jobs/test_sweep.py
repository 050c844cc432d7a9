"""One replica sweeps; when it dies another does within seconds, and two at once do no harm."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app import telemetry
from app.jobs.sweep import LEASE, LEASE_SECONDS, SWEEP_EVERY_SECONDS, Sweep
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.queue import Queue
from tests.jobs.house import Cluster, House, alert

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    yield House(store, queue, Cluster())
    await queue.aclose()
    await store.aclose()


def sweep(house: House) -> Sweep:
    """A replica's own."""
    return Sweep(house.store, house.enricher, Leases(house.store, holder=uuid7()))


async def lose_the_job(house: House) -> None:
    async with house.store.transaction() as transaction:
        await transaction.execute("delete from procrastinate_jobs")


async def jobs(house: House) -> int:
    async with house.store.transaction() as transaction:
        row = await transaction.one("select count(*) as jobs from procrastinate_jobs")
    assert row
    return int(row["jobs"])


async def test_an_incident_without_a_job_gets_one(house: House) -> None:
    await house.post(alert())
    await lose_the_job(house)
    await sweep(house).work()
    assert await jobs(house) == 1


async def test_while_one_sweeps_the_others_do_not_and_count_nothing(house: House) -> None:
    first, second = sweep(house), sweep(house)
    await first.work()
    await house.post(alert())
    await lose_the_job(house)
    await second.work()
    assert await jobs(house) == 0
    assert telemetry.JOBS_BEHIND._value.get() == 0
    await first.work()
    assert await jobs(house) == 1


async def test_a_dead_one_is_replaced_within_seconds(house: House) -> None:
    await sweep(house).work()
    await house.post(alert())
    await lose_the_job(house)
    async with house.store.transaction() as transaction:
        row = await transaction.one(
            "select until - now() < make_interval(secs => %(most)s) as soon from lease where name = %(name)s",
            most=LEASE_SECONDS + 0.1,
            name=LEASE,
        )
        assert row == {"soon": True}
        await transaction.execute("update lease set until = now() - interval '1 ms' where name = %(name)s", name=LEASE)
    await sweep(house).work()
    assert await jobs(house) == 1
    assert LEASE_SECONDS + SWEEP_EVERY_SECONDS < 20


async def test_two_that_sweep_at_once_leave_one_job_of_work(house: House) -> None:
    incident_id = await house.post(alert())
    await lose_the_job(house)
    house.cluster.gate.set()
    first, second = sweep(house), sweep(house)
    await asyncio.gather(first.work(), second.work())
    await house.enricher.enrich(incident_id)
    assert (await house.incidents.get(incident_id)).enrichment == "complete"
    assert await house.enricher.enrichments.behind() == []
