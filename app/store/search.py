"""Looking incidents up: filters, full text, and pages that stay put while new incidents arrive."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, or_, select, tuple_

from app.domain.alert import AlertStatus, Severity
from app.domain.errors import InvalidPayloadError
from app.domain.incident import Enrichment
from app.domain.scope import EVERYTHING, Scope
from app.store.engine import Store
from app.store.newest import WINDOW, Condition, Conditions, newest
from app.store.tables import incident as table
from app.store.visible import conditions as covered
from app.store.visible import require

MAX_LIMIT = 200
EXACT = ("namespace", "workload", "alertname", "cluster", "severity")
# The columns that begin an index whose incidents follow newest first; what leaves least comes first.
LEADING = (("namespace", "workload"), ("alertname",), ("cause",), ("cluster",), ("severity",))


@dataclass(frozen=True, slots=True)
class Filter:
    """What to look for; None means anything. `since` ≤ started_at < `until`; `text` is full text.

    `scope`: only incidents that it covers.
    """

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
    scope: Scope = EVERYTHING


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
    """Searches the compact records; `window`: how many candidates are looked through before indexes are asked."""

    def __init__(self, store: Store, window: int = WINDOW) -> None:
        self._store = store
        self._window = window

    async def require(self, incident_id: UUID, scope: Scope) -> None:
        """Raises `NotFoundError` where the scope covers no such incident; where it is everything, nobody is asked."""
        await require(self._store, incident_id, scope)

    async def children(self, parent_id: UUID, scope: Scope = EVERYTHING) -> tuple[Hit, ...]:
        """What a storm swept in, as far as the scope covers it, the severe first; at most `MAX_LIMIT`."""
        columns = (table.c.id, table.c.state, table.c.enrichment, table.c.severity, table.c.title)
        statement = (
            select(*columns, table.c.headline, table.c.started_at)
            .where(table.c.parent_id == parent_id, *(condition(table.c) for condition in covered(scope)))
            .order_by(table.c.state, table.c.severity.desc(), table.c.started_at, table.c.id)
            .limit(MAX_LIMIT)
        )
        async with self._store.session() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        return tuple(_hit(dict(row)) for row in rows)

    async def page(self, wanted: Filter) -> Page:
        """One page of at most `limit` hits. Raises `InvalidPayloadError` for a cursor that is not ours."""
        limit = max(1, min(wanted.limit, MAX_LIMIT))
        conditions = _conditions(wanted)
        async with self._store.session() as connection:
            rows = await newest(connection, conditions, limit + 1, self._window)
        hits = tuple(_hit(dict(row)) for row in rows[:limit])
        return Page(hits, _cursor(hits[-1]) if len(rows) > limit else None)


def _conditions(wanted: Filter) -> Conditions:
    """Led by what leaves least among what has an index of its own; the rest is looked at in what is left."""
    given: dict[str, object] = {name: getattr(wanted, name) for name in EXACT if getattr(wanted, name) is not None}
    if wanted.severity is not None:
        given["severity"] = int(wanted.severity)
    if wanted.cause and not _is_family(wanted.cause):
        given["cause"] = wanted.cause
    within = _times(wanted)
    if wanted.state is AlertStatus.FIRING:
        # In the words of the index that holds what fires and nothing else.
        within.append(lambda columns: columns.state == literal_column("'firing'"))
        led_by: tuple[str, ...] = ()
    else:
        led_by = next((names for names in LEADING if all(name in given for name in names)), ())
        if wanted.state:
            given["state"] = wanted.state.value
    others = [_equal(name, value) for name, value in given.items() if name not in led_by]
    return Conditions(
        tuple(within), {name: given[name] for name in led_by}, (*others, *_words(wanted), *covered(wanted.scope))
    )


def _equal(name: str, value: object) -> Condition:
    return lambda columns: columns[name] == value


def _times(wanted: Filter) -> list[Condition]:
    since, until, cursor = wanted.since, wanted.until, wanted.cursor
    times: list[Condition] = []
    if since:
        times.append(lambda columns: columns.started_at >= since)
    if until:
        times.append(lambda columns: columns.started_at < until)
    if cursor:
        after = tuple_(*_position(cursor))
        times.append(lambda columns: tuple_(columns.started_at, columns.id) < after)
    return times


def _words(wanted: Filter) -> list[Condition]:
    words: list[Condition] = []
    cause = wanted.cause
    if cause and _is_family(cause):
        words.append(
            lambda columns: or_(columns.cause == cause, columns.cause.startswith(cause + ".", autoescape=True))
        )
    if wanted.text:
        query = func.websearch_to_tsquery("simple", wanted.text)
        words.append(lambda columns: columns.search.op("@@")(query))
    return words


def _is_family(cause: str) -> bool:
    """`memory` finds `memory.oom_killed` too: a family is asked for by its first word."""
    return "." not in cause


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
