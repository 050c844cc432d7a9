"""The connection pool, and the one place where a transaction begins and commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from sqlalchemy import URL, Pool, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

POOL_SIZE = 20
POOL_WAIT_SECONDS = 2.0
STATEMENT_TIMEOUT_MS = 15_000
_NOT_AN_ADDRESS = "must be postgresql://user:password@host:port/database, special characters of the password as %XX"


# What a server says as it goes: it is shut down, has crashed, or is only just starting.
GONE = frozenset({"57P01", "57P02", "57P03"})


class StoreUnavailableError(Exception):
    """PostgreSQL is away or its pool exhausted: nothing was kept, try again."""


class DatabaseUrlError(ValueError):
    """The address of the database is none; the text does not show it."""


Row = dict[str, Any]


class Transaction:
    """One transaction on the driver's connection: plain SQL with `%(name)s` parameters, rows as dicts."""

    def __init__(self, driver: psycopg.AsyncConnection[Any]) -> None:
        self.driver = driver

    async def execute(self, sql: str, **parameters: Any) -> int:  # noqa: ANN401 - SQL values
        """Run one statement; how many rows it touched."""
        cursor = await self.driver.execute(sql.encode(), parameters)
        return cursor.rowcount

    async def all(self, sql: str, **parameters: Any) -> list[Row]:  # noqa: ANN401 - SQL values
        """All rows of one statement."""
        async with self.driver.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(sql.encode(), parameters)
            return await cursor.fetchall()

    async def one(self, sql: str, **parameters: Any) -> Row | None:  # noqa: ANN401 - SQL values
        """The first row, if there is one."""
        rows = await self.all(sql, **parameters)
        return rows[0] if rows else None


class Store:
    """The engine with its transactions. `url` is any PostgreSQL address that SQLAlchemy takes."""

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE) -> None:
        self.url = psycopg_url(url)
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_pre_ping=False,
            connect_args={
                "connect_timeout": 3,
                # A peer that vanished without a word is given up by the kernel, not waited for by a sender.
                "tcp_user_timeout": 15_000,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout=5000 -c timezone=UTC",
                "application_name": "sitrep",
            },
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncConnection]:
        """A SQLAlchemy connection in one transaction; commits at the end, rolls back on any exception.

        Raises `StoreUnavailableError` when the database cannot be reached or goes away meanwhile.
        """
        pool = self.engine.pool
        try:
            async with self.engine.begin() as connection:
                yield connection
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # A server that was the primary until a moment ago: its connections lead nowhere any more.
            await self._leave(pool)
            raise StoreUnavailableError("the database takes no writes: a standby?") from error
        except psycopg.OperationalError as error:
            if error.sqlstate is None or error.sqlstate in GONE:
                await self._leave(pool)
            raise StoreUnavailableError(" ".join(str(error).split())[:200]) from error
        except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
            raise StoreUnavailableError(" ".join(str(error).split())[:200]) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailableError(" ".join(str(error).split())[:200]) from error
            raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """The same on the driver itself: what is hot, locks, or speaks PostgreSQL's own SQL goes this way."""
        async with self.session() as connection:
            # SQLAlchemy checks its connection out lazily; psycopg opens its transaction at the first statement.
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                raise StoreUnavailableError("the connection was closed")
            yield Transaction(driver)

    @asynccontextmanager
    async def single_statements(self) -> AsyncIterator[Transaction]:
        """Each statement commits by itself: for what PostgreSQL does in no transaction block.

        Raises `StoreUnavailableError` as `session` does.
        """
        try:
            async with self.engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                driver = (await connection.get_raw_connection()).driver_connection
                if driver is None:
                    raise StoreUnavailableError("the connection was closed")
                yield Transaction(driver)
        except (OperationalError, InterfaceError, PoolTimeoutError, psycopg.OperationalError, OSError) as error:
            raise StoreUnavailableError(" ".join(str(error).split())[:200]) from error

    async def _leave(self, pool: Pool) -> None:
        """When one connection was cut off all were: each of the others would fail one more request."""
        if self.engine.pool is pool:
            await self.engine.dispose()

    async def reachable(self) -> bool:
        """Whether one statement goes through."""
        try:
            async with self.transaction() as transaction:
                await transaction.execute("select 1")
        except StoreUnavailableError:
            return False
        return True

    async def aclose(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def psycopg_url(url: str) -> str:
    """The same address with our driver named, whatever the short form was. Raises `DatabaseUrlError`."""
    return _parsed(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The same address as libpq, and so the job engine's pool, takes it. Raises `DatabaseUrlError`."""
    return _parsed(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _parsed(url: str) -> URL:
    """The address in its parts; the parsers' own words are dropped, for they quote what may be a password."""
    try:
        parsed = make_url(url.strip())
        # Knows the options that libpq takes; it connects to nothing.
        conninfo_to_dict(parsed.set(drivername="postgresql").render_as_string(hide_password=False))
    except (ArgumentError, ValueError, psycopg.Error):
        raise DatabaseUrlError(_NOT_AN_ADDRESS) from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"} or "@" in (parsed.host or ""):
        raise DatabaseUrlError(_NOT_AN_ADDRESS)
    return parsed
