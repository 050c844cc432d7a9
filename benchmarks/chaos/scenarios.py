"""What may go wrong, one thing at a time and all at once."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.chaos.alertmanager import CHANNELS, post_all
from benchmarks.chaos.audit import Audit, audit
from benchmarks.chaos.postgres import RestartablePostgres
from benchmarks.chaos.processes import Replica, replicas, torment
from benchmarks.database import Database
from tests.fakes.slack import FakeSlack

SEED = 20261127
BURST_SECONDS = 8.0
# While the alerts come, are looked into, and are told one a second and channel.
TORMENT_SECONDS = 24.0
SLACK_LOSES = 0.2


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a scenario is played, and how many groups of ten alerts are posted in it."""

    folder: Path
    database: Database
    postgres: RestartablePostgres
    groups: int


@dataclass
class Stage:
    """What a monkey may reach for."""

    ground: Ground
    made: list[Replica]
    slack: FakeSlack
    chance: random.Random
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class Played:
    """How a scenario ended."""

    audit: Audit
    deaths: int
    posted_again: int
    exit_codes: tuple[int, ...]

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        bad = [code for code in self.exit_codes if code != 0]
        return [*self.audit.broken(), *([f"exit codes {bad}"] if bad else [])]


Monkey = Callable[[Stage], Awaitable[None]]


async def killed(stage: Stage) -> None:
    """SIGKILL at random moments."""
    stage.deaths += await torment(stage.made, stage.chance, TORMENT_SECONDS, kindly=False)


async def terminated(stage: Stage) -> None:
    """SIGTERM at random moments."""
    stage.deaths += await torment(stage.made, stage.chance, TORMENT_SECONDS, kindly=True)


async def database_restarted(stage: Stage) -> None:
    """A crash of PostgreSQL, and a restart in order."""
    for mode in ("immediate", "fast", "immediate"):
        await asyncio.sleep(stage.chance.uniform(0.5, TORMENT_SECONDS / 4))
        await stage.ground.postgres.restart(mode)
        stage.deaths += 1


async def slack_loses_answers(stage: Stage) -> None:
    """Slack keeps a share of the messages, and nobody hears that it did."""
    until = time.monotonic() + TORMENT_SECONDS
    while time.monotonic() < until:
        if stage.chance.random() < SLACK_LOSES:
            stage.slack.lose_answers += 1
        await asyncio.sleep(0.1)
    stage.slack.lose_answers = 0


async def everything(stage: Stage) -> None:
    """All at once."""
    await asyncio.gather(killed(stage), database_restarted(stage), slack_loses_answers(stage))


SCENARIOS: dict[str, Monkey] = {
    "killed": killed,
    "terminated": terminated,
    "database": database_restarted,
    "slack": slack_loses_answers,
    "everything": everything,
}


async def play(ground: Ground, name: str) -> Played:
    """One scenario on processes and a database of its own."""
    url = ground.database.create(f"chaos_{name}")
    slack = FakeSlack(channels=tuple(f"C{number}" for number in range(CHANNELS)))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(slack)
        folder = ground.folder / name
        folder.mkdir()
        made = await stack.enter_async_context(replicas(folder, _settings(url, slack)))
        stage = Stage(ground, made, slack, random.Random(f"{SEED} {name}"))
        apis = [replica.url for replica in made if replica.role == "api"]
        answers, _ = await asyncio.gather(post_all(apis, name, ground.groups, BURST_SECONDS), SCENARIOS[name](stage))
        counted = await audit(ground.database.libpq(url), slack, answers, ground.groups)
        codes = tuple(code for replica in made for code in replica.exit_codes)
    return Played(counted, stage.deaths, answers.posted_again, codes)


async def takeover_seconds(ground: Ground) -> float:
    """From the SIGKILL of the workers in mid-enrichment until one that took their place has done the work."""
    url = ground.database.create("chaos_takeover")
    folder = ground.folder / "takeover"
    folder.mkdir()
    async with (
        FakeSlack(channels=tuple(f"C{number}" for number in range(CHANNELS))) as slack,
        silent_endpoint() as silence,
        replicas(folder, _settings(url, slack) | silence) as made,
    ):
        answers = await post_all([made[0].url], "takeover", 1, 0.0)
        database = ground.database.libpq(url)
        await _until_at_work(database)
        workers = [replica for replica in made if replica.role == "worker"]
        killed_at = time.monotonic()
        await asyncio.gather(*(worker.kill() for worker in workers))
        await workers[0].start()
        await audit(database, slack, answers, 1)
        return time.monotonic() - killed_at


@asynccontextmanager
async def silent_endpoint() -> AsyncIterator[dict[str, str]]:
    """Settings with a health endpoint that takes connections and never answers: a job waits for its deadline."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    urls = json.dumps([{"url": f"http://127.0.0.1:{port}/healthz"}])
    try:
        yield {"SITREP_PROBES": "on", "SITREP_HEALTH_URLS": urls, "SITREP_SOURCE_DEADLINE_SECONDS": "4"}
    finally:
        for writer in held:
            writer.transport.abort()
        server.close()


async def _until_at_work(database: str) -> None:
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        while True:
            cursor = await connection.execute("select 1 from procrastinate_jobs where status = 'doing'")
            if await cursor.fetchone() is not None:
                return
            await asyncio.sleep(0.1)


def _settings(url: str, slack: FakeSlack) -> dict[str, str]:
    routes = [{"matchers": [f'channel="{number}"'], "channels": [f"C{number}"]} for number in range(CHANNELS)]
    return {
        "SITREP_DATABASE_URL": url,
        "SITREP_PROBES": "off",
        # Every incident owes a message of its own here.
        "SITREP_STORM": "off",
        "SITREP_SLACK_API_URL": slack.api_url,
        "SITREP_SLACK_TOKEN": slack.token,
        "SITREP_SLACK_ROUTES": json.dumps(routes),
    }
