"""How many workers there are: they share what a source may be asked at a time."""

import asyncio
from collections.abc import Sequence

from app.gather.access import Access
from app.store.leases import Leases

COUNT_EVERY_SECONDS = 5.0
PRESENT_SECONDS = 15.0


class Crew:
    """Each worker says that it is there, and counts those who do; who stopped is counted for 15 s more.

    Without a database the last count stays.
    """

    def __init__(self, leases: Leases, ways: Sequence[Access]) -> None:
        self._leases = leases
        self._ways = tuple(ways)

    async def work(self, _stopping: asyncio.Event) -> None:
        """Once: say it, count, share."""
        await self._leases.take(f"worker:{self._leases.holder}", PRESENT_SECONDS)
        workers = await self._leases.count("worker:")
        for way in self._ways:
            way.share(workers)
