"""Memory of processes over time: where it began, how far it went, whether it still grows."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

LOOK_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class Memory:
    """Resident bytes, one look a second."""

    looks: list[float] = field(default_factory=list)

    @property
    def start(self) -> float:
        """At the first look."""
        return self.looks[0]

    @property
    def peak(self) -> float:
        """The most."""
        return max(self.looks)

    @property
    def slope_per_minute(self) -> float:
        """Bytes a minute over the second half, from the medians of its two halves."""
        half = self.looks[len(self.looks) // 2 :]
        middle = len(half) // 2
        first, last = sorted(half[:middle]), sorted(half[middle:])
        if not first:
            return 0.0
        grown = last[len(last) // 2] - first[len(first) // 2]
        return grown / (middle * LOOK_EVERY_SECONDS) * 60


@asynccontextmanager
async def watching(processes: Mapping[str, int]) -> AsyncIterator[dict[str, Memory]]:
    """Look at these processes, by name and pid, while the block runs."""
    seen = {name: Memory() for name in processes}

    async def look() -> None:
        while True:
            for name, pid in processes.items():
                seen[name].looks.append(float(psutil.Process(pid).memory_info().rss))
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
