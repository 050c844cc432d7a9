"""The job engine's pool works again as soon as the database does, however long that was away."""

import asyncio

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from app.store.engine import Store, libpq_url
from app.store.queue import Queue

pytestmark = pytest.mark.anyio

# Pauses that double would try after 7 s, in vain, and then not before 15 s.
AWAY_SECONDS = 8.5
BACK_WITHIN_SECONDS = 5.0


async def answers(queue: Queue) -> bool:
    try:
        await queue.app.connector.execute_query_one_async("select 1 as one")
    except ConnectorException:
        return False
    return True


async def later(seconds: float, queue: Queue) -> None:
    await asyncio.sleep(seconds)
    await answers(queue)


async def test_after_an_outage_jobs_go_on_within_seconds(postgres_url: str, database_url: str) -> None:
    name = database_url.partition("@/")[2].partition("?")[0]
    queue = Queue(Store(database_url))
    await queue.open()
    async with await psycopg.AsyncConnection.connect(libpq_url(postgres_url), autocommit=True) as admin:
        await admin.execute(f"alter database {name} allow_connections false".encode())
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        asking = [asyncio.create_task(later(at, queue)) for at in range(int(AWAY_SECONDS))]
        await asyncio.sleep(AWAY_SECONDS)
        await admin.execute(f"alter database {name} allow_connections true".encode())
        async with asyncio.timeout(BACK_WITHIN_SECONDS):
            while not await answers(queue):
                await asyncio.sleep(0.5)
    await asyncio.gather(*asking)
    await queue.aclose()
