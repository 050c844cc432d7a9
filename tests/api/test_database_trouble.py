"""Whatever is wrong with the database: 503 and nothing kept, and as soon as it is well again 202 without a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest

from app.store.engine import POOL_SIZE, libpq_url
from tests.api.running import House, problem
from tests.ingest.bodies import wire_body

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def administrator(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection to another database of the same server."""
    conninfo = psycopg.conninfo.make_conninfo(libpq_url(database_url), dbname="postgres")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        yield connection


def name_of(database_url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(libpq_url(database_url))["dbname"])


async def cut_off(admin: psycopg.AsyncConnection[Any], database: str) -> None:
    """As a restart does, but in no time."""
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database])


async def post(sitrep: House, key: str) -> int:
    """Post a group of its own; the status, which is a problem document where it is none of success."""
    answer = await sitrep.post(wire_body(groupKey=key))
    if answer.status_code != 202:
        problem(answer, 503)
    return answer.status_code


async def groups(sitrep: House) -> set[str]:
    return {row["group_key"] for row in await sitrep.rows("select group_key from alert_group")}


async def test_after_a_restart_one_request_at_most_finds_a_dead_connection(sitrep: House) -> None:
    context = sitrep.app.state.context
    async with AsyncExitStack() as stack:
        for _ in range(POOL_SIZE):
            transaction = await stack.enter_async_context(context.store.transaction())
            await transaction.execute("select 1")
    async with administrator(sitrep.database_url) as admin:
        await cut_off(admin, name_of(sitrep.database_url))
    found = [await post(sitrep, f"group {number}") for number in range(POOL_SIZE)]
    assert found.count(503) <= 1
    assert found[-1] == 202


async def test_a_server_that_takes_no_writes_is_left_for_the_one_that_does(sitrep: House) -> None:
    database = name_of(sitrep.database_url)
    async with administrator(sitrep.database_url) as admin:
        await admin.execute(f"alter database {database} set default_transaction_read_only = on".encode())
        await cut_off(admin, database)
        assert [await post(sitrep, f"standby {number}") for number in range(4)][1:] == [503, 503, 503]
        assert (await sitrep.http.get("/healthz")).status_code == 200
        await admin.execute(f"alter database {database} set default_transaction_read_only = off".encode())
    assert [await post(sitrep, f"primary {number}") for number in range(3)][1:] == [202, 202]
    assert not any(key.startswith("standby") for key in await groups(sitrep))


async def test_a_full_disk_refuses_what_it_cannot_keep_and_nothing_of_it_stays(sitrep: House) -> None:
    async with await psycopg.AsyncConnection.connect(libpq_url(sitrep.database_url), autocommit=True) as admin:
        await admin.execute(
            """
            create function refuse() returns trigger language plpgsql as $$ begin
              raise exception 'could not extend file: No space left on device' using errcode = '53100';
            end $$;
            """
        )
        await admin.execute("create trigger full_disk before insert on alert for each row execute function refuse()")
        assert await post(sitrep, "while it is full") == 503
        assert await groups(sitrep) == set()
        assert await sitrep.rows("select 1 from procrastinate_jobs") == []
        await admin.execute("drop trigger full_disk on alert")
    assert await post(sitrep, "when there is room") == 202


async def test_when_every_connection_is_taken_a_sender_is_told_to_come_back(sitrep: House) -> None:
    store = sitrep.app.state.context.store
    async with AsyncExitStack() as stack:
        for _ in range(POOL_SIZE):
            transaction = await stack.enter_async_context(store.transaction())
            await transaction.execute("select 1")
        assert await post(sitrep, "nobody has a connection") == 503
        assert (await sitrep.http.get("/readyz")).status_code == 503
    assert await post(sitrep, "they were given back") == 202
    assert await groups(sitrep) == {"they were given back"}


async def test_a_burst_of_more_posts_than_connections_is_accepted_whole(sitrep: House) -> None:
    found = await asyncio.gather(*(post(sitrep, f"group {number}") for number in range(4 * POOL_SIZE)))
    assert set(found) == {202}


@pytest.mark.parametrize("starts_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_senders_clock_may_say_anything(sitrep: House, starts_at: str) -> None:
    body = wire_body()
    body["alerts"][0]["startsAt"] = starts_at
    assert (await sitrep.post(body)).status_code == 202
