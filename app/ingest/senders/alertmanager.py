"""Alertmanager's webhook, version 4; also Mimir, Cortex and whatever else embeds it."""

from datetime import datetime

from pydantic import TypeAdapter

from app.domain.alert import AlertGroup
from app.ingest.grouping import Reading
from app.ingest.payload import AlertBody

READ_ALERT = TypeAdapter(AlertBody).validator.validate_python


class AlertmanagerSender:
    """Reads what `webhook_configs` posts."""

    name = "alertmanager"

    def read(self, body: bytes, cluster: str | None, now: datetime) -> AlertGroup:
        """The body as an alert group; see `Sender.read`."""
        return Reading(self.name, READ_ALERT, now).group(body, cluster)
