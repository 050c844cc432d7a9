"""SIGTERM: each role stops taking new work, finishes or hands back what it has, and ends with 0."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg.rows import dict_row

from app.store.engine import libpq_url
from tests.end_to_end.stage import settings_for
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.fakes.slack import FakeSlack
from tests.fakes.world import World, world
from tests.processes import Running, free_port, sitrep

pytestmark = pytest.mark.anyio
WEBHOOK = "/api/v1/webhooks/alertmanager"


@dataclass
class Roles:
    """What processes of any role need, and one that takes alerts."""

    api: Running
    settings: dict[str, str]
    stand_ins: World
    slack: FakeSlack
    database_url: str

    def body(self) -> bytes:
        return json.dumps(self.stand_ins.recording.payload("checkout_oom")).encode()

    async def post(self) -> str:
        async with aiohttp.ClientSession() as http, http.post(f"{self.api.url}{WEBHOOK}", data=self.body()) as answer:
            assert answer.status == 202, await answer.text()
            identifier: str = (await answer.json())["incidents"][0]["id"]
            return identifier

    async def record(self, incident_id: str) -> dict[str, Any]:
        url = f"{self.api.url}/api/v1/incidents/{incident_id}"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            record: dict[str, Any] = await answer.json()
            return record

    async def jobs(self) -> list[dict[str, Any]]:
        async with (
            await psycopg.AsyncConnection.connect(libpq_url(self.database_url)) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute("select status from procrastinate_jobs")
            return await cursor.fetchall()


@pytest.fixture
async def roles(tmp_path: Path, database_url: str) -> AsyncIterator[Roles]:
    async with AsyncExitStack() as stack:
        stand_ins = await stack.enter_async_context(world(Recording.named("checkout_oom", now=datetime.now(UTC))))
        slack = await stack.enter_async_context(FakeSlack(channels=("C0ONCALL",)))
        # Longer than the grace period: a job that waits for this source cannot finish within it.
        settings = {**settings_for(stand_ins, slack, tmp_path, database_url), "SITREP_SOURCE_DEADLINE_SECONDS": "60"}
        api = await stack.enter_async_context(sitrep(tmp_path / "api.log", settings, role="api"))
        yield Roles(api, settings, stand_ins, slack, database_url)


async def test_an_api_answers_the_post_in_flight_takes_no_more_and_ends_with_0(roles: Roles) -> None:
    port = int(roles.api.url.rpartition(":")[2])
    body = roles.body()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body[:100])
    await writer.drain()
    await asyncio.sleep(0.3)
    stopping = asyncio.create_task(roles.api.stop())
    async with asyncio.timeout(5):
        while await takes_connections(port):
            await asyncio.sleep(0.05)
    assert not stopping.done(), "somebody is still being served"
    writer.write(body[100:])
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert await stopping == 0
    assert [job["status"] for job in await roles.jobs()] == ["todo"], "what it accepted waits for a worker"


async def takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_a_worker_hands_its_job_back_and_another_takes_it_up_at_once(roles: Roles, tmp_path: Path) -> None:
    roles.stand_ins.kubernetes.trouble = Trouble("hang")
    async with sitrep(tmp_path / "first.log", roles.settings, role="worker", port=free_port()) as first:
        incident_id = await roles.post()
        async with asyncio.timeout(20):
            while [job["status"] for job in await roles.jobs()] != ["doing"]:
                await asyncio.sleep(0.1)
        async with sitrep(tmp_path / "second.log", roles.settings, role="worker", port=free_port()) as second:
            stopping = asyncio.create_task(first.stop())
            await asyncio.sleep(1)
            roles.stand_ins.kubernetes.trouble = Trouble()
            assert await stopping == 0
            async with asyncio.timeout(8):
                while (await roles.record(incident_id))["enrichment"] != "complete":
                    await asyncio.sleep(0.1)
            async with asyncio.timeout(10):
                while not (roles.slack.heads and roles.slack.heads[0].is_complete):
                    await asyncio.sleep(0.1)
            assert await second.stop() == 0
    assert len(roles.slack.heads) == 1


async def test_a_worker_with_nothing_to_do_ends_at_once(roles: Roles, tmp_path: Path) -> None:
    async with sitrep(tmp_path / "worker.log", roles.settings, role="worker", port=free_port()) as worker:
        async with asyncio.timeout(5):
            assert await worker.stop() == 0
