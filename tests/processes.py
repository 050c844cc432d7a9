"""Real processes for tests and the demo: started on loopback, waited for, stopped by their own id."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 30.0


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """A process with an HTTP address; its output goes to `log`."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self.process.kill()

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            message = f"it did not stop in {STOP_SECONDS:g} s:\n{self.tail()}"
            raise AssertionError(message) from None

    def tail(self, lines: int = 40) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


async def launch(command: Sequence[str], url: str, log: Path, environment: Mapping[str, str] | None = None) -> Running:
    """Start `command`, which will answer at `url`; whoever calls this stops it."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=environment, cwd=ROOT
        )
    return Running(process, url, log)


@asynccontextmanager
async def running(
    command: Sequence[str], ready_url: str, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Start `command`, wait until `ready_url` answers 200, and stop it at the end if it still runs."""
    started = await launch(command, ready_url.rsplit("/", 1)[0], log, environment)
    process = started.process
    try:
        await _ready(started, ready_url)
        yield started
    finally:
        if process.returncode is None:
            await started.stop()


@asynccontextmanager
async def sitrep(
    log: Path, settings: Mapping[str, str], *, role: str = "all", port: int | None = None
) -> AsyncIterator[Running]:
    """`sitrep serve` with these SITREP_* settings and none of the caller's own."""
    chosen = port or free_port()
    ready = f"http://127.0.0.1:{chosen}/readyz"
    async with running(sitrep_command(role), ready, log, sitrep_environment(settings, chosen)) as started:
        yield started


def sitrep_command(role: str) -> list[str]:
    """What starts a Sitrep in this role."""
    return [str(Path(sys.executable).parent / "sitrep"), "serve", "--role", role]


def sitrep_environment(settings: Mapping[str, str], port: int) -> dict[str, str]:
    """These settings and none of the caller's own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITREP_", "KUBE"))}
    return {**inherited, "SITREP_KUBERNETES": "off", **settings, "SITREP_PORT": str(port)}


async def _ready(started: Running, url: str, seconds: float = 60.0) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(seconds):
        while True:
            if started.process.returncode is not None:
                message = f"it ended with {started.process.returncode}:\n{started.tail()}"
                raise AssertionError(message)
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
