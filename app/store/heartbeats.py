"""When something that should come regularly was last seen."""

from datetime import datetime

from app.store.engine import Store

WATCHDOG = "watchdog"


class Heartbeats:
    """Heartbeats by name, shared by all replicas."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def beat(self, name: str) -> None:
        """It was seen now."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                insert into heartbeat (name) values (%(name)s)
                on conflict (name) do update set seen_at = now()
                """,
                name=name,
            )

    async def last(self, name: str) -> datetime | None:
        """When it was last seen, None for never."""
        async with self._store.transaction() as transaction:
            row = await transaction.one("select seen_at from heartbeat where name = %(name)s", name=name)
        return row["seen_at"] if row else None
