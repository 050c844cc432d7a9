"""Migrations after the first two only add: an older replica works on beside them, and nobody waits for long."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from app.store.engine import psycopg_url
from app.store.migrate import alembic_config, migrate, preamble
from tests.architecture.tools import ROOT, run, tool
from tests.store.schemas import narrowed, shape, shape_of

# The beginning: nobody was there before it.
FIRST = {"0001", "0002"}
STEPS = [
    (str(script.down_revision), script.revision)
    for script in reversed(list(ScriptDirectory.from_config(alembic_config()).walk_revisions()))
    if script.revision not in FIRST
]


def rendered(before: str, revision: str) -> str:
    """The SQL of one step, with what is set on its session."""
    config = alembic_config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, f"{before}:{revision}", sql=True)
    return ";\n".join((*preamble(), config.output_buffer.getvalue()))


def squawk(sql: str, folder: Path) -> str:
    """What the linter says; empty if it finds nothing."""
    path = folder / "step.sql"
    path.write_text(sql, encoding="utf-8")
    done = run(tool("squawk", "squawk-cli"), "--config", str(ROOT / ".squawk.toml"), "--reporter", "gcc", str(path))
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout.replace(str(path), "")


@pytest.mark.parametrize(("before", "revision"), STEPS)
def test_a_linter_for_migrations_finds_nothing(tmp_path: Path, before: str, revision: str) -> None:
    sql = rendered(before, revision)
    assert f"version_num='{revision}'" in sql
    assert squawk(sql, tmp_path) == ""


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("create index i on incident (title)", "require-concurrent-index-creation"),
        ("begin; create index concurrently if not exists i on incident (title); commit", "concurrent"),
        ("alter table incident add column x text not null", "adding-required-field"),
        ("alter table incident drop column title", "ban-drop-column"),
        ("alter table incident rename column title to name", "renaming-column"),
        ("alter table incident alter column severity type bigint", "changing-column-type"),
    ],
)
def test_the_linter_is_set_so_that_it_finds_what_hurts(tmp_path: Path, sql: str, said: str) -> None:
    assert said in squawk(";\n".join((*preamble(), f"{sql};")), tmp_path)


def test_revisions_are_numbers_in_a_row() -> None:
    """An old version knows by the number that a revision is newer than all of its own."""
    last = 2
    for before, revision in STEPS:
        assert (before, revision) == (f"{last:04}", f"{last + 1:04}")
        last += 1


@pytest.mark.anyio
async def test_each_step_only_adds(fresh_database: Callable[[], Awaitable[str]]) -> None:
    url = await fresh_database()
    await asyncio.to_thread(migrate, url, max(FIRST))
    before = await asyncio.to_thread(shape_of, url)
    for _, revision in STEPS:
        await asyncio.to_thread(migrate, url, revision)
        after = await asyncio.to_thread(shape_of, url)
        assert narrowed(before, after) == [], revision
        before = after


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(psycopg_url(database_url))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("alter table incident add column x text", ""),
        ("alter table incident add column x int not null default 0", ""),
        ("alter table incident add column x timestamptz not null default now()", ""),
        ("create table more (id uuid primary key, x text not null)", ""),
        ("alter table incident add column x text; create unique index i on incident (title, x)", ""),
        ("alter table incident alter column title drop not null", ""),
        ("alter table alert add column x text not null", "alert.x is required and has no default"),
        ("alter table incident add column x uuid default gen_random_uuid()", "incident.x has a default that is not"),
        ("alter table incident add column x int generated always as (1) stored", "incident.x is computed"),
        ("alter table incident drop column onset_at", "incident.onset_at is gone"),
        ("alter table heartbeat rename to beat", "heartbeat.name is gone"),
        ("alter table incident alter column severity type int", "incident.severity was smallint and is integer"),
        ("alter table incident alter column cause set not null", "incident.cause is required now"),
        ("alter table delivery alter column state drop default", "delivery.state lost its default"),
        ("alter table incident add constraint c check (title <> '')", "c of incident is a new rule"),
        ("create unique index i on incident (title)", "i of incident is a new rule"),
        ("alter table incident add column x text default ''; create unique index i on incident (x)", "i of incident"),
        ("alter table rejected drop constraint rejected_body", "rejected_body of rejected is gone"),
        ("drop index group_episode_open", "group_episode_open of group_episode is gone"),
    ],
)
def test_what_an_older_replica_would_stumble_over_is_named(connection: Connection, sql: str, fault: str) -> None:
    before = shape(connection)
    connection.execute(text(sql))
    found = narrowed(before, shape(connection))
    connection.rollback()
    assert [one.startswith(fault) for one in found[:1]] == ([True] if fault else []), found
