"""What waits: incidents that are behind, messages that are due."""

from dataclasses import dataclass

from app.store.engine import Store

MOST_COUNTED = 1_000
"""Counting stops here: more is simply a lot."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, each counted up to `MOST_COUNTED`; `oldest_due_seconds` of the message that waits longest."""

    incidents_behind: int
    deliveries_due: int
    oldest_due_seconds: float


async def read_backlog(store: Store) -> Backlog:
    """What waits now. Raises `StoreUnavailableError`."""
    async with store.transaction() as transaction:
        row = await transaction.one(
            """
            select (select count(*) from (select 1 from incident where wanted_rev > enriched_rev and parked is null
                limit %(most)s) as behind) as incidents_behind,
              count(*) as deliveries_due, coalesce(extract(epoch from now() - min(due_at)), 0)::float8 as seconds
            from (select due_at from delivery where state not in ('parked', 'shown') and state <> 'absorbed'
              and due_at <= now() limit %(most)s) as due
            """,
            most=MOST_COUNTED,
        )
    if row is None:
        raise AssertionError("an aggregate gives a row")
    return Backlog(row["incidents_behind"], row["deliveries_due"], round(row["seconds"], 1))
