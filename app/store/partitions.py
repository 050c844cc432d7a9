"""Months of the bulky tables: this one and two ahead are always there; there is no default partition."""

from datetime import UTC, date, datetime

from app.store.engine import Transaction

PARTITIONED = ("alert", "record", "timeline")
MONTHS_AHEAD = 2


def month_of(instant: datetime) -> date:
    """The first day of the month (UTC) of our receipt: what a row is filed under."""
    return instant.astimezone(UTC).date().replace(day=1)


def partition_statements(today: date | None = None) -> list[str]:
    """SQL that makes what is missing; safe to run again and by several at once."""
    first = (today or datetime.now(UTC).date()).replace(day=1)
    statements = []
    for ahead in range(MONTHS_AHEAD + 1):
        start, end = _months_after(first, ahead), _months_after(first, ahead + 1)
        statements += [
            f"create table if not exists {table}_{start:%Y_%m} partition of {table} "
            f"for values from ('{start}') to ('{end}')"
            for table in PARTITIONED
        ]
    return statements


async def ensure_partitions(transaction: Transaction) -> None:
    """Make the months ahead, for a process that lives longer than they reach."""
    for statement in partition_statements():
        await transaction.execute(statement)


def _months_after(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)
