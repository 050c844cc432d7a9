"""A worker: the job engine and the loops, started together, and started again whenever they end."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog

from app import telemetry
from app.jobs.announce import LOOK_EVERY_SECONDS, Announcer
from app.jobs.deliver import Sender
from app.jobs.enrich import Enricher
from app.jobs.retention import RETENTION_EVERY_SECONDS, Retention
from app.jobs.storms import KEEP_EVERY_SECONDS, StormKeeper
from app.jobs.sweep import SWEEP_EVERY_SECONDS, Sweep
from app.store.engine import Store, StoreUnavailableError
from app.store.parked import ParkedDeliveries
from app.store.partitions import ensure_partitions
from app.store.queue import ENRICH, LOOK_AGAIN, PAGES, QUEUE, JobContext, Queue, retry_strategy
from app.store.storms import Storms

PARTITIONS_EVERY_SECONDS = 6 * 3600.0
REVIVE_EVERY_SECONDS = 900.0
# Of the places, these are kept for pages: however many harmless incidents are being looked into, a page is begun.
PLACES_FOR_ALL, PLACES_FOR_PAGES = 6, 2
GRACE_SECONDS = 20
HEARTBEAT_SECONDS = 3.0
POLL_SECONDS = 0.5
PAUSE_AFTER_FAILURE_SECONDS = 1.0

log = structlog.get_logger()


class Worker:
    """Runs jobs and loops until it is stopped."""

    def __init__(self, store: Store, enricher: Enricher, sender: Sender, retention: Retention) -> None:
        self._keeper = StormKeeper(Storms(store), enricher, sender.leases)
        self._store = store
        self._queue = enricher.queue
        self._retention = retention
        self._enricher = enricher
        self._sender = sender
        self._announcer: Announcer = enricher.announcer
        self._parked = ParkedDeliveries(store)
        self._sweep = Sweep(store, enricher, sender.leases)
        self._stopping = asyncio.Event()
        self._others: list[tuple[float, Callable[[asyncio.Event], Awaitable[None]]]] = []
        _register(enricher.queue, enricher)

    async def run(self) -> None:
        """Until `stop`; then what is being done is finished or handed back within the grace period."""
        loops = [
            self._every(LOOK_EVERY_SECONDS, lambda: self._announcer.watch_budget(self._enricher.budget_seconds)),
            self._every(LOOK_EVERY_SECONDS, self._sender.start_due, self._announcer.something_due),
            self._every(KEEP_EVERY_SECONDS, self._keeper.keep),
            self._every(SWEEP_EVERY_SECONDS, self._sweep.work),
            self._every(PARTITIONS_EVERY_SECONDS, self._make_partitions),
            self._every(REVIVE_EVERY_SECONDS, self._revive),
            self._every(RETENTION_EVERY_SECONDS, lambda: self._retention.work(self._stopping)),
            self._work([PAGES, QUEUE], PLACES_FOR_ALL),
            self._work([PAGES], PLACES_FOR_PAGES),
        ]
        others = [self._every(seconds, partial(work, self._stopping)) for seconds, work in self._others]
        await asyncio.gather(*loops, *others)
        await self._sender.aclose()

    def also(self, seconds: float, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        """Do this as well, again and again; it is told when to stop."""
        self._others.append((seconds, work))

    def stop(self) -> None:
        """Ask everything to come to an end."""
        self._stopping.set()
        self._announcer.something_due.set()

    async def _work(self, queues: list[str], places: int) -> None:
        """The job engine; it ends when PostgreSQL goes away, so it is started again whenever it returns."""
        while not self._stopping.is_set():
            engine = asyncio.create_task(self._run_engine(queues, places))
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({engine, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not engine.done():
                engine.cancel()
            (outcome,) = await asyncio.gather(engine, return_exceptions=True)
            if not self._stopping.is_set():
                log.warning("the job engine ended; starting it again", reason=str(outcome))
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)

    async def _run_engine(self, queues: list[str], places: int) -> None:
        await self._queue.app.run_worker_async(
            queues=queues,
            concurrency=places,
            install_signal_handlers=False,
            shutdown_graceful_timeout=GRACE_SECONDS,
            fetch_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            # A job is a wake-up: what is still to be done stands in the incident's row.
            delete_jobs="always",
        )

    async def _every(
        self, seconds: float, work: Callable[[], Awaitable[None]], sooner: asyncio.Event | None = None
    ) -> None:
        """Do `work` again and again, `seconds` apart, or sooner when the event is set; a failure ends one round."""
        wake = sooner or self._stopping
        while not self._stopping.is_set():
            try:
                await work()
            except StoreUnavailableError as error:
                log.warning("the database is away", reason=str(error))
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            except Exception:
                log.exception("a loop's round failed")
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)
            try:
                async with asyncio.timeout(seconds):
                    await wake.wait()
            except TimeoutError:
                continue
            if sooner is not None:
                sooner.clear()

    async def _revive(self) -> None:
        """What was given up is tried again now and then: a token is renewed, a bot invited."""
        revived = await self._parked.revive(REVIVE_EVERY_SECONDS)
        if revived:
            log.info("tries again what was parked", deliveries=revived)

    async def _make_partitions(self) -> None:
        async with self._store.transaction() as transaction:
            await ensure_partitions(transaction)


def _register(queue: Queue, enricher: Enricher) -> None:
    @queue.app.task(name=ENRICH, retry=retry_strategy, pass_context=True)
    async def enrich(context: JobContext, incident_id: str) -> None:
        with telemetry.log_context(job_id=str(context.job.id), incident_id=incident_id):
            await enricher.enrich(UUID(incident_id))

    @queue.app.task(name=LOOK_AGAIN, retry=retry_strategy, pass_context=True)
    async def look_again(context: JobContext, incident_id: str) -> None:
        with telemetry.log_context(job_id=str(context.job.id), incident_id=incident_id):
            await enricher.look_again(UUID(incident_id))
