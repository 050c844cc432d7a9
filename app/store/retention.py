"""What is older than it need be: a month of details is dropped whole, after what is still open has moved on.

Two that do this at once do each other no harm: rows are taken with `skip locked`, and what is done is not done again.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from app.store.engine import Row, Store, Transaction
from app.store.partitions import PARTITIONED, month_of, partition_name

BATCH = 100
BEGINNING = UUID(int=0)
# Of one incident, and of the leftovers of one month: rarely much, but never to be given up half-way for ever.
LONG_STATEMENT = "set local statement_timeout = '60s'"
_NAME = re.compile(rf"({'|'.join(PARTITIONED)})_(\d{{4}})_(0[1-9]|1[0-2])")

# What may still change, or was over only lately: never dropped. An end in the far future is no end to wait for.
_KEPT = """
  coalesce(i.state = 'firing' or i.wanted_rev > i.enriched_rev
    or (i.resolved_at >= %(since)s and i.resolved_at < now() + interval '1 day'), false)
"""


@dataclass(frozen=True, slots=True)
class Month:
    """One month of one bulky table. `detaching` and `detached`: somebody began to drop it, and did not end."""

    table: str
    month: date
    state: Literal["attached", "detaching", "detached"]

    @property
    def name(self) -> str:
        """The name of its table."""
        return partition_name(self.table, self.month)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a page of incidents. `last` is where the next page begins, None where there is none.

    `busy`: those that somebody holds just now; their month cannot be dropped yet.
    """

    last: UUID | None
    moved: int = 0
    released: int = 0
    busy: int = 0


