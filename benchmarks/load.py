"""The load generator: a process of its own, so that neither the server nor the stand-ins wait for it."""

import asyncio
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import aiohttp

from benchmarks.bodies import filling

JSON = {"Content-Type": "application/json"}
ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Load:
    """`posts` bodies (or as many as fit into `seconds`), over `connections` at once.

    `per_second` paces them: then a post counts from the moment at which it was due, so that a server
    that stalls is charged for all that it kept waiting. 0 sends the next one when the last is answered.
    `repeated`: always the same body, as when its sender repeats it; it is enriched once. `others`: replicas that
    take turns with `url`.
    """

    url: str
    template: bytes
    prefix: str
    connections: int = 1
    seconds: float = 3600.0
    posts: int = 1_000_000
    per_second: float = 0.0
    channels: int = 1
    repeated: bool = False
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Result:
    """Of each accepted post when it was sent (Unix seconds) and how long the answer took (seconds)."""

    sent_at: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    refused: int = 0
    seconds: float = 0.0

    @property
    def posts_per_second(self) -> float:
        """Accepted ones."""
        return len(self.took) / self.seconds if self.seconds else 0.0

    def milliseconds(self, percent: float) -> float:
        """How long an answer took at most, for this share of the posts."""
        return percentile(self.took, percent) * 1000


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that is not exceeded by `percent` of them; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class Generator:
    """`async with` starts the process; `send` runs one load in it."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    async def send(self, load: Load) -> Result:
        """What became of the load."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _run, load)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


def _run(load: Load) -> Result:
    return asyncio.run(_send(load))


async def _send(load: Load) -> Result:
    result = Result()
    body = filling(load.template, load.prefix, load.channels)
    urls = (load.url, *load.others)
    numbers = iter(range(load.posts))
    began, wall = time.perf_counter(), time.time()

    async def one_connection(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            due = began + number / load.per_second if load.per_second else time.perf_counter()
            if due - began > load.seconds:
                return
            await asyncio.sleep(max(0.0, due - time.perf_counter())) if load.per_second else None
            if not await _is_accepted(session, urls[number % len(urls)], body(0 if load.repeated else number)):
                result.refused += 1
                continue
            result.sent_at.append(wall + due - began)
            result.took.append(time.perf_counter() - due)

    connector = aiohttp.TCPConnector(limit=load.connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(one_connection(session) for _ in range(load.connections)))
    result.seconds = time.perf_counter() - began
    return result


async def _is_accepted(session: aiohttp.ClientSession, url: str, content: bytes) -> bool:
    """Whether the answer is 202; a connection that breaks is a refusal, too."""
    try:
        async with session.post(url, data=content, headers=JSON) as answer:
            await answer.read()
    except aiohttp.ClientError:
        return False
    return answer.status == ACCEPTED
