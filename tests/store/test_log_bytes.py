"""What is read from log stores is counted before it is read, by all replicas together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.log_budget import LogBudget, Refusal
from app.store.engine import Store
from app.store.leftovers import LOG_BYTES
from app.store.log_bytes import LogBytes
from app.store.migrate import migrate

pytestmark = pytest.mark.anyio
GB = 10**9
BUDGET = LogBudget(per_incident=2 * GB, per_hour=5 * GB)


@pytest.fixture
async def stores(database_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two replicas."""
    both = (Store(database_url), Store(database_url))
    yield both
    for store in both:
        await store.aclose()


async def counted(store: Store) -> dict[str, int]:
    """What stands in the table, by what it counts for."""
    async with store.transaction() as transaction:
        rows = await transaction.all("select key, bytes from log_bytes")
    return {row["key"].partition(" ")[0]: row["bytes"] for row in rows}


async def test_an_incident_reads_no_more_than_its_budget_whichever_replica_asks(stores: tuple[Store, Store]) -> None:
    one, other = (LogBytes(store, BUDGET) for store in stores)
    assert await one.reserve("a", int(1.5 * GB)) is None
    assert await other.reserve("a", int(0.6 * GB)) == Refusal("incident", int(0.5 * GB))
    assert await other.reserve("a", int(0.5 * GB)) is None
    assert await one.reserve("a", 1) == Refusal("incident", 0)
    assert await counted(stores[0]) == {"incident": 2 * GB, "hour": 2 * GB}


async def test_the_hour_is_shared_by_all_incidents_and_a_refusal_counts_nothing(stores: tuple[Store, Store]) -> None:
    one, other = (LogBytes(store, BUDGET) for store in stores)
    for incident in ("a", "b"):
        assert await one.reserve(incident, 2 * GB) is None
    assert await other.reserve("c", int(1.1 * GB)) == Refusal("hour", 1 * GB)
    assert await other.reserve("c", 1 * GB) is None
    assert await other.reserve("c", 1 * GB) == Refusal("hour", 0)
    assert await other.reserve("d", 3 * GB) == Refusal("incident", 2 * GB)
    assert (await counted(stores[0]))["hour"] == 5 * GB


async def test_a_hundred_questions_at_once_never_go_over_the_hour(stores: tuple[Store, Store]) -> None:
    meters = [LogBytes(store, BUDGET) for store in stores]
    answers = await asyncio.gather(*(meters[n % 2].reserve(f"incident-{n}", GB // 10) for n in range(100)))
    assert sum(answer is None for answer in answers) == 50
    assert {answer for answer in answers if answer is not None} == {Refusal("hour", 0)}
    assert (await counted(stores[0]))["hour"] == 5 * GB


async def test_what_was_read_after_all_takes_the_place_of_what_was_expected(stores: tuple[Store, Store]) -> None:
    meter = LogBytes(stores[0], BUDGET)
    assert await meter.reserve("a", 2 * GB) is None
    await meter.correct("a", -int(1.5 * GB))
    assert await counted(stores[0]) == {"incident": GB // 2, "hour": GB // 2}
    await meter.correct("a", 9 * GB)
    assert await meter.reserve("a", 1) == Refusal("incident", 0)
    assert await meter.reserve("b", 1) == Refusal("hour", 0)
    await meter.correct("a", -99 * GB)
    assert await counted(stores[0]) == {"incident": 0, "hour": 0}


async def test_a_new_hour_begins_with_nothing_read(stores: tuple[Store, Store]) -> None:
    meter = LogBytes(stores[0], BUDGET)
    assert await meter.reserve("a", 2 * GB) is None
    async with stores[0].transaction() as transaction:
        await transaction.execute(
            "update log_bytes set key = 'hour 2020-01-01 00' where key like %(hour)s", hour="hour%"
        )
    assert await meter.reserve("b", 2 * GB) is None
    assert await meter.reserve("a", 1) == Refusal("incident", 0)


async def test_while_the_database_is_away_nothing_is_read(tmp_path: Path) -> None:
    store = Store(f"postgresql://nobody@/nothing?host={tmp_path}")
    meter = LogBytes(store, BUDGET)
    assert await meter.reserve("a", 1) == Refusal("hour", None)
    await meter.correct("a", 1)
    await store.aclose()


async def test_rows_of_long_ago_are_forgotten(fresh_database: Callable[[], Awaitable[str]]) -> None:
    url = await fresh_database()
    await asyncio.to_thread(migrate, url)
    store = Store(url)
    meter = LogBytes(store, BUDGET)
    assert await meter.reserve("a", 1) is None
    assert await LOG_BYTES.forget(store, datetime.now(UTC) - timedelta(days=7)) == 0
    async with store.transaction() as transaction:
        await transaction.execute("update log_bytes set read_at = now() - interval '8 days'")
    assert await LOG_BYTES.forget(store, datetime.now(UTC) - timedelta(days=7)) == 2
    assert await counted(store) == {}
    await store.aclose()