class OldMonths:
    """Months of details, and the incidents in them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def before(self, since: datetime) -> list[Month]:
        """The months that ended before this instant, the oldest first; of a month, alerts are the last."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select c.relname as name, case when i.inhdetachpending then 'detaching'
                  when i.inhrelid is not null then 'attached' else 'detached' end as state
                from pg_class c left join pg_inherits i on i.inhrelid = c.oid
                where c.relnamespace = to_regnamespace(current_schema()::text) and c.relkind = 'r'
                  and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'incident_id')
                """
            )
        months = [month for row in rows if (month := _month(row))]
        old = [month for month in months if month.month < month_of(since)]
        return sorted(old, key=lambda one: (one.month, -PARTITIONED.index(one.table)))

    async def settle(self, month: date, since: datetime, after: UUID = BEGINNING) -> Settled:
        """Move what is kept of the next incidents of a month to the current one, and release the others."""
        async with self._store.transaction() as transaction:
            ids = await _page(transaction, month, after)
            kept = await transaction.all(
                f"select id from incident i where id = any(%(ids)s) and month = %(month)s and {_KEPT}",  # noqa: S608
                ids=ids,
                month=month,
                since=since,
            )
        if not ids:
            return Settled(None)
        moved = 0
        for row in kept:
            moved += await self._move(row["id"], month, since)
        async with self._store.transaction() as transaction:
            released = await _release(transaction, ids, month, since)
            busy = await _unsettled(transaction, ids, month, since)
        return Settled(ids[-1], moved, released, busy)

    async def _move(self, incident_id: UUID, month: date, since: datetime) -> bool:
        """File all rows of one incident under the current month. False if somebody holds it, or it is not kept.

        Who writes such rows holds the incident's lock and reads `month` under it, so nobody writes in between.
        """
        async with self._store.transaction() as transaction:
            await transaction.execute(LONG_STATEMENT)
            row = await transaction.one(
                f"""
                select date_trunc('month', now() at time zone 'utc')::date as current from incident i
                where id = %(id)s and month = %(month)s and {_KEPT} for no key update skip locked
                """,  # noqa: S608 - a constant
                id=incident_id,
                month=month,
                since=since,
            )
            if row is None:
                return False
            for table in PARTITIONED:
                await transaction.execute(
                    f"update {table} set month = %(to)s where month = %(month)s and incident_id = %(id)s",  # noqa: S608
                    to=row["current"],
                    month=month,
                    id=incident_id,
                )
            await transaction.execute(
                "update incident set month = %(to)s where id = %(id)s", to=row["current"], id=incident_id
            )
        return True

    async def drop(self, month: Month) -> None:
        """Take a month away whose incidents are settled; nobody has to wait meanwhile.

        Raises `StoreUnavailableError` where somebody reads it for long: what was begun is ended by the next call.
        """
        if month.state != "detached":
            how = "concurrently" if month.state == "attached" else "finalize"
            async with self._store.single_statements() as database:
                await database.execute(f"alter table {month.table} detach partition {month.name} {how}")
        async with self._store.transaction() as transaction:
            await transaction.execute(LONG_STATEMENT)
            # A line written without the incident's lock may have missed that the incident moved.
            await transaction.execute(
                f"""
                insert into {month.table} select moved.* from {month.name} d join incident i on i.id = d.incident_id,
                  jsonb_populate_record(d, jsonb_build_object('month', i.month)) moved
                where i.month > %(month)s on conflict do nothing
                """,  # noqa: S608 - names of our own
                month=month.month,
            )
            await transaction.execute(f"drop table if exists {month.name}")


def _month(row: Row) -> Month | None:
    match = _NAME.fullmatch(row["name"])
    return Month(match[1], date(int(match[2]), int(match[3]), 1), row["state"]) if match else None


async def _page(transaction: Transaction, month: date, after: UUID) -> list[UUID]:
    """The next incidents that have rows in the month, or will have: each select reads the first of an index."""
    parts = [
        f"(select distinct incident_id from {table} where month = %(month)s and incident_id > %(after)s"  # noqa: S608
        " order by incident_id limit %(batch)s)"
        for table in PARTITIONED
    ]
    parts.append(
        "(select id from incident where month = %(month)s and wanted_rev > enriched_rev and id > %(after)s"
        " order by id limit %(batch)s)"
    )
    rows = await transaction.all(
        f"select incident_id as id from ({' union '.join(parts)}) as every order by id limit %(batch)s",  # noqa: S608
        month=month,
        after=after,
        batch=BATCH,
    )
    return [row["id"] for row in rows]


async def _release(transaction: Transaction, ids: Iterable[UUID], month: date, since: datetime) -> int:
    """Part what is over from its groups, so that no webhook finds it again; and forget how it was told.

    The locks are those that a webhook takes, in its order: either it comes first and the incident is kept, or it
    comes after and finds no episode.
    """
    parameters = {"ids": list(ids), "month": month, "since": since}
    await transaction.execute(
        f"""
        with over as (
          select e.group_id, e.episode from group_episode e join alert_group g on g.id = e.group_id
          join incident i on i.id = e.incident_id
          where i.id = any(%(ids)s) and i.month = %(month)s and not {_KEPT} for update of g, i, e skip locked
        )
        delete from group_episode e using over where e.group_id = over.group_id and e.episode = over.episode
        """,  # noqa: S608 - a constant
        **parameters,
    )
    released = await transaction.all(
        f"""
        select id from incident i where id = any(%(ids)s) and month = %(month)s and not {_KEPT}
          and not exists (select 1 from group_episode e where e.incident_id = i.id)
        """,  # noqa: S608 - a constant
        **parameters,
    )
    over = [row["id"] for row in released]
    await transaction.execute("delete from delivery where incident_id = any(%(ids)s)", ids=over)
    await transaction.execute("delete from story_key where incident_id = any(%(ids)s)", ids=over)
    return len(over)


async def _unsettled(transaction: Transaction, ids: Iterable[UUID], month: date, since: datetime) -> int:
    """How many of these may still be written to in this month. Once it is none, it stays none."""
    row = await transaction.one(
        f"""
        select count(*) as busy from incident i where id = any(%(ids)s) and month = %(month)s
          and ({_KEPT} or exists (select 1 from group_episode e where e.incident_id = i.id))
        """,  # noqa: S608 - a constant
        ids=list(ids),
        month=month,
        since=since,
    )
    return int(row["busy"]) if row else 0
