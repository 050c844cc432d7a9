"""The schema goes up, down and up again, matches the tables, and may be migrated by several at once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from app.store.engine import Store, psycopg_url
from app.store.migrate import alembic_config, migrate
from app.store.partitions import PARTITIONED
from app.store.tables import metadata

pytestmark = pytest.mark.anyio
Fresh = Callable[[], Awaitable[str]]


async def test_up_down_and_up_again(fresh_database: Fresh) -> None:
    url = await fresh_database()
    await asyncio.to_thread(migrate, url)
    engine = create_engine(psycopg_url(url))
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), "base")
        connection.commit()
        rows = connection.exec_driver_sql(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        )
        assert [name for (name,) in rows] == ["alembic_version"]
    engine.dispose()
    await asyncio.to_thread(migrate, url)
    store = Store(url)
    assert await store.reachable()
    await store.aclose()


async def test_the_tables_match_the_migrations(database_url: str) -> None:
    def ours(name: str | None, kind: str, parents: object) -> bool:
        del parents
        if kind != "table":
            return True
        partition = any(str(name).startswith(f"{table}_2") for table in PARTITIONED)
        return not (str(name).startswith("procrastinate_") or partition)

    engine = create_engine(psycopg_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": ours, "compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


async def test_replicas_may_migrate_at_the_same_time(fresh_database: Fresh) -> None:
    url = await fresh_database()
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))


async def test_what_the_journal_kept_of_probes_is_forgotten_and_nothing_else_is(fresh_database: Fresh) -> None:
    url = await fresh_database()
    engine = create_engine(psycopg_url(url))
    await asyncio.to_thread(migrate, url)
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), "0007")
        for path in ("containers[app].livenessProbe.exec", "containers[app].image"):
            connection.exec_driver_sql(
                """
                insert into change (id, source, at, cluster, namespace, kind, name, change, summary, diff, actor) values
                (gen_random_uuid(), 'kubernetes', now(), '', 'shop', 'Deployment', 'app', 'rollout', '', %s::jsonb, '')
                """,
                (f'[["{path}", "old", "new"]]',),
            )
        connection.exec_driver_sql(
            "insert into watched (cluster, kind, namespace, name, uid, fields) values ('', 'Node', '', 'a', '', '{}')"
        )
        connection.exec_driver_sql("insert into watch_scope (cluster, kind, namespace) values ('', 'Deployment', '')")
        connection.commit()
    await asyncio.to_thread(migrate, url)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("select diff -> 0 ->> 0 from change").scalars().all()
        left = connection.exec_driver_sql("select (select count(*) from watched) + (select count(*) from watch_scope)")
        assert (kept, left.scalar()) == (["containers[app].image"], 0)
    engine.dispose()
