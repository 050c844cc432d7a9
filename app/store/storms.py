"""Storms: incidents with one cause, or many at once, are children of one parent, which alone is told."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.alert import AlertStatus, Severity
from app.domain.errors import NotFoundError
from app.domain.storm import Storm, StormMember
from app.domain.subject import Subject
from app.store.engine import Row, Store, Transaction
from app.store.news import want_edits_of
from app.store.rows import subjects_from_json
from app.store.swept import let_go

MEMBERS_READ = 2_000
"""A storm is described by so many of its members, the most severe first; the others are counted."""


class Storms:
    """Reading the storms that rage, and ending them."""

    def __init__(self, store: Store, *, members_read: int = MEMBERS_READ) -> None:
        self._store = store
        self._members_read = members_read

    async def raging(self) -> list[UUID]:
        """The parents of every storm that is not over, or whose end is not told."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select id from incident where storm is not null and (state = 'firing' or wanted_rev > enriched_rev)
                order by id
                """
            )
        return [row["id"] for row in rows]

    async def read(self, parent_id: UUID) -> Storm:
        """The storm with its members, as of now."""
        async with self._store.transaction() as transaction:
            return await self._read(transaction, parent_id)

    async def reckon(self, storm: Storm) -> None:
        """Let the parent be as severe as its worst child, and ask for its words to be made anew."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                update incident set wanted_rev = wanted_rev + 1, severity = greatest(severity, %(severity)s),
                  started_at = least(started_at, %(started)s) where id = %(id)s
                """,
                id=storm.parent_id,
                severity=max(member.severity for member in storm.members),
                started=min(member.started_at for member in storm.members),
            )

    async def mark_told(self, storm: Storm) -> None:
        """Once the storm's message stands, its children have been told of; one that is locked is marked next time.

        In a transaction of its own: who adopts children locks them before it looks at their parent.
        """
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                with untold as (
                  select c.id from incident c join incident p on p.id = c.parent_id
                  where p.id = %(id)s and p.first_notified_at is not null and c.first_notified_at is null
                  order by c.id for update of c skip locked
                )
                update incident i set first_notified_at = now() from untold where i.id = untold.id
                """,
                id=storm.parent_id,
            )

    async def end(self, storm: Storm, at_least: int) -> tuple[Storm, list[UUID]]:
        """End it if it is over: the storm as it was found then, and which of its children speak for themselves now.

        Nobody joins it meanwhile, and no delivery is left to it once it has ended. Nothing is done where it has grown
        since it was read, or has ended already.
        """
        async with self._store.transaction() as transaction:
            await transaction.execute("select pg_advisory_xact_lock(hashtextextended(%(storm)s, 1))", storm=storm.key)
            # From now on no child changes: a sender that held one until now may just have left its head to the storm.
            children = await transaction.all(
                "select id, state from incident where parent_id = %(id)s order by id for update", id=storm.parent_id
            )
            found = await self._read(transaction, storm.parent_id)
            if found.is_ended or not found.is_over(at_least):
                return found, []
            await transaction.execute(
                """
                update incident set state = 'resolved', wanted_rev = wanted_rev + 1, resolved_at = coalesce((
                  select max(resolved_at) from incident where parent_id = %(id)s), now())
                where id = %(id)s
                """,
                id=storm.parent_id,
            )
            alone = [row["id"] for row in children if row["state"] == AlertStatus.FIRING]
            await _let_go(transaction, storm.parent_id, alone)
            await want_edits_of(transaction, [row["id"] for row in children])
        return replace(found, is_ended=True), alone

    async def _read(self, transaction: Transaction, parent_id: UUID) -> Storm:
        row = await transaction.one(
            "select id, storm, cluster, severity, state, now() as at from incident where id = %(id)s", id=parent_id
        )
        if row is None:
            raise NotFoundError(f"there is no incident {parent_id}")
        rows = await transaction.all(
            """
            select id, subjects, alertname, severity, state, cause, enriched_rev > 0 as is_judged, started_at,
              received_at, resolved_at, cluster, namespace, workload, count(*) over () as size,
              count(*) filter (where state = 'firing') over () as firing, max(received_at) over () as newest
            from incident where parent_id = %(id)s order by severity desc, id limit %(limit)s
            """,
            id=parent_id,
            limit=self._members_read,
        )
        return _storm(row, rows)


async def _let_go(transaction: Transaction, parent_id: UUID, alone: list[UUID]) -> None:
    """Those alone are told anew, as if nothing had been of what the storm told; of the others nothing more is."""
    await transaction.execute("update incident set announced_at = null where id = any(%(alone)s)", alone=alone)
    await let_go(transaction, alone)
    await transaction.execute(
        """
        update delivery d set due_at = now(), created_at = now(),
          state = case when i.id = any(%(alone)s) then 'due' else 'absorbed' end
        from incident i where i.id = d.incident_id and i.parent_id = %(parent)s and case
          when i.id = any(%(alone)s) then d.state = 'absorbed'
          else d.part = 'head' and d.state = 'due' and d.reference is null end
        """,
        alone=alone,
        parent=parent_id,
    )


def _storm(parent: Row, rows: Sequence[Row]) -> Storm:
    members = tuple(sorted((_member(row) for row in rows), key=lambda member: member.incident_id))
    return Storm(
        parent_id=parent["id"],
        key=parent["storm"],
        cluster=parent["cluster"],
        severity=Severity(parent["severity"]),
        is_ended=parent["state"] != AlertStatus.FIRING,
        at=parent["at"],
        members=members,
        newest_at=rows[0]["newest"] if rows else parent["at"],
        more=rows[0]["size"] - len(rows) if rows else 0,
        more_firing=rows[0]["firing"] - sum(member.fires for member in members) if rows else 0,
    )


def _member(row: Row) -> StormMember:
    subjects = subjects_from_json(row["subjects"])
    unnamed = Subject(row["cluster"], row["namespace"], "", row["workload"] or row["alertname"])
    return StormMember(
        incident_id=row["id"],
        subject=subjects[0] if subjects else unnamed,
        alertname=row["alertname"],
        severity=Severity(row["severity"]),
        state=AlertStatus(row["state"]),
        cause=row["cause"] or "",
        is_judged=row["is_judged"],
        started_at=row["started_at"],
        received_at=row["received_at"],
        resolved_at=row["resolved_at"],
    )
