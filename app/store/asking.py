"""Looking into an incident anew because a person wants it; what was given up is taken up so."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.domain.alert import Severity
from app.domain.errors import NotFoundError
from app.store.codec import storable
from app.store.engine import Store, Transaction
from app.store.queue import Wish

Enqueue = Callable[[Transaction, UUID, Wish], Awaitable[None]]
WHO_CHARACTERS = 100


class Asking:
    """People's wishes for another look."""

    def __init__(self, store: Store, enqueue: Enqueue) -> None:
        self._store = store
        self._enqueue = enqueue

    async def again(self, incident_id: UUID, who: str) -> None:
        """Want a fresh look, say so in the timeline, and wake a worker, all at once. Raises `NotFoundError`."""
        async with self._store.transaction() as transaction:
            await transaction.execute("select 1 from incident where id = %(id)s for no key update", id=incident_id)
            # Only now, with the lock: retention parts an incident from its groups before it drops the details.
            if await _is_released(transaction, incident_id):
                raise NotFoundError(f"of incident {incident_id} only a short record is kept: it cannot be looked into")
            row = await transaction.one(
                """
                update incident set wanted_rev = wanted_rev + 1, parked = null, attempts = 0
                where id = %(id)s and storm is null returning month, severity, wanted_rev
                """,
                id=incident_id,
            )
            if row is None:
                raise NotFoundError(f"there is no incident {incident_id} to look into; of a storm, ask its incidents")
            await transaction.execute(
                """
                insert into timeline (month, incident_id, key, at, kind, body, source)
                values (%(month)s, %(id)s, 'asked:' || %(revision)s::text, now(), 'enrichment.asked', %(body)s,
                  'person')
                """,
                month=row["month"],
                id=incident_id,
                revision=row["wanted_rev"],
                body=f"asked again by {storable(who)[:WHO_CHARACTERS]}" if who else "asked again",
            )
            # Whoever asks waits for it: before a retry that waits for its time, which would hold the lock.
            await self._enqueue(transaction, incident_id, Wish(Severity(row["severity"]), by_hand=True))


async def _is_released(transaction: Transaction, incident_id: UUID) -> bool:
    """Whether it ended so long ago that nothing may be added to it."""
    row = await transaction.one(
        """
        select 1 from incident i where id = %(id)s and state = 'resolved' and storm is null
          and not exists (select 1 from group_episode e where e.incident_id = i.id)
        """,
        id=incident_id,
    )
    return row is not None
