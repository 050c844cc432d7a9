"""Who may act alone, for how long: lease rows with a token, which a dead peer cannot hold."""

from dataclasses import dataclass
from uuid import UUID

from app.store.engine import Store


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held. The token rises at each change of hands."""

    name: str
    holder: UUID
    token: int


class Leases:
    """Leases by name. Time is the database's, so that clocks need not agree."""

    def __init__(self, store: Store, holder: UUID) -> None:
        self._store = store
        self._holder = holder

    @property
    def holder(self) -> UUID:
        """Who we are."""
        return self._holder

    async def count(self, prefix: str) -> int:
        """How many leases whose names begin so are held now."""
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                "select count(*) as held from lease where starts_with(name, %(prefix)s) and until > now()",
                prefix=prefix,
            )
        return int(row["held"]) if row else 0

    async def take(self, name: str, seconds: float) -> Lease | None:
        """Take it, or keep it, for this long; None while somebody else has it or it rests."""
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                """
                insert into lease as l (name, holder, token, until)
                values (%(name)s, %(holder)s, 1, now() + make_interval(secs => %(seconds)s))
                on conflict (name) do update set holder = excluded.holder, until = excluded.until,
                  token = case when l.holder = excluded.holder then l.token else l.token + 1 end
                where l.until < now() or (l.holder = excluded.holder and l.token > 0)
                returning token
                """,
                name=name,
                holder=self._holder,
                seconds=seconds,
            )
        return Lease(name, self._holder, row["token"]) if row else None

    async def keep(self, lease: Lease, seconds: float) -> bool:
        """Hold it for this long from now; False if it went to somebody else meanwhile."""
        async with self._store.transaction() as transaction:
            touched = await transaction.execute(
                """
                update lease set until = now() + make_interval(secs => %(seconds)s)
                where name = %(name)s and holder = %(holder)s and token = %(token)s
                """,
                seconds=seconds,
                name=lease.name,
                holder=lease.holder,
                token=lease.token,
            )
        return touched > 0

    async def rest(self, lease: Lease, seconds: float) -> None:
        """Let it go; nobody, ourselves included, may take it for this long."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                update lease set until = now() + make_interval(secs => %(seconds)s), holder = gen_random_uuid()
                where name = %(name)s and holder = %(holder)s and token = %(token)s
                """,
                seconds=seconds,
                name=lease.name,
                holder=lease.holder,
                token=lease.token,
            )
