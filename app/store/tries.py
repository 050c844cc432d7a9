"""How often an incident was tried, what it failed for, and when it is given up."""

from uuid import UUID

from app.store.codec import storable
from app.store.engine import Store
from app.store.news import want_edits


class Tries:
    """Tries are counted when they begin: one that takes its process with it counts, too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def stumbled(self, incident_id: UUID, fence: int, over: str) -> None:
        """Keep what this attempt failed for; a process that dies cannot say it."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                "update incident set failure = %(over)s where id = %(id)s and fence = %(fence)s",
                over=storable(over)[:200],
                id=incident_id,
                fence=fence,
            )

    async def park(self, incident_id: UUID, attempts: int) -> bool:
        """Give it up after so many, until a webhook or a person asks again; False if one just did."""
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                """
                update incident set parked = 'enrichment failed ' || attempts::text || ' times'
                  || coalesce(', last with ' || failure, ''), failure = null
                where id = %(id)s and attempts >= %(attempts)s and wanted_rev > enriched_rev
                returning month, fence, parked
                """,
                id=incident_id,
                attempts=attempts,
            )
            if row is None:
                return False
            await transaction.execute(
                """
                insert into timeline (month, incident_id, key, at, kind, body, source)
                values (%(month)s, %(id)s, 'parked:' || %(fence)s::text, now(), 'enrichment.parked', %(body)s, 'sitrep')
                on conflict do nothing
                """,
                month=row["month"],
                id=incident_id,
                fence=row["fence"],
                body=row["parked"],
            )
            await want_edits(transaction, incident_id)
        return True

    async def count(self, incident_id: UUID) -> int:
        """How often this incident was begun since it last was concluded."""
        async with self._store.transaction() as transaction:
            row = await transaction.one("select attempts from incident where id = %(id)s", id=incident_id)
            return int(row["attempts"]) if row else 0
