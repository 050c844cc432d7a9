"""Answers of the last seconds: incidents of one storm ask the same, and the API server hears it once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

KEPT_SECONDS = 5.0
MAX_ENTRIES = 256
MAX_BODY_BYTES = 1024 * 1024

K = TypeVar("K", bound=Hashable)


class Recent(Generic[K]):
    """Shares a fetch among all who want the same meanwhile, and its answer for 5 s. Failures are not kept."""

    def __init__(self) -> None:
        self._kept: dict[K, tuple[float, bytes]] = {}
        self._running: dict[K, asyncio.Task[bytes]] = {}

    async def get(self, key: K, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer; one asker who gives up does not take it from the others."""
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(self._fetch(key, fetch))
            self._running[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Stop what still runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, key: K, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        body = await fetch()
        if len(body) <= MAX_BODY_BYTES:
            while len(self._kept) >= MAX_ENTRIES:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (time.monotonic(), body)
        return body

    def _done(self, key: K, task: asyncio.Task[bytes]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen here, in case every asker has given up
