"""How long it takes until another worker goes on with what a killed one had begun."""

import asyncio
import random
import time
from collections.abc import Callable

from aiohttp import web

from benchmarks.chaos.promises import HEAD, query
from benchmarks.chaos.scenarios import Stage
from benchmarks.chaos.sender import Alertmanager, Burst
from tests.fakes.server import FakeServer

WITHIN_SECONDS = 120.0
JOB_WITHIN_SECONDS = 30.0


class HeldSource(FakeServer):
    """A Prometheus that has answers for nobody while it is held, and knows nothing afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every path of Prometheus' API."""
        router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, _: web.Request) -> web.Response:
        await self.open.wait()
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": []}})


async def job_takeover(stage: Stage, source: HeldSource) -> float:
    """Seconds from the SIGKILL of a worker in mid-enrichment until the enrichment is complete, by another."""
    victim, heir = stage.fleet.of_role("worker")
    source.open.clear()
    heir.pause()
    incident = await _post(stage, "takeover-job")
    await _until(stage, "select 1 from procrastinate_jobs where status = 'doing'")
    await victim.kill()
    heir.resume()
    killed_at = time.monotonic()
    source.open.set()
    await _until(stage, "select 1 from incident where id::text = %s and enrichment = 'complete'", incident)
    seconds = time.monotonic() - killed_at
    await victim.start()
    await stage.fleet.all_ready()
    return seconds


async def channel_takeover(stage: Stage) -> tuple[float, float]:
    """Seconds from the SIGKILL of a worker in mid-send until its channel is spoken in again, and until all is shown.

    What it was sending arrives, but it never hears so: nothing may be posted twice.
    """
    victim, heir = stage.fleet.of_role("worker")
    slack = stage.slack
    heir.pause()
    slack.open.clear()
    incident = await _post(stage, "takeover-channel")
    await _wait(lambda: slack.waiting > 0)
    await victim.kill()
    heir.resume()
    killed_at, calls = time.monotonic(), len(slack.calls)
    slack.open.set()
    await _wait(lambda: len(slack.calls) > calls + 1)
    spoken = time.monotonic() - killed_at
    await _until(stage, "select 1 where not exists (select 1 from delivery where state <> 'shown')")
    shown = time.monotonic() - killed_at
    await victim.start()
    await stage.fleet.all_ready()
    heads = slack.told([incident])[incident, HEAD]
    if heads != 1:
        stage.fleet.broken.append(f"channel takeover: {heads} heads of one incident")
    return spoken, shown


async def _post(stage: Stage, name: str) -> str:
    """The id of the incident that came of it."""
    burst = Burst(name, 1, 0.0)
    addresses = [member.url for member in stage.fleet.of_role("api")]
    await Alertmanager(addresses, random.Random(stage.seed)).send(burst)
    ((incident,),) = burst.accepted.values()
    return incident


async def _until(stage: Stage, sql: str, *parameters: object) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not await query(stage.postgres.url, sql, *parameters):  # noqa: ASYNC110 - the rows tell nobody
            await asyncio.sleep(0.1)


async def _wait(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not condition():  # noqa: ASYNC110 - the stand-in tells nobody
            await asyncio.sleep(0.05)
