"""Months of the bulky tables: this one and two ahead are always there; there is no default partition."""

from datetime import UTC, date, datetime

from app.store.engine import Transaction

PARTITIONED = ("alert", "record", "timeline")
MONTHS_AHEAD = 2
# Any number, the same in every replica, and not the one of migrations.
ADVISORY_LOCK = 0x517EA
LOCK_TIMEOUT = "3s"


def month_of(instant: datetime) -> date:
    """The first day of the month (UTC) of our receipt: what a row is filed under."""
    return instant.astimezone(UTC).date().replace(day=1)


def partition_name(table: str, month: date) -> str:
    """What a month of a table is called."""
    return f"{table}_{month:%Y_%m}"


def partition_statements(today: date | None = None) -> list[str]:
    """SQL that makes what is missing; safe to run again and by several at once."""
    first = (today or datetime.now(UTC).date()).replace(day=1)
    months = [months_after(first, ahead) for ahead in range(MONTHS_AHEAD + 1)]
    return [_statement(table, month) for month in months for table in PARTITIONED]


async def ensure_partitions(transaction: Transaction) -> None:
    """Make the months ahead, for a process that lives longer than they reach."""
    await transaction.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    for statement in partition_statements():
        await transaction.execute(statement)


def months_after(first: date, months: int) -> date:
    """The first day of the month that is so many later, or earlier where `months` is negative."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _statement(table: str, month: date) -> str:
    """Made apart and attached then: `create table … partition of` would lock everybody out of the table meanwhile."""
    name = partition_name(table, month)
    return f"""
    do $$ begin
      perform pg_advisory_xact_lock({ADVISORY_LOCK});
      if to_regclass('{name}') is null then
        create table {name} (like {table} including all);
        alter table {table} attach partition {name} for values from ('{month}') to ('{months_after(month, 1)}');
      end if;
    end $$
    """
