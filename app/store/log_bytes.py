"""How much was read from log stores: one row an hour for all replicas, and one for each incident."""

from dataclasses import dataclass
from typing import Literal

from app.domain.log_budget import LogBudget, Refusal
from app.store.engine import Store, StoreUnavailableError, Transaction

# Time is the database's, so that replicas agree on the hour.
_HOUR = "select 'hour ' || to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24') as key"


@dataclass(frozen=True, slots=True)
class _Account:
    of: Literal["incident", "hour"]
    key: str
    most: int


class LogBytes:
    """The meter of all replicas. While the database is away nobody knows what was read, and nothing is."""

    def __init__(self, store: Store, budget: LogBudget) -> None:
        self._store = store
        self._budget = budget

    async def reserve(self, incident: str, size_bytes: int) -> Refusal | None:
        """Count it in both budgets, or in none. The hour's row is everybody's: it is locked last, and briefly."""
        try:
            async with self._store.transaction() as transaction:
                mine = self._of(incident)
                if (refusal := await _take(transaction, mine, size_bytes)) is not None:
                    return refusal
                hour = await self._this_hour(transaction)
                refusal = await _take(transaction, hour, size_bytes)
                if refusal is not None:
                    await _add(transaction, mine, -size_bytes)
                return refusal
        except StoreUnavailableError:
            return Refusal("hour", None)

    async def correct(self, incident: str, difference_bytes: int) -> None:
        """Counted whatever the limits are: it has been read. Lost with the database: what was reserved stays."""
        try:
            async with self._store.transaction() as transaction:
                await _add(transaction, self._of(incident), difference_bytes)
                await _add(transaction, await self._this_hour(transaction), difference_bytes)
        except StoreUnavailableError:
            return

    def _of(self, incident: str) -> _Account:
        return _Account("incident", f"incident {incident}", self._budget.per_incident)

    async def _this_hour(self, transaction: Transaction) -> _Account:
        row = await transaction.one(_HOUR)
        if row is None:
            raise AssertionError("a select of constants gives a row")
        return _Account("hour", row["key"], self._budget.per_hour)


async def _take(transaction: Transaction, account: _Account, size_bytes: int) -> Refusal | None:
    """Add it where it fits. The row is locked by the upsert, so that two of us never both take the last bytes."""
    taken = await transaction.execute(
        """
        insert into log_bytes as b (key, bytes)
        select %(key)s, %(size)s::bigint where %(size)s::bigint <= %(most)s::bigint
        on conflict (key) do update set bytes = b.bytes + excluded.bytes, read_at = now()
        where b.bytes + excluded.bytes <= %(most)s::bigint
        """,
        key=account.key,
        size=size_bytes,
        most=account.most,
    )
    if taken:
        return None
    row = await transaction.one("select bytes from log_bytes where key = %(key)s", key=account.key)
    return Refusal(account.of, max(0, account.most - (row["bytes"] if row else 0)))


async def _add(transaction: Transaction, account: _Account, difference_bytes: int) -> None:
    await transaction.execute(
        """
        insert into log_bytes as b (key, bytes) values (%(key)s, greatest(0, %(difference)s::bigint))
        on conflict (key) do update set bytes = greatest(0, b.bytes + %(difference)s::bigint), read_at = now()
        """,
        key=account.key,
        difference=difference_bytes,
    )
