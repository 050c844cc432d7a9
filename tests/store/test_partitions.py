"""The months of the bulky tables are there before they are needed, and nobody waits while they are made."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import psycopg
import pytest

from app.store import partitions
from app.store.engine import Store, StoreUnavailableError
from app.store.partitions import PARTITIONED, ensure_partitions, partition_statements

pytestmark = pytest.mark.anyio
MONTHS = [f"{table}_{month}" for table in PARTITIONED for month in ("2031_12", "2032_01", "2032_02")]


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    yield store
    await store.aclose()


async def attached(store: Store) -> set[str]:
    async with store.transaction() as transaction:
        rows = await transaction.all(
            "select inhrelid::regclass::text as name from pg_inherits where inhparent = any(%(parents)s::regclass[])",
            parents=list(PARTITIONED),
        )
    return {row["name"] for row in rows}


async def make(store: Store) -> None:
    async with store.transaction() as transaction:
        for statement in partition_statements(date(2031, 12, 31)):
            await transaction.execute(statement)


async def test_they_cover_this_month_and_two_ahead_across_the_year(store: Store) -> None:
    await make(store)
    assert set(MONTHS) <= await attached(store)
    async with store.transaction() as transaction:
        for month in ("2031-12-01", "2032-02-01"):
            await transaction.execute(
                "insert into timeline values (%(month)s, gen_random_uuid(), 'k', now(), '', '', '')", month=month
            )


async def test_several_may_make_them_at_once_and_again(store: Store) -> None:
    await asyncio.gather(*(make(store) for _ in range(6)))
    assert set(MONTHS) <= await attached(store)
    await make(store)


async def test_who_reads_or_writes_is_not_waited_for_and_does_not_wait(store: Store) -> None:
    async with store.transaction() as webhook:
        await webhook.all("select 1 from alert")
        await webhook.execute(
            "insert into timeline values (date_trunc('month', now()), gen_random_uuid(), 'k', now(), '', '', '')"
        )
        async with asyncio.timeout(2):
            await make(store)
    assert set(MONTHS) <= await attached(store)


async def test_they_give_up_soon_where_somebody_changes_the_table(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(partitions, "MONTHS_AHEAD", 3)
    async with store.transaction() as vacuum:
        await vacuum.execute("lock table alert in share update exclusive mode")
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            async with store.transaction() as transaction:
                await ensure_partitions(transaction)
    async with store.transaction() as transaction:
        await ensure_partitions(transaction)


async def test_a_connection_that_ran_single_statements_has_transactions_again(database_url: str) -> None:
    store = Store(database_url, pool_size=1)
    try:
        async with store.single_statements() as database:
            await database.execute("vacuum lease")
            await database.execute("insert into installation values ('kept', '1')")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await _fail(store)
        async with store.transaction() as transaction:
            rows = await transaction.all("select key from installation order by key")
        assert [row["key"] for row in rows] == ["kept"]
    finally:
        await store.aclose()


async def _fail(store: Store) -> None:
    async with store.transaction() as transaction:
        await transaction.execute("insert into installation values ('rolled back', '1')")
        await transaction.execute("select 1 / 0")
