"""Sends each body when it is due, however slow the answers are, and again until it is taken."""

import asyncio
import time
from dataclasses import dataclass, field

import aiohttp

from benchmarks.storm.weather import Due

JSON = {"Content-Type": "application/json"}
CONNECTIONS = 64
ACCEPTED, AWAY = 202, 503


@dataclass(slots=True)
class Sent:
    """What became of the bodies: seconds from due to acknowledged, and when the planted faults were due."""

    took: list[float] = field(default_factory=list)
    alerts: int = 0
    refused: int = 0
    seconds: float = 0.0
    faults_at: dict[str, float] = field(default_factory=dict)


async def send(url: str, posts: list[Due]) -> Sent:
    """All of them, each at its time; a time-out or a 503 is tried again, as Alertmanager does."""
    sent = Sent()
    began, wall = time.perf_counter(), time.time()
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(post: Due) -> None:
            await asyncio.sleep(max(0.0, began + post.at - time.perf_counter()))
            if post.fault:
                sent.faults_at[post.fault] = wall + post.at
            status = await _until_taken(session, url, post.body)
            if status != ACCEPTED:
                sent.refused += 1
                return
            sent.alerts += post.alerts
            sent.took.append(time.perf_counter() - began - post.at)

        await asyncio.gather(*(one(post) for post in posts))
    sent.seconds = time.perf_counter() - began
    return sent


async def _until_taken(session: aiohttp.ClientSession, url: str, body: bytes) -> int:
    for _ in range(20):
        try:
            async with session.post(url, data=body, headers=JSON) as answer:
                await answer.read()
        except aiohttp.ClientError:
            await asyncio.sleep(1)
            continue
        if answer.status != AWAY:
            return answer.status
        await asyncio.sleep(1)
    return AWAY
