"""Old details go: by one replica at a time, in small steps, so that nobody notices."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import structlog

from app.store.engine import Store, StoreUnavailableError
from app.store.leases import Lease, Leases
from app.store.leftovers import BATCH, CHANGES, GROUPS, LEASES, LOG_BYTES, REJECTIONS, STORY_KEYS
from app.store.retention import BEGINNING, OldMonths, Settled

RETENTION = "retention"
# How often each replica looks whether it is its turn: what a dead one began is taken up after this and the lease.
RETENTION_EVERY_SECONDS = 10.0
LEASE_SECONDS = 20.0
REST_SECONDS = 3600.0
# Somebody held what was to go, or read it for long.
REST_AFTER_TROUBLE_SECONDS = 300.0
PAUSE_SECONDS = 0.05
# A story takes other groups in for an hour, whatever is kept of it.
STORIES_KEPT = timedelta(hours=6)

log = structlog.get_logger()


class Retention:
    """Drops what ended longer ago than `keep`; what is open stays, however old."""

    def __init__(self, store: Store, leases: Leases, keep: timedelta) -> None:
        self._store = store
        self._months = OldMonths(store)
        self._leases = leases
        self._keep = keep

    async def work(self, stopping: asyncio.Event) -> None:
        """One round if it is our turn: until all is done, `stopping` is set, or the lease is another's."""
        lease = await self._leases.take(RETENTION, LEASE_SECONDS)
        if lease is None:
            return
        rest = REST_AFTER_TROUBLE_SECONDS
        try:
            rest = await self._round(lease, stopping)
        except StoreUnavailableError as error:
            log.warning("old details are dropped later", reason=str(error))
        finally:
            await self._leases.rest(lease, rest)

    async def _round(self, lease: Lease, stopping: asyncio.Event) -> float:
        """How long to rest afterwards, in seconds."""
        left = 0
        async with aclosing(self._steps(datetime.now(UTC) - self._keep)) as steps:
            async for busy in steps:
                left += busy
                if stopping.is_set() or await self._leases.take(lease.name, LEASE_SECONDS) != lease:
                    return 0.0
                await asyncio.sleep(PAUSE_SECONDS)
        return REST_AFTER_TROUBLE_SECONDS if left else REST_SECONDS

    async def _steps(self, since: datetime) -> AsyncGenerator[int]:
        """Everything, a bounded step at a time: after each, how many incidents it had to leave for later."""
        old = await self._months.before(since)
        for month, tables in groupby(old, key=lambda one: one.month):
            busy = 0
            async with aclosing(self._settled(month, since)) as pages:
                async for page in pages:
                    busy += page.busy
                    yield page.busy
            for table in [] if busy else tables:
                await self._months.drop(table)
                log.info("dropped a month of old details", partition=table.name)
                yield 0
        leftovers = dict.fromkeys((GROUPS, LEASES, REJECTIONS, CHANGES, LOG_BYTES), since)
        leftovers[STORY_KEYS] = datetime.now(UTC) - STORIES_KEPT
        for leftover, untouched_since in leftovers.items():
            while await leftover.forget(self._store, untouched_since) >= BATCH:
                yield 0

    async def _settled(self, month: date, since: datetime) -> AsyncGenerator[Settled]:
        """The month's incidents, page by page; what is open has moved to this month."""
        page = Settled(BEGINNING)
        moved = 0
        while page.last is not None:
            page = await self._months.settle(month, since, page.last)
            moved += page.moved
            yield page
        log.info("settled an old month", month=f"{month:%Y-%m}", moved=moved)
