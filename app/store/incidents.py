"""One incident, whole: what pages, REST and messages are drawn from."""

from dataclasses import replace
from uuid import UUID

from psycopg.types.json import Jsonb

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.errors import NotFoundError
from app.domain.evidence import DROPPED, Evidence
from app.domain.incident import DeliveryState, GroupState, Incident, TimelineEntry
from app.store.codec import Summary, evidence_from_bytes, summary_from_json
from app.store.engine import Row, Store, Transaction
from app.store.rows import alert_from_row, subjects_from_json

MAX_ALERTS = 500
MAX_TIMELINE = 500


class Incidents:
    """Reading incidents by id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, incident_id: UUID) -> Incident:
        """The incident as it stands. Raises `NotFoundError`."""
        async with self._store.transaction() as transaction:
            row = await _row(transaction, incident_id)
            incident = await _incident(transaction, row)
            # Each has a line from its first second on: without one its rows moved while we read, or are dropped.
            if not incident.timeline and (now := await _row(transaction, incident_id))["month"] != row["month"]:
                incident = await _incident(transaction, now)
            return replace(incident, gaps=(DROPPED,)) if _is_dropped(incident) else incident

    async def summary(self, incident_id: UUID) -> Summary | None:
        """What the newest enrichment concluded, with its recollection. Raises `NotFoundError`."""
        async with self._store.transaction() as transaction:
            row = await _newest_record(transaction, incident_id)
        return summary_from_json(row["summary"]) if row["summary"] else None

    async def evidence(self, incident_id: UUID) -> Evidence:
        """What was seen at the newest enrichment; empty before it, a gap once dropped. Raises `NotFoundError`."""
        async with self._store.transaction() as transaction:
            row = await _newest_record(transaction, incident_id)
        if row["evidence"]:
            return evidence_from_bytes(row["evidence"])
        return Evidence() if row["enrichment"] == "pending" else Evidence(gaps=(DROPPED,))

    async def resolve(self, incident_id: UUID, resolution: dict[str, str]) -> None:
        """Record what a person found. Raises `NotFoundError`."""
        async with self._store.transaction() as transaction:
            touched = await transaction.execute(
                "update incident set resolution = %(resolution)s where id = %(id)s",
                resolution=Jsonb(resolution),
                id=incident_id,
            )
        if not touched:
            raise NotFoundError(f"there is no incident {incident_id}")

    async def unannounced(self, older_than_seconds: float) -> list[UUID]:
        """Incidents whose first word is due: received longer ago than this, and not announced.

        A storm's parent has no labels to speak from, so it must have been described before.
        """
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select id from incident where announced_at is null and (storm is null or enriched_rev > 0)
                  and received_at < now() - make_interval(secs => %(seconds)s)
                order by severity desc, received_at limit 100
                """,
                seconds=older_than_seconds,
            )
        return [row["id"] for row in rows]

    async def slow(self, older_than_seconds: float) -> list[UUID]:
        """Incidents that are announced and still not complete after this long; those of the last hour."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select id from incident where wanted_rev > enriched_rev and enriched_rev = 0
                  and announced_at is not null and received_at > now() - interval '1 hour'
                  and received_at < now() - make_interval(secs => %(seconds)s)
                order by severity desc, received_at limit 100
                """,
                seconds=older_than_seconds,
            )
        return [row["id"] for row in rows]


async def _row(transaction: Transaction, incident_id: UUID) -> Row:
    row = await transaction.one(
        """
        select i.*, parent.headline as parent_headline from incident i
        left join incident parent on parent.id = i.parent_id and parent.state = 'firing' where i.id = %(id)s
        """,
        id=incident_id,
    )
    if row is None:
        raise NotFoundError(f"there is no incident {incident_id}")
    return row


async def _newest_record(transaction: Transaction, incident_id: UUID) -> Row:
    """In one statement, for an incident's rows may move to another month."""
    row = await transaction.one(
        """
        select i.enrichment, r.summary, r.evidence from incident i
        left join record r on r.month = i.month and r.incident_id = i.id
        where i.id = %(id)s order by r.revision desc limit 1
        """,
        id=incident_id,
    )
    if row is None:
        raise NotFoundError(f"there is no incident {incident_id}")
    return row


