"""The processes under test, each of which may die and is started again, as a container's supervisor would."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.processes import Running, free_port, launch, sitrep_command, sitrep_environment

# Sitrep's own grace period is 20 s, and two more for what is being sent; the rest is for a busy machine.
GRACE_SECONDS = 30.0
READY_SECONDS = 60.0
SUPERVISOR_WAITS_SECONDS = 1.0


@dataclass
class Member:
    """One process of the fleet through all its lives, always at the same port."""

    name: str
    role: str
    settings: Mapping[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    life: Running | None = None
    was_ready: bool = False
    # Whoever ends it and starts it again holds this: two lives at once would share a port.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What all its lives wrote."""
        return self.folder / f"{self.name}.log"

    async def start(self) -> None:
        """A new life; it may not be ready yet."""
        environment = sitrep_environment(self.settings, self.port)
        self.was_ready = False
        self.life = await launch(sitrep_command(self.role), self.url, self.log, environment)

    async def ready(self) -> bool:
        """Whether it can be used now."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            timeout = aiohttp.ClientTimeout(total=5)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"{self.url}/readyz") as answer:
                self.was_ready = self.was_ready or answer.status == 200
                return answer.status == 200
        return False

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.life is not None and self.life.process.returncode is None:
            self.life.kill()
            await self.life.process.wait()

    def pause(self) -> None:
        """It stands still, and lives."""
        assert self.life is not None
        self.life.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        assert self.life is not None
        self.life.process.send_signal(signal.SIGCONT)

    async def terminate(self) -> tuple[int | None, float]:
        """SIGTERM: its exit code, None if the grace period was not enough; and how many seconds it took."""
        assert self.life is not None
        began = time.monotonic()
        if self.life.process.returncode is None:
            self.life.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                code: int | None = await self.life.process.wait()
        except TimeoutError:
            await self.kill()
            code = None
        return code, time.monotonic() - began


@dataclass
class Fleet:
    """All members, what became of them, and the promises that they broke."""

    members: list[Member]
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    longest_stop: float = 0.0

    def of_role(self, role: str) -> list[Member]:
        """Those of one role."""
        return [member for member in self.members if member.role == role]

    def forget(self) -> None:
        """Count anew."""
        self.counts.clear()
        self.broken.clear()
        self.longest_stop = 0.0

    async def start(self) -> None:
        """Start all and wait until each can be used."""
        for member in self.members:
            await member.start()
        await self.all_ready()

    async def all_ready(self) -> None:
        """Wait until each can be used."""
        async with asyncio.timeout(READY_SECONDS):
            for member in self.members:
                while not await member.ready():  # noqa: ASYNC110 - another process has no event to wait for
                    await asyncio.sleep(0.1)

    async def supervise(self) -> None:
        """Until cancelled: start again whatever ended by itself, which only a database that is away excuses."""
        while True:
            for member in self.members:
                async with member.turn:
                    await self._look_after(member)
            await asyncio.sleep(0.5)

    async def _look_after(self, member: Member) -> None:
        life = member.life
        if life is None or life.process.returncode is None:
            await member.ready()
            return
        if member.was_ready:
            self.broken.append(f"{member.name} ended by itself with {life.process.returncode}:\n{last_words(life)}")
        self.counts["starts without a database"] += not member.was_ready
        await asyncio.sleep(SUPERVISOR_WAITS_SECONDS)
        await member.start()

    async def terminate(self, member: Member) -> None:
        """SIGTERM; it must end with 0 within the grace period, if it was up at all."""
        was_ready = member.was_ready
        code, seconds = await member.terminate()
        self.longest_stop = max(self.longest_stop, seconds)
        self.counts["SIGTERM"] += 1
        if code != 0 and (was_ready or code is None):
            said = last_words(member.life)
            self.broken.append(f"{member.name} answered SIGTERM with {code} after {seconds:.1f} s:\n{said}")

    async def stop(self) -> None:
        """The end of all of them: with SIGTERM, which must succeed here, too."""
        await asyncio.gather(*(self.terminate(member) for member in self.members if member.life is not None))


def last_words(life: Running | None) -> str:
    """The last lines that it wrote, each as far as a reader wants to read it."""
    return "\n".join(line[:300] for line in life.tail(5).splitlines()) if life else ""
