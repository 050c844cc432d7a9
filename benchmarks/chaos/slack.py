"""A stand-in Slack that keeps what it is told, and now and then keeps its answer to itself."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

from aiohttp import web

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_messages import SlackMessage

CHANNELS = 10
# Longer than Sitrep waits for an answer (8 s).
SILENT_SECONDS = 10.0


class ChaosSlack(FakeSlack):
    """`lost_share` of the posts are stored and never answered: half time out, of half the connection breaks.

    `hold`: what comes while it is set waits before anything is stored.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(channels=tuple(f"C{number}" for number in range(CHANNELS)))
        self.one_a_second = True
        self.lost_share = 0.0
        self.lost = 0
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0
        self._rng = rng

    async def _api(self, request: web.Request) -> web.StreamResponse:
        # Read first: what was sent whole arrives, even if its sender dies while it waits here.
        await request.read()
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        stored = len(self.messages)
        answer = await super()._api(request)
        if len(self.messages) == stored or self._rng.random() >= self.lost_share:
            return answer
        self.lost += 1
        if self.lost % 2:
            await asyncio.sleep(SILENT_SECONDS)
        if request.transport is not None:
            request.transport.abort()
        return answer

    def told(self, incidents: Iterable[str]) -> Counter[tuple[str, str]]:
        """How often each part of each of these incidents was ever posted, deleted ones as well."""
        wanted = set(incidents)
        return Counter(part for part in map(_part, self.messages) if part[0] in wanted)


def _part(message: SlackMessage) -> tuple[str, str]:
    payload = message.metadata.get("event_payload") or {}
    return str(payload.get("incident", "")), str(payload.get("part", ""))
