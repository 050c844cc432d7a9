"""Brings the schema to the newest revision: under a lock, so that replicas may all try at once."""

import time
from pathlib import Path

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import migrations
from app.store.engine import Store, StoreUnavailableError, psycopg_url
from app.store.partitions import partition_statements
from app.store.revisions import FLOOR_KEY, Revisions, SchemaError
from app.store.tables import metadata

# Any number, the same in every replica.
ADVISORY_LOCK = 0x517E9
WAIT_FOR_PEER_SECONDS = 120.0
# Whoever waits for a table's lock makes all others wait behind it: better soon again than long.
LOCK_TIMEOUT = "3s"
STATEMENT_TIMEOUT = "15min"
ATTEMPTS = 12
PAUSE_SECONDS = 2.0
THERE = """
select to_regclass('alembic_version') is not null as versioned, to_regclass('installation') is not null as ours
"""
HALF_BUILT = """
select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relname = any(:ours) and c.relnamespace = to_regnamespace(current_schema()::text)
"""
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)

log = structlog.get_logger()


async def revisions(store: Store) -> Revisions:
    """How far the database has been migrated."""
    async with store.transaction() as transaction:
        there = await transaction.one(THERE)
        if there is None or not there["versioned"]:
            return Revisions(None, needed())
        row = await transaction.one("select version_num from alembic_version")
        schema = Revisions(row["version_num"] if row else None, needed())
        if not there["ours"] or not schema.is_newer:
            return schema
        floor = await transaction.one(f"select value from installation where key = '{FLOOR_KEY}'")  # noqa: S608
    return schema.serving_from(floor["value"] if floor else None)


def needed() -> str:
    """The revision that this version of Sitrep was made for."""
    return str(_scripts().get_current_head())


def migrate(url: str, target: str = "head") -> None:
    """Upgrade to `target` and make the next months' partitions; a newer schema is left as it is.

    Raises `StoreUnavailableError`, `DatabaseUrlError`, and `SchemaError` where the schema is not one to work with.
    """
    engine = create_engine(psycopg_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            _wait_for_turn(connection)
            for statement in preamble():
                connection.execute(text(statement))
            connection.commit()
            if not _is_served(connection):
                _upgrade(connection, target)
    except (OperationalError, psycopg.OperationalError) as error:
        raise StoreUnavailableError(" ".join(str(getattr(error, "orig", error)).split())[:200]) from error
    finally:
        engine.dispose()


def preamble() -> tuple[str, ...]:
    """What is set on the session of a migration."""
    return f"set lock_timeout = '{LOCK_TIMEOUT}'", f"set statement_timeout = '{STATEMENT_TIMEOUT}'"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file, bound to this connection; without one it can only print SQL."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def _is_served(connection: Connection) -> bool:
    """Whether a newer version has been here, whose schema serves us too. Raises `SchemaError`."""
    versioned, ours = connection.execute(text(THERE)).one()
    found = connection.execute(text("select version_num from alembic_version")).scalar() if versioned else None
    schema = Revisions(found, needed())
    if ours and schema.is_newer:
        floor = connection.execute(text("select value from installation where key = :key"), {"key": FLOOR_KEY}).scalar()
        schema = schema.serving_from(floor)
    connection.commit()
    if found is None or found in {script.revision for script in _scripts().walk_revisions()}:
        return False
    if not schema.match:
        raise SchemaError(schema.problem)
    log.info("the schema is newer than this version and serves it; it is left as it is", found=found, known=needed())
    return True


def _upgrade(connection: Connection, target: str) -> None:
    """Again and again while somebody holds a lock that it needs; what was done of it is not done twice."""
    for left in reversed(range(ATTEMPTS)):
        try:
            _drop_half_built(connection)
            command.upgrade(alembic_config(connection), target)
            for statement in partition_statements():
                connection.execute(text(statement))
            connection.commit()
        except (OperationalError, *_BUSY) as error:
            connection.rollback()
            if left == 0 or not isinstance(getattr(error, "orig", error), _BUSY):
                raise
            log.warning("somebody holds a table that the migration needs; it tries again", attempts_left=left)
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _drop_half_built(connection: Connection) -> None:
    """Indexes that were cut off while they were built: `if not exists` would take them for whole."""
    ours = [str(index.name) for table in metadata.tables.values() for index in table.indexes]
    half = connection.execute(text(HALF_BUILT), {"ours": ours}).scalars().all()
    connection.commit()
    driver = connection.connection.driver_connection
    if not half or driver is None:
        return
    driver.autocommit = True
    try:
        for name in half:
            driver.execute(f"drop index concurrently if exists {name}")
    finally:
        driver.autocommit = False


def _wait_for_turn(connection: Connection) -> None:
    """Take the lock by asking again and again: a blocked `pg_advisory_lock` would hold a snapshot meanwhile."""
    give_up_at = time.monotonic() + WAIT_FOR_PEER_SECONDS
    while not connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}).scalar():
        connection.commit()
        if time.monotonic() > give_up_at:
            raise StoreUnavailableError("another migration has held the lock for two minutes")
        time.sleep(0.2)
    connection.commit()
