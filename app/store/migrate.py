"""Brings the schema to the newest revision: under a lock, so that replicas may all try at once."""

import time
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import migrations
from app.store.engine import Store, StoreUnavailableError, psycopg_url
from app.store.partitions import partition_statements

# Any number, the same in every replica.
ADVISORY_LOCK = 0x517E9
WAIT_FOR_PEER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Revisions:
    """Where a schema is, None for nowhere, and where this version of Sitrep needs it."""

    found: str | None
    needed: str | None

    @property
    def match(self) -> bool:
        """Whether this version can use the schema."""
        return self.found == self.needed


async def revisions(store: Store) -> Revisions:
    """How far the database has been migrated."""
    needed = ScriptDirectory(_scripts()).get_current_head()
    async with store.transaction() as transaction:
        there = await transaction.one("select to_regclass('alembic_version') is not null as there")
        if there is None or not there["there"]:
            return Revisions(None, needed)
        row = await transaction.one("select version_num from alembic_version")
    return Revisions(row["version_num"] if row else None, needed)


def migrate(url: str, target: str = "head") -> None:
    """Upgrade to `target` and make the next months' partitions. Raises `StoreUnavailableError`, `DatabaseUrlError`."""
    engine = create_engine(psycopg_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            _wait_for_turn(connection)
            connection.execute(text("set lock_timeout = '3s'"))
            connection.commit()
            command.upgrade(alembic_config(connection), target)
            for statement in partition_statements():
                connection.execute(text(statement))
            connection.commit()
    except OperationalError as error:
        raise StoreUnavailableError(" ".join(str(error.orig).split())[:200]) from error
    finally:
        engine.dispose()


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration without an ini file, bound to this connection."""
    config = Config()
    config.set_main_option("script_location", _scripts())
    config.attributes["connection"] = connection
    return config


def _scripts() -> str:
    return str(Path(migrations.__file__).parent)


def _wait_for_turn(connection: Connection) -> None:
    """Take the lock by asking again and again: a blocked `pg_advisory_lock` would hold a snapshot meanwhile."""
    give_up_at = time.monotonic() + WAIT_FOR_PEER_SECONDS
    while not connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}).scalar():
        connection.commit()
        if time.monotonic() > give_up_at:
            raise StoreUnavailableError("another migration has held the lock for two minutes")
        time.sleep(0.2)
    connection.commit()
