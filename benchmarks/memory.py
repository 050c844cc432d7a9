"""What a process needs: memory at most, processor time in all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

MEBIBYTE = 1024 * 1024
LOOK_EVERY_SECONDS = 0.1


@dataclass(slots=True)
class Peak:
    """The most resident memory (MiB) that was seen."""

    megabytes: float = 0.0


def cpu_seconds(process: psutil.Process) -> float:
    """The processor time of this process so far; unlike the clock's time, it hardly minds a busy machine."""
    times = process.cpu_times()
    return float(times.user + times.system)


@asynccontextmanager
async def peak_of(pid: int) -> AsyncIterator[Peak]:
    """Look at this process while the block runs."""
    peak = Peak()
    process = psutil.Process(pid)

    async def look() -> None:
        while True:
            peak.megabytes = max(peak.megabytes, process.memory_info().rss / MEBIBYTE)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield peak
    finally:
        looking.cancel()
