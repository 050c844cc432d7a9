"""Two APIs and two workers, each of which is started again a moment after it has died."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import Running, free_port, sitrep

ROLES = ("api", "api", "worker", "worker")


@dataclass
class Replica:
    """One process and its place: a port that it keeps over its lives."""

    role: str
    port: int
    log: Path
    settings: Mapping[str, str]
    running: Running | None = None
    exit_codes: list[int] = field(default_factory=list)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        """Where it is reached while it lives."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Until it is ready; the database may be away for a moment, then it is tried again."""
        for _ in range(20):
            self._stack = AsyncExitStack()
            try:
                started = sitrep(self.log, self.settings, role=self.role, port=self.port)
                self.running = await self._stack.enter_async_context(started)
            except AssertionError:
                await self._stack.aclose()
                await asyncio.sleep(1)
                continue
            return
        message = f"{self.role} does not start: {self.log}"
        raise AssertionError(message)

    async def kill(self) -> None:
        """SIGKILL, and gone."""
        if self.running is not None:
            self.running.kill()
            await self.running.process.wait()
            await self._stack.aclose()
            self.running = None

    async def terminate(self) -> None:
        """SIGTERM; its exit code is kept."""
        if self.running is not None:
            self.exit_codes.append(await self.running.stop())
            await self._stack.aclose()
            self.running = None


@asynccontextmanager
async def replicas(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[list[Replica]]:
    """All of them up; all of them ended at the end, by SIGTERM."""
    made = [Replica(role, free_port(), folder / f"{role}-{number}.log", settings) for number, role in enumerate(ROLES)]
    try:
        await asyncio.gather(*(replica.start() for replica in made))
        yield made
    finally:
        await asyncio.gather(*(replica.terminate() for replica in made))


async def torment(made: list[Replica], chance: random.Random, seconds: float, *, kindly: bool) -> int:
    """Kill one or the other of either role at random moments for so long, and start it again; how many died.

    `kindly`: by SIGTERM, with time to hand back what it does.
    """
    until = time.monotonic() + seconds
    groups = [[replica for replica in made if replica.role == role] for role in ("api", "worker")]
    return sum(await asyncio.gather(*(_torment(group, chance, until, kindly=kindly) for group in groups)))


async def _torment(group: list[Replica], chance: random.Random, until: float, *, kindly: bool) -> int:
    deaths = 0
    while time.monotonic() < until:
        await asyncio.sleep(chance.uniform(0.1, 1.0))
        victim = chance.choice(group)
        await (victim.terminate() if kindly else victim.kill())
        deaths += 1
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        await victim.start()
    return deaths
