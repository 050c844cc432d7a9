"""The keeper of storms: makes the words of each parent, and ends what is over. One among all replicas."""

from uuid import UUID

import structlog

from app import telemetry
from app.domain.evidence import Evidence
from app.domain.incident import Recollection
from app.domain.storm import Storm
from app.domain.story import SAME_CAUSE_AT_LEAST
from app.jobs.enrich import Enricher
from app.store.codec import Summary
from app.store.engine import StoreUnavailableError
from app.store.enrichment import Conclusion
from app.store.leases import Leases
from app.store.news import News
from app.store.storms import Storms

KEEP_EVERY_SECONDS = 1.0
LEASE_SECONDS = 5.0
LEASE = "storms"

log = structlog.get_logger()


class StormKeeper:
    """Looks at the storms that rage; whoever has the lease does, and if it dies another within seconds."""

    def __init__(self, storms: Storms, enricher: Enricher, leases: Leases) -> None:
        self._storms = storms
        self._enrichments = enricher.enrichments
        self._pipeline = enricher.pipeline
        self._announcer = enricher.announcer
        self._leases = leases
        self._told: dict[UUID, Storm] = {}

    async def keep(self) -> None:
        """Once: bring every parent up to date whose members changed."""
        if await self._leases.take(LEASE, LEASE_SECONDS) is None:
            self._told.clear()
            return
        raging = await self._storms.raging()
        for parent_id in raging:
            await self._keep(parent_id)
        self._told = {parent_id: storm for parent_id, storm in self._told.items() if parent_id in raging}
        telemetry.STORMS.set(len(raging))

    async def _keep(self, parent_id: UUID) -> None:
        """One that cannot be told must not keep the others from being told."""
        try:
            storm = await self._storms.read(parent_id)
            if self._told.get(storm.parent_id) != storm or storm.is_over(SAME_CAUSE_AT_LEAST):
                await self._tell(storm)
            await self._storms.mark_told(storm)
        except StoreUnavailableError:
            raise
        except Exception:
            log.exception("a storm could not be told", incident_id=str(parent_id))

    async def _tell(self, storm: Storm) -> None:
        """Describe, write, announce. Whatever dies in between is done again by the next who looks."""
        alone: list[UUID] = []
        if storm.is_over(SAME_CAUSE_AT_LEAST):
            storm, alone = await self._storms.end(storm, SAME_CAUSE_AT_LEAST)
        if storm.is_ended:
            news = [News("resolved", _end(storm))]
        else:
            await self._storms.reckon(storm)
            news = _news(storm)
        work = await self._enrichments.begin(storm.parent_id, storm=True)
        if work is not None:
            summary = Summary(self._pipeline.describe(storm), Recollection())
            conclusion = Conclusion(summary, Evidence(), "complete")
            if await self._enrichments.conclude(work, conclusion, news if work.told else ()):
                await self._announcer.announce(storm.parent_id)
        if alone:
            log.info("a storm is over; what still fires is told by itself", storm=storm.key, incidents=len(alone))
        self._told[storm.parent_id] = storm


def _news(storm: Storm) -> list[News]:
    """What was harmless and is severe now; that it grew is seen in the message."""
    worst = max(storm.members, key=lambda member: member.severity)
    if worst.severity <= storm.severity:
        return []
    return [News("severity", f"now {worst.severity.word}: {worst.alertname} {worst.subject}")]


def _end(storm: Storm) -> str:
    over = f"the storm of {storm.size} is over"
    return f"{over}; {storm.left} still firing, each told by itself now" if storm.left else over
