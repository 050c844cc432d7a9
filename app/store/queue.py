"""The job engine: jobs are wake-ups, rows are the truth. Enqueues by task name; `app.jobs` registers the tasks."""

from dataclasses import dataclass
from uuid import UUID

import procrastinate
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from app.domain.alert import Severity
from app.store.engine import Store, Transaction, libpq_url

__all__ = ["ENRICH", "LOOK_AGAIN", "MAX_ATTEMPTS", "PAGES", "QUEUE", "JobContext", "Queue", "Wish", "retry_strategy"]

ENRICH = "enrich"
LOOK_AGAIN = "look_again"
QUEUE = "sitrep"
PAGES = "pages"
"""Where what wakes people waits: some of every worker's places are kept for it."""
STALLED_AFTER_SECONDS = 10.0
MAX_ATTEMPTS = 5
POOL_WAIT_SECONDS = 3.0
# The pool doubles its pauses, up to minutes, for so long; once it has given up, whoever asks next makes it try at once.
RECONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How urgent an enrichment is: severe before harmless, and among equals what is new before the next of many.

    `alike`: how many incidents of the same alert came just before, as far as that matters. `by_hand`: a person
    waits for it, and so nothing of the same incident goes before it.
    """

    severity: Severity
    alike: int = 0
    by_hand: bool = False

    @property
    def priority(self) -> int:
        """For the job engine: higher goes first."""
        return int(self.severity) * 10 + (10 if self.by_hand else max(9 - self.alike, 0))

    @property
    def queue(self) -> str:
        """The queue that it waits in; whoever asks by hand is awake as well."""
        return PAGES if self.by_hand or self.severity is Severity.CRITICAL else QUEUE


class Queue:
    """Wake-ups for workers. `lock` is the incident: two jobs of one incident never run at once."""

    def __init__(self, store: Store, *, pool_size: int = 8) -> None:
        self._store = store
        connector = PsycopgConnector(
            conninfo=libpq_url(store.url),
            min_size=1,
            max_size=pool_size,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
        )
        self.app = App(connector=connector)

    async def open(self) -> None:
        """Connect the engine's own pool."""
        await self.app.open_async()

    async def aclose(self) -> None:
        """Close the engine's own pool."""
        await self.app.close_async()

    async def enqueue(self, transaction: Transaction, incident_id: UUID, wish: Wish) -> None:
        """Wake a worker for this incident when the transaction commits; the most urgent first."""
        deferrer = self.app.configure_task(
            ENRICH,
            connection=transaction.driver,
            queue=wish.queue,
            lock=str(incident_id),
            priority=wish.priority,
        )
        try:
            await deferrer.defer_async(incident_id=str(incident_id))
        except ConnectorException as error:
            # The driver's own error: the store tells one that means "away, try again" from others.
            raise (error.__cause__ or error) from None

    async def enqueue_now(self, incident_id: UUID, wish: Wish) -> None:
        """The same in a transaction of its own."""
        async with self._store.transaction() as transaction:
            await self.enqueue(transaction, incident_id, wish)

    async def look_again(self, incident_id: UUID, after_seconds: int) -> None:
        """Wake a worker later to ask once more what was still empty."""
        async with self._store.transaction() as transaction:
            await self.app.configure_task(
                LOOK_AGAIN,
                connection=transaction.driver,
                queue=QUEUE,
                lock=str(incident_id),
                # Below every enrichment: a job that waits holds the incident's lock back from no other.
                priority=-1,
                schedule_in={"seconds": after_seconds},
            ).defer_async(incident_id=str(incident_id))

    async def retry_stalled(self) -> int:
        """Hand back the jobs whose worker no longer beats; how many there were."""
        manager = self.app.job_manager
        stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS))
        for job in stalled:
            await manager.retry_job(job)
        return len(stalled)


retry_strategy = procrastinate.RetryStrategy(max_attempts=MAX_ATTEMPTS, exponential_wait=2)
