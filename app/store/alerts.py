"""The rows of alerts and their lines in the timeline: one statement, however many alerts there are."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from app.domain.alert import Alert
from app.store.engine import Transaction
from app.store.episodes import Merge

# Documents: arrays of jsonb would have every quote in them escaped once more, one by one, in Python.
ALERT_ROWS = """
  lines as (
    insert into timeline (month, incident_id, key, at, kind, body, source)
    select %(month)s, %(id)s, key, at, kind, body, %(source)s
    from jsonb_to_recordset(%(entries)s) as entry (key text, at timestamptz, kind text, body text)
    on conflict do nothing
  )
  insert into alert (month, incident_id, fingerprint, starts_at, ended_at, labels, annotations, generator_url)
  select %(month)s, %(id)s, fingerprint, starts_at, ended_at, labels, annotations, generator_url
  from jsonb_to_recordset(%(alerts)s) as told (fingerprint text, starts_at timestamptz, ended_at timestamptz,
    labels jsonb, annotations jsonb, generator_url text)
  on conflict (month, incident_id, fingerprint, starts_at) do update
    set ended_at = greatest(alert.ended_at, excluded.ended_at), annotations = excluded.annotations
"""


class IncidentKey(NamedTuple):
    """An incident's id and the month that its bulky rows are filed under."""

    id: UUID
    month: date


async def write_alerts(transaction: Transaction, incident: IncidentKey, merged: Merge, sender: str) -> None:
    """Insert new episodes, update known ones, and say in the timeline what fired and what ended."""
    for stored_start, alert in merged.moves:
        await transaction.execute(
            """
            update alert set starts_at = %(earlier)s where month = %(month)s and incident_id = %(id)s
              and fingerprint = %(fingerprint)s and starts_at = %(stored)s
            """,
            earlier=alert.starts_at,
            month=incident.month,
            id=incident.id,
            fingerprint=alert.fingerprint,
            stored=stored_start,
        )
    await transaction.execute(f"with {ALERT_ROWS}", **alert_parameters(incident, merged, sender))


def alert_parameters(incident: IncidentKey, merged: Merge, sender: str) -> dict[str, object]:
    """The parameters of `ALERT_ROWS`."""
    return {
        "id": incident.id,
        "month": incident.month,
        "source": sender,
        "entries": Jsonb([entry for alert in merged.writes for entry in _entries(alert)]),
        "alerts": Jsonb([_row(alert) for alert in merged.writes]),
    }


def _row(alert: Alert) -> dict[str, object]:
    return {
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at.isoformat(),
        "ended_at": alert.ended_at and alert.ended_at.isoformat(),
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "generator_url": alert.generator_url,
    }


def _entries(alert: Alert) -> list[dict[str, str]]:
    """The timeline's lines of the alert's start and, when it has one, its end."""
    what = f"{alert.name} ({alert.severity.word})"
    entries = [_entry("firing", alert, alert.starts_at, what)]
    return entries if alert.ended_at is None else [*entries, _entry("resolved", alert, alert.ended_at, what)]


def _entry(kind: str, alert: Alert, at: datetime, what: str) -> dict[str, str]:
    key = f"{kind}:{alert.fingerprint}:{at.timestamp():.3f}"
    return {"key": key, "at": at.isoformat(), "kind": f"alert.{kind}", "body": what}
