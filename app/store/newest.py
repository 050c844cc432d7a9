"""How the newest incidents that match are found, however many are stored and however few match.

Left to itself, PostgreSQL walks all incidents from the newest on wherever it believes that a page fills soon. Where it
is wrong (a word that is nowhere, a cluster that no longer is) it reads the whole table. So only the newest candidates
are looked through. What does not fill a page from them is rare, and is found by the indexes on what is asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.store.tables import incident as table

# From these a page of 50 fills where one of a hundred matches. Each costs a few µs, and so does each match beyond.
WINDOW = 5_000
SHOWN = ("id", "state", "enrichment", "severity", "title", "headline", "started_at", "parked")

# For this transaction: plan for the values that are asked for, and do not compile the plan; never read the whole table,
# however many matches are expected; memory for the places of all matches of a frequent word.
_PLANNED = text(
    """
    select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
      set_config('enable_seqscan', 'off', true), set_config('work_mem', '32MB', true)
    """
)


Columns = ReadOnlyColumnCollection[str, Any]
Condition = Callable[[Columns], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must be true of a hit.

    `within` and `led_by` choose the candidates, and an index must hold these newest first: its first columns have the
    values of `led_by`, its own condition is among `within`. `others` are looked at in each candidate.
    """

    within: tuple[Condition, ...] = ()
    led_by: Mapping[str, object] = field(default_factory=dict)
    others: tuple[Condition, ...] = ()


async def newest(
    connection: AsyncConnection, conditions: Conditions, limit: int, window: int = WINDOW
) -> Sequence[RowMapping]:
    """At most `limit` matches, the newest first."""
    await connection.execute(_PLANNED)
    if not conditions.others:
        return await _rows(connection, _candidates(conditions).limit(limit))
    found = await _rows(connection, _among_candidates(conditions, window).limit(limit))
    return found if len(found) == limit else await _rows(connection, _among_all(conditions).limit(limit))


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> Sequence[RowMapping]:
    rows: Sequence[RowMapping] = (await connection.execute(statement)).mappings().all()
    return rows


def _candidates(conditions: Conditions, columns: Iterable[str] = SHOWN) -> Select[Any]:
    return _newest_first(
        select(*(table.c[name] for name in columns)).where(*_chosen(conditions)), table.c, conditions.led_by
    )


def _chosen(conditions: Conditions) -> list[ColumnElement[bool]]:
    # `between` a value and itself, for what is equal PostgreSQL drops from an order: then it may walk the index of
    # all incidents in place of the one that is led by the column.
    led_by = [table.c[name].between(value, value) for name, value in conditions.led_by.items()]
    return [*led_by, *(condition(table.c) for condition in conditions.within)]


def _among_candidates(conditions: Conditions, window: int) -> Select[Any]:
    """In the candidates' own order, so that nothing is sorted and the rest is not read once the page is full."""
    candidates = _candidates(conditions, table.c.keys()).limit(window).subquery()
    shown = select(*(candidates.c[name] for name in SHOWN))
    matching = shown.where(*(condition(candidates.c) for condition in conditions.others))
    return _newest_first(matching, candidates.c, conditions.led_by)


def _among_all(conditions: Conditions) -> Select[Any]:
    """All matches first, then the newest of them: materialized, so that no index is walked for the order's sake."""
    matching = select(*(table.c[name] for name in SHOWN)).where(
        *_chosen(conditions), *(condition(table.c) for condition in conditions.others)
    )
    found = matching.cte("found").prefix_with("materialized")
    return _newest_first(select(found), found.c, {})


def _newest_first(statement: Select[Any], columns: Columns, led_by: Iterable[str]) -> Select[Any]:
    return statement.order_by(*(columns[name] for name in led_by), columns.started_at.desc(), columns.id.desc())