async def _summary(transaction: Transaction, row: Row) -> Summary | None:
    record = await transaction.one(
        "select summary from record where month = %(month)s and incident_id = %(id)s order by revision desc limit 1",
        month=row["month"],
        id=row["id"],
    )
    return summary_from_json(record["summary"]) if record else None


async def _incident(transaction: Transaction, row: Row) -> Incident:
    summary = await _summary(transaction, row)
    return Incident(
        id=row["id"],
        state=AlertStatus(row["state"]),
        enrichment=row["enrichment"],
        severity=Severity(row["severity"]),
        title=row["title"],
        headline=row["headline"],
        groups=await _groups(transaction, row),
        alerts=await _alerts(transaction, row),
        subjects=subjects_from_json(row["subjects"]),
        started_at=row["started_at"],
        received_at=row["received_at"],
        alertname=row["alertname"],
        cluster=row["cluster"],
        revision=row["enriched_rev"],
        parent_id=row["parent_id"],
        children=await _children(transaction, row),
        onset_at=row["onset_at"],
        announced_at=row["announced_at"],
        first_notified_at=row["first_notified_at"],
        resolved_at=row["resolved_at"],
        assessment=summary.assessment if summary else None,
        gaps=summary.gaps if summary else (),
        timings={"accepted_ms": row["accepted_ms"], **(summary.timings if summary else {})},
        source_milliseconds=summary.source_milliseconds if summary else {},
        deliveries=await _deliveries(transaction, row),
        timeline=await _timeline(transaction, row),
        resolution=row["resolution"],
        storm=row["storm"],
        parked=row["parked"],
        parent_headline=row["parent_headline"] or "",
        times_today=row["times_today"],
    )


def _is_dropped(incident: Incident) -> bool:
    """Alerts and lines come with the incident itself; only a storm has none of its own before it is judged."""
    had_some = incident.storm is None or incident.enrichment != "pending"
    return (
        incident.state is AlertStatus.RESOLVED
        and had_some
        and not (incident.alerts or incident.timeline or incident.assessment)
    )


async def _groups(transaction: Transaction, row: Row) -> tuple[GroupState, ...]:
    groups = await transaction.all(
        """
        select g.receiver, g.group_key, coalesce(g.dedup_sha, g.group_sha) as group_sha, e.state
        from group_episode e join alert_group g on g.id = e.group_id where e.incident_id = %(id)s order by g.id
        """,
        id=row["id"],
    )
    return tuple(
        GroupState(one["receiver"], one["group_key"], bytes(one["group_sha"]), AlertStatus(one["state"]))
        for one in groups
    )


async def _alerts(transaction: Transaction, row: Row) -> tuple[Alert, ...]:
    alerts = await transaction.all(
        f"""
        select * from alert where month = %(month)s and incident_id = %(id)s
        order by ended_at is not null, starts_at, fingerprint limit {MAX_ALERTS}
        """,  # noqa: S608 - a constant
        month=row["month"],
        id=row["id"],
    )
    return tuple(alert_from_row(alert) for alert in alerts)


async def _children(transaction: Transaction, row: Row) -> tuple[UUID, ...]:
    children = await transaction.all("select id from incident where parent_id = %(id)s order by id", id=row["id"])
    return tuple(child["id"] for child in children)


async def _deliveries(transaction: Transaction, row: Row) -> tuple[DeliveryState, ...]:
    deliveries = await transaction.all(
        """
        select notifier, target, part, state, reference, attempts, error from delivery
        where incident_id = %(id)s order by created_at, notifier, target, part
        """,
        id=row["id"],
    )
    return tuple(DeliveryState(**delivery) for delivery in deliveries)


async def _timeline(transaction: Transaction, row: Row) -> tuple[TimelineEntry, ...]:
    entries = await transaction.all(
        f"""
        select at, kind, body, source from timeline where month = %(month)s and incident_id = %(id)s
        order by at, key limit {MAX_TIMELINE}
        """,  # noqa: S608 - a constant
        month=row["month"],
        id=row["id"],
    )
    return tuple(TimelineEntry(one["at"], one["kind"], one["body"], one["source"]) for one in entries)
