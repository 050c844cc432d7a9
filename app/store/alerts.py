"""The rows of alerts and their lines in the timeline: one statement each, however many alerts there are."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from app.domain.alert import Alert
from app.store.engine import Transaction
from app.store.episodes import Merge


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
    alerts = merged.writes
    await transaction.execute(
        """
        insert into alert (month, incident_id, fingerprint, starts_at, ended_at, labels, annotations, generator_url)
        select %(month)s, %(id)s, * from unnest(%(fingerprints)s::text[], %(starts)s::timestamptz[],
          %(ends)s::timestamptz[], %(labels)s::jsonb[], %(annotations)s::jsonb[], %(urls)s::text[])
        on conflict (month, incident_id, fingerprint, starts_at) do update
          set ended_at = greatest(alert.ended_at, excluded.ended_at), annotations = excluded.annotations
        """,
        month=incident.month,
        id=incident.id,
        fingerprints=[alert.fingerprint for alert in alerts],
        starts=[alert.starts_at for alert in alerts],
        ends=[alert.ended_at for alert in alerts],
        labels=[Jsonb(dict(alert.labels)) for alert in alerts],
        annotations=[Jsonb(dict(alert.annotations)) for alert in alerts],
        urls=[alert.generator_url for alert in alerts],
    )
    entries = [entry for alert in alerts for entry in _entries(alert)]
    await transaction.execute(
        """
        insert into timeline (month, incident_id, key, at, kind, body, source)
        select %(month)s, %(id)s, key, at, kind, body, %(source)s
        from unnest(%(keys)s::text[], %(ats)s::timestamptz[], %(kinds)s::text[], %(bodies)s::text[])
          as entry(key, at, kind, body)
        on conflict do nothing
        """,
        month=incident.month,
        id=incident.id,
        source=sender,
        keys=[key for key, *_ in entries],
        ats=[at for _, at, *_ in entries],
        kinds=[kind for _, _, kind, _ in entries],
        bodies=[body for *_, body in entries],
    )


def _entries(alert: Alert) -> list[tuple[str, object, str, str]]:
    """(key, at, kind, text) of the alert's start and, when it has one, its end."""
    what = f"{alert.name} ({alert.severity.word})"
    start = (f"firing:{alert.fingerprint}:{alert.starts_at.timestamp():.3f}", alert.starts_at, "alert.firing", what)
    if alert.ended_at is None:
        return [start]
    key = f"resolved:{alert.fingerprint}:{alert.ended_at.timestamp():.3f}"
    return [start, (key, alert.ended_at, "alert.resolved", what)]
