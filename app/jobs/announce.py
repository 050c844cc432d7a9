"""The first word: what an incident should show where, wanted the moment there is something to say."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog

from app import telemetry
from app.domain.alert import AlertStatus
from app.domain.incident import Incident
from app.notify.dispatcher import Dispatcher
from app.store.deliveries import Deliveries
from app.store.engine import StoreUnavailableError
from app.store.incidents import Incidents

LOOK_EVERY_SECONDS = 0.3
# The announcer speaks this long before the budget ends, for the send itself takes time.
BEFORE_BUDGET_SECONDS = 0.7
SLOW_AFTER_SECONDS = 30.0

log = structlog.get_logger()


class Announcer:
    """Announces incidents: from an enrichment, or from the labels alone when the budget runs out."""

    def __init__(self, incidents: Incidents, deliveries: Deliveries, dispatcher: Dispatcher) -> None:
        self._incidents = incidents
        self._deliveries = deliveries
        self._dispatcher = dispatcher
        self.something_due = asyncio.Event()

    async def announce(self, incident_id: UUID) -> Incident:
        """Want all that this incident should show, as it stands now; what is wanted already stays."""
        incident = await self._incidents.get(incident_id)
        wanted = [(name, target.target, target.part) for name, target in self._dispatcher.targets(incident)]
        if not _heard_only_at_its_end(incident):
            announced = await self._deliveries.announce(incident_id, wanted)
            if announced.first and incident.revision == 0:
                waited = (datetime.now(UTC) - incident.received_at).total_seconds()
                telemetry.ANNOUNCED_AFTER_SECONDS.observe(max(0.0, waited))
        self.something_due.set()
        return incident

    async def watch_budget(self, budget_seconds: float) -> None:
        """Once: announce every incident whose budget is about to end, whatever the queue does."""
        for incident_id in await self._incidents.unannounced(budget_seconds - BEFORE_BUDGET_SECONDS):
            await self._announce_late(incident_id)

    async def watch_slow(self) -> None:
        """Once: what waits for a complete enrichment is wanted all the same when that takes too long."""
        for incident_id in await self._incidents.slow(SLOW_AFTER_SECONDS):
            await self._announce_late(incident_id)

    async def _announce_late(self, incident_id: UUID) -> None:
        """One that cannot be read must not keep the others from their first word."""
        try:
            await self.announce(incident_id)
        except StoreUnavailableError:
            raise
        except Exception:
            log.exception("an incident could not be announced", incident_id=str(incident_id))


def _heard_only_at_its_end(incident: Incident) -> bool:
    """It had ended before the first body about it came, which marked it so: kept, but nobody is told."""
    return incident.state is AlertStatus.RESOLVED and incident.announced_at == incident.resolved_at
