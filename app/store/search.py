"""Looking incidents up: filters, full text, and pages that stay put while new incidents arrive."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from app.domain.alert import AlertStatus, Severity
from app.domain.errors import InvalidPayloadError
from app.domain.incident import Enrichment
from app.store.engine import Store
from app.store.tables import incident as table

MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for; None means anything. `since` ≤ started_at < `until`; `text` is full text."""

    state: AlertStatus | None = None
    severity: Severity | None = None
    alertname: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    workload: str | None = None
    cause: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of a list."""

    id: UUID
    state: AlertStatus
    enrichment: Enrichment
    severity: Severity
    title: str
    headline: str
    started_at: datetime
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Hits, newest first; `next_cursor` is None on the last page."""

    hits: tuple[Hit, ...]
    next_cursor: str | None


class Search:
    """Searches the compact records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def children(self, parent_id: UUID) -> tuple[Hit, ...]:
        """What a storm swept in, the severe first; at most `MAX_LIMIT`."""
        columns = (table.c.id, table.c.state, table.c.enrichment, table.c.severity, table.c.title)
        statement = (
            select(*columns, table.c.headline, table.c.started_at)
            .where(table.c.parent_id == parent_id)
            .order_by(table.c.state, table.c.severity.desc(), table.c.started_at, table.c.id)
            .limit(MAX_LIMIT)
        )
        async with self._store.session() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(_hit(dict(row)) for row in rows)

    async def page(self, wanted: Filter) -> Page:
        """One page of at most `limit` hits. Raises `InvalidPayloadError` for a cursor that is not ours."""
        limit = max(1, min(wanted.limit, MAX_LIMIT))
        columns = (table.c.id, table.c.state, table.c.enrichment, table.c.severity, table.c.title)
        statement = (
            select(*columns, table.c.headline, table.c.started_at, table.c.parked)
            .where(and_(*_conditions(wanted)))
            .order_by(table.c.started_at.desc(), table.c.id.desc())
            .limit(limit + 1)
        )
        async with self._store.session() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        hits = tuple(_hit(dict(row)) for row in rows[:limit])
        return Page(hits, _cursor(hits[-1]) if len(rows) > limit else None)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    exact = {
        table.c.state: wanted.state.value if wanted.state else None,
        table.c.severity: int(wanted.severity) if wanted.severity is not None else None,
        table.c.alertname: wanted.alertname,
        table.c.cluster: wanted.cluster,
        table.c.namespace: wanted.namespace,
        table.c.workload: wanted.workload,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in exact.items() if value is not None]
    if wanted.cause:
        # `memory` finds `memory.oom_killed` too: a family is asked for by its first word.
        conditions.append(
            or_(table.c.cause == wanted.cause, table.c.cause.startswith(wanted.cause + ".", autoescape=True))
        )
    if wanted.since:
        conditions.append(table.c.started_at >= wanted.since)
    if wanted.until:
        conditions.append(table.c.started_at < wanted.until)
    if wanted.text:
        conditions.append(table.c.search.op("@@")(func.websearch_to_tsquery("simple", wanted.text)))
    if wanted.cursor:
        conditions.append(tuple_(table.c.started_at, table.c.id) < tuple_(*_position(wanted.cursor)))
    return conditions or [table.c.id.is_not(None)]


def _hit(row: dict[str, Any]) -> Hit:
    return Hit(**{**row, "state": AlertStatus(row["state"]), "severity": Severity(row["severity"])})


def _cursor(hit: Hit) -> str:
    """The place after this hit, opaque to its reader."""
    position = json.dumps([hit.started_at.astimezone(UTC).isoformat(), str(hit.id)])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, incident_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(incident_id)
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidPayloadError("is not a cursor that a page of this list gave", "cursor") from error
