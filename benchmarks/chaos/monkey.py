"""The chaos monkey: seeded, so that its choices (though not their timing to the microsecond) come again."""

import asyncio
import random
from dataclasses import dataclass

from benchmarks.chaos.fleet import Fleet, Member
from benchmarks.chaos.postgres import FAST, IMMEDIATE, Postgres

PAUSE_SECONDS = (0.5, 2.0)
DOWN_SECONDS = (0.3, 1.5)
DATABASE_DOWN_SECONDS = (0.5, 2.0)


@dataclass
class Monkey:
    """Breaks things, one at a time, and puts each back after a moment."""

    fleet: Fleet
    postgres: Postgres
    rng: random.Random

    async def kill(self, times: int) -> None:
        """SIGKILL, API and worker by turns."""
        for member in self._victims(times):
            await self._pause(PAUSE_SECONDS)
            async with member.turn:
                await member.kill()
                self.fleet.counts["SIGKILL"] += 1
                await self._pause(DOWN_SECONDS)
                await member.start()

    async def terminate(self, times: int) -> None:
        """SIGTERM, API and worker by turns; each must end with 0."""
        for member in self._victims(times):
            await self._pause(PAUSE_SECONDS)
            async with member.turn:
                await self.fleet.terminate(member)
                await self._pause(DOWN_SECONDS)
                await member.start()

    async def restart_database(self, times: int) -> None:
        """A crash, then a clean restart, and so on."""
        for number in range(times):
            await self._pause(PAUSE_SECONDS)
            await self.postgres.stop(FAST if number % 2 else IMMEDIATE)
            self.fleet.counts["database restarts"] += 1
            await self._pause(DATABASE_DOWN_SECONDS)
            await self.postgres.start()

    def _victims(self, times: int) -> list[Member]:
        """Workers and APIs by turns, so that a short run meets both."""
        return [self.rng.choice(self.fleet.of_role("api" if number % 2 else "worker")) for number in range(times)]

    async def _pause(self, between: tuple[float, float]) -> None:
        await asyncio.sleep(self.rng.uniform(*between))
