"""A sender that behaves like a pair of Alertmanagers: it posts until somebody says 202."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.bodies import ALERTS_IN_A_BODY, GROUP, ten_alerts
from benchmarks.chaos.slack import CHANNELS

WEBHOOK = "/api/v1/webhooks/alertmanager"
JSON = {"Content-Type": "application/json"}
POST_TIMEOUT = aiohttp.ClientTimeout(total=10)
GIVE_UP_SECONDS = 120.0
LONGEST_PAUSE_SECONDS = 2.0
# Two Alertmanagers in a cluster both post now and then; so does one whose 202 was lost.
TWICE_SHARE = 0.2


@dataclass
class Burst:
    """What is posted, and what came of it: the incidents that were named, by group."""

    name: str
    groups: int
    seconds: float
    accepted: dict[str, set[str]] = field(default_factory=dict)
    alerts: int = 0
    posts: int = 0
    retried: int = 0
    given_up: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def group(self, number: int) -> str:
        """The name of one group."""
        return f"{self.name}-{number}"


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Spreads groups over the addresses; another address is tried after each failure."""

    addresses: Sequence[str]
    rng: random.Random

    async def send(self, burst: Burst) -> None:
        """All groups of the burst, spread over its seconds."""
        async with aiohttp.ClientSession(timeout=POST_TIMEOUT) as session:
            posting = []
            for number in range(burst.groups):
                at = self.rng.random() * burst.seconds
                peers = 2 if self.rng.random() < TWICE_SHARE else 1
                first = self.rng.randrange(len(self.addresses))
                posting += [self._notify(session, burst, number, (at, first + peer)) for peer in range(peers)]
            await asyncio.gather(*posting)

    async def _notify(
        self, session: aiohttp.ClientSession, burst: Burst, number: int, start: tuple[float, int]
    ) -> None:
        """One group: again and again, to the other address each time, until it is accepted."""
        at, address = start
        await asyncio.sleep(at)
        began, pause = time.monotonic(), 0.1
        body = group_body(burst.group(number), number)
        while time.monotonic() - began < GIVE_UP_SECONDS:
            burst.posts += 1
            incidents = await _post(session, self.addresses[address % len(self.addresses)], body)
            if incidents:
                known = burst.accepted.setdefault(burst.group(number), set())
                burst.alerts += 0 if known else ALERTS_IN_A_BODY
                known |= incidents
                burst.slowest = max(burst.slowest, time.monotonic() - began)
                return
            burst.retried += 1
            address += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        burst.given_up.append(burst.group(number))


async def _post(session: aiohttp.ClientSession, address: str, body: bytes) -> set[str]:
    """The incidents that the answer names; none if it was not accepted, as far as the sender can know."""
    try:
        async with session.post(address + WEBHOOK, data=body, headers=JSON) as answer:
            said: dict[str, Any] = json.loads(await answer.read()) if answer.status == 202 else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return set()
    return {str(one["id"]) for one in said.get("incidents", [])}


def group_body(name: str, number: int) -> bytes:
    """Ten alerts of a group of its own, for one of the channels; every fifth group wakes people."""
    body = json.loads(ten_alerts().replace(GROUP.encode(), name.encode()))
    labels = {"channel": str(number % CHANNELS), "severity": "critical" if number % 5 == 0 else "warning"}
    body["commonLabels"] |= labels
    for alert in body["alerts"]:
        alert["labels"] |= labels
    return json.dumps(body).encode()
