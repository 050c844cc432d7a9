"""Follows every watch of a cluster and keeps what it sees; one keeper among all replicas."""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from time import monotonic

import structlog

from app import telemetry
from app.domain.errors import SourceError
from app.domain.subject import Subject
from app.domain.watched import Gone, Sight, Watched, Whole
from app.gather.source import Watch
from app.store.engine import StoreUnavailableError
from app.store.leases import Lease, Leases
from app.store.watching import Scope, Watching

LOOK_EVERY_SECONDS = 2.0
LEASE_SECONDS = 8.0
RENEW_EVERY_SECONDS = 2.0
HEARD_EVERY_SECONDS = 30.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 300.0

log = structlog.get_logger()


class SightMemory:
    """What the store knows already: most of what a watch sees is a status that nobody set."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: dict[Subject, int] = {}
        self._written_at = float("-inf")

    def is_news(self, sight: Sight) -> bool:
        """Whether the store should hear of it: something is other than before, or it has not heard for a while."""
        if isinstance(sight, Whole) or self._clock() - self._written_at >= HEARD_EVERY_SECONDS:
            return True
        return any(self._known.get(item.subject) != _mark(item) for item in sight)

    def taken_in(self, sight: Sight) -> None:
        """The store has it."""
        self._written_at = self._clock()
        if isinstance(sight, Whole):
            self._known = {subject: mark for subject, mark in self._known.items() if subject in sight.subjects}
            return
        for item in sight:
            if isinstance(item, Gone):
                self._known.pop(item.subject, None)
            else:
                self._known[item.subject] = _mark(item)


def _mark(item: Watched | Gone) -> int:
    return hash((item.uid, frozenset(item.fields.items()))) if isinstance(item, Watched) else 0


class JournalKeeper:
    """Whoever has the lease watches; if it dies another does within seconds, and sees what happened meanwhile."""

    def __init__(self, watching: Watching, leases: Leases, cluster: str, watches: Sequence[Watch]) -> None:
        self._watching = watching
        self._leases = leases
        self._cluster = cluster
        self._watches = tuple(watches)
        self._last_token = 0

    async def work(self, stopping: asyncio.Event) -> None:
        """If it is our turn, watch until `stopping` is set or the lease is another's."""
        if not self._watches:
            return
        lease = await self._leases.take(f"journal:{self._cluster}", LEASE_SECONDS)
        if lease is None:
            return
        self._begin(lease)
        log.info("watches what changes in the cluster", cluster=self._cluster, kinds=len(self._watches))
        following = [asyncio.create_task(self._follow(watch, lease)) for watch in self._watches]
        try:
            while not stopping.is_set() and await self._leases.keep(lease, LEASE_SECONDS):
                ended, _ = await asyncio.wait(
                    following, timeout=RENEW_EVERY_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for one in ended:
                    # The database went away, or the lease did: the next round begins anew.
                    one.result()
                    return
        finally:
            for one in following:
                one.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            await self._leases.rest(lease, 0.0)

    def _begin(self, lease: Lease) -> None:
        """Where another watched meanwhile, what we saw last is older than what is stored, and would undo it."""
        nobody_else_watched = 0 <= lease.token - self._last_token <= 1
        if not nobody_else_watched:
            for watch in self._watches:
                watch.begin_anew()
        self._last_token = lease.token

    async def _follow(self, watch: Watch, lease: Lease) -> None:
        """Until the lease is lost. Raises `StoreUnavailableError`."""
        scope = Scope(self._cluster, watch.kind, watch.namespace)
        memory = SightMemory()
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                async with aclosing(watch.follow()) as sights:
                    async for sight in sights:
                        if not memory.is_news(sight):
                            continue
                        changes = await self._watching.take_in(lease, scope, sight)
                        if changes is None:
                            return
                        memory.taken_in(sight)
                        telemetry.CHANGES_SEEN.labels(watch.kind).inc(changes)
                        pause = FIRST_PAUSE_SECONDS
            except StoreUnavailableError:
                raise
            except SourceError as error:
                await self._watching.failed(scope, str(error))
                if pause == FIRST_PAUSE_SECONDS:
                    log.warning("cannot watch", kind=watch.kind, namespace=watch.namespace, reason=str(error))
            # Many watches that broke at once do not come back at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
