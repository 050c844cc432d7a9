"""Grafana-managed alerting's webhook, version 1: Alertmanager's skeleton with links of its own."""

from datetime import datetime

from pydantic import Field, TypeAdapter

from app.domain.alert import AlertGroup
from app.ingest.grouping import Reading
from app.ingest.payload import AlertBody


class GrafanaAlertBody(AlertBody):
    """An alert with what only Grafana says of it."""

    value_string: str | None = Field(None, alias="valueString")
    dashboard_url: str | None = Field(None, alias="dashboardURL")
    panel_url: str | None = Field(None, alias="panelURL")
    silence_url: str | None = Field(None, alias="silenceURL")

    def notes(self) -> dict[str, str]:
        """The annotations, with Grafana's values and links among them; the person's own words win."""
        own = {
            "value_string": self.value_string,
            "dashboard_url": self.dashboard_url,
            "panel_url": self.panel_url,
            "silence_url": self.silence_url,
        }
        return {name: text for name, text in own.items() if text} | (self.annotations or {})


READ_ALERT = TypeAdapter(GrafanaAlertBody).validator.validate_python


class GrafanaSender:
    """Reads what a Grafana contact point of type webhook posts."""

    name = "grafana"

    def read(self, body: bytes, cluster: str | None, now: datetime) -> AlertGroup:
        """The body as an alert group; see `Sender.read`."""
        return Reading(self.name, READ_ALERT, now).group(body, cluster)
