"""The sweep: takes up what was left behind, and counts what needs a person. One among all replicas."""

import structlog

from app import telemetry
from app.domain.alert import Severity
from app.jobs.enrich import Enricher
from app.store.engine import Store
from app.store.leases import Leases
from app.store.parked import ParkedDeliveries, ParkedIncidents
from app.store.queue import Wish

SWEEP_EVERY_SECONDS = 5.0
LEASE_SECONDS = 12.0
LEASE = "sweep"

log = structlog.get_logger()


class Sweep:
    """Every step may be done twice, or by two at once, without harm: the lease only spares the work."""

    def __init__(self, store: Store, enricher: Enricher, leases: Leases) -> None:
        self._enricher = enricher
        self._leases = leases
        self._parked = ParkedDeliveries(store)
        self._parked_incidents = ParkedIncidents(store)
        self._seen_parked: set[str] = set()

    async def work(self) -> None:
        """Once, if it is our turn; who lost it counts nothing, lest old figures stand beside new ones."""
        if await self._leases.take(LEASE, LEASE_SECONDS) is None:
            self._count(0, 0, {})
            return
        stalled = await self._enricher.queue.retry_stalled()
        behind = await self._enricher.enrichments.behind()
        for incident_id, severity in behind:
            await self._enricher.queue.enqueue_now(incident_id, Wish(Severity(severity)))
        if stalled or behind:
            log.info("took up what was left behind", stalled_jobs=stalled, incidents=len(behind))
        await self._enricher.announcer.watch_slow()
        self._count(len(behind), await self._parked_incidents.count(), await self._parked.counts())

    def _count(self, behind: int, parked_incidents: int, parked: dict[str, int]) -> None:
        telemetry.JOBS_BEHIND.set(behind)
        telemetry.INCIDENTS_PARKED.set(parked_incidents)
        for notifier in {*parked, *self._seen_parked}:
            telemetry.DELIVERIES_PARKED.labels(notifier).set(parked.get(notifier, 0))
        self._seen_parked |= parked.keys()
