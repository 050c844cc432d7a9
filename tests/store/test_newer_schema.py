"""An old replica beside a schema of a newer version, and a migration among replicas that are at work."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from app.doctor import examine
from app.domain.diagnosis import Diagnosis
from app.settings import load_settings
from app.store import migrate as migrating
from app.store.engine import StoreUnavailableError, libpq_url
from app.store.migrate import migrate, needed
from app.store.revisions import FLOOR_KEY, Revisions, SchemaError
from tests.ingest.bodies import wire_alert, wire_body
from tests.processes import ROOT, free_port, sitrep

Fresh = Callable[[], Awaitable[str]]
SITREP = str(Path(sys.executable).parent / "sitrep")
# What a newer version may have added, as test_expand.py lets it.
EXPANDED = """
alter table incident add column newer text;
alter table alert add column newer int not null default 0;
alter table record add column newer jsonb;
alter table alert_group add column newer timestamptz not null default now();
alter table delivery add column newer text not null default '';
create table newer (id uuid primary key, incident_id uuid not null references incident);
update alembic_version set version_num = '9999';
"""


def execute(url: str, *statements: str) -> list[Any]:
    """Run these, and the rows of the last."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def floor(revision: str) -> str:
    """A contracting migration said that it serves versions from this revision on."""
    return f"insert into installation values ('{FLOOR_KEY}', '{revision}')"  # noqa: S608


def command(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITREP_", "KUBE"))}
    return subprocess.Popen(
        [SITREP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, **settings},
        cwd=ROOT,
    )


def ran(*arguments: str, **settings: str) -> tuple[int, str]:
    process = command(*arguments, **settings)
    out, error = process.communicate(timeout=60)
    return process.returncode, out + error


async def diagnosed(url: str) -> Diagnosis:
    settings = load_settings({"SITREP_KUBERNETES": "off", "SITREP_PROBES": "off", "SITREP_DATABASE_URL": url})
    return {one.name: one for one in await examine(settings)}["database"]


@pytest.mark.anyio
async def test_an_old_replica_starts_accepts_and_enriches_beside_a_newer_schema(
    folder: Path, database_url: str
) -> None:
    execute(database_url, EXPANDED)
    settings = {"SITREP_DATABASE_URL": database_url, "SITREP_BUDGET_SECONDS": "2"}
    async with sitrep(folder / "log", settings) as old, aiohttp.ClientSession() as client:
        labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "checkout"}
        body = wire_body(wire_alert(labels=labels))
        async with client.post(f"{old.url}/api/v1/webhooks/alertmanager", json=body) as answer:
            assert answer.status == 202, await answer.text()
            identifier = (await answer.json())["incidents"][0]["id"]
        async with asyncio.timeout(30):
            while True:
                async with client.get(f"{old.url}/api/v1/incidents/{identifier}") as answer:
                    record = await answer.json()
                if record["enrichment"] == "complete":
                    break
                await asyncio.sleep(0.1)
        assert len(record["alerts"]) == 1
        assert "newer than this version" in old.log.read_text()
        assert "Traceback" not in old.log.read_text()
        assert await old.stop() == 0
    assert execute(database_url, "select version_num from alembic_version") == [("9999",)]


@pytest.mark.anyio
async def test_a_newer_schema_that_serves_us_is_well_and_left_alone(database_url: str) -> None:
    execute(database_url, EXPANDED, floor(needed()))
    code, said = await asyncio.to_thread(ran, "migrate", SITREP_DATABASE_URL=database_url)
    assert (code, "Traceback" in said) == (0, False)
    found = await diagnosed(database_url)
    assert found.healthy
    assert "newer version (9999)" in found.statement


@pytest.mark.anyio
async def test_a_schema_that_has_left_us_behind_is_refused_in_one_line(database_url: str) -> None:
    execute(database_url, EXPANDED, floor("9998"))
    settings = {"SITREP_DATABASE_URL": database_url, "SITREP_PORT": str(free_port()), "SITREP_KUBERNETES": "off"}
    for arguments in (("migrate",), ("serve",)):
        code, said = await asyncio.to_thread(ran, *arguments, **settings)
        assert code == 1
        assert f"serves versions from revision 9998 on, and this one is of {needed()}" in said
        assert "Traceback" not in said
    found = await diagnosed(database_url)
    assert not found.healthy
    assert "9998" in found.statement
    assert "newer version" in found.fix


@pytest.mark.anyio
@pytest.mark.parametrize("revision", ["20240101", "1975ea83b712", "0000", "٩٩٩٩"])
async def test_a_schema_that_is_not_ours_is_refused_in_one_line(fresh_database: Fresh, revision: str) -> None:
    url = await fresh_database()
    execute(
        url,
        "create table alembic_version (version_num text not null)",
        f"insert into alembic_version values ('{revision}')",  # noqa: S608
    )
    with pytest.raises(SchemaError, match=revision):
        await asyncio.to_thread(migrate, url)
    assert not (await diagnosed(url)).healthy


@pytest.mark.parametrize(
    ("found", "floor", "match"),
    [
        (None, None, False),
        ("0002", None, False),
        ("0003", None, True),
        ("0004", "0", True),
        ("0004", "0003", True),
        ("0004", "0004", False),
        ("0004", None, False),
        ("abc", "0", False),
    ],
)
def test_revisions_are_compared_as_numbers(found: str | None, floor: str | None, *, match: bool) -> None:
    schema = Revisions(found, "0003", floor)
    assert schema.match is match
    assert bool(schema.problem) is not match


@contextmanager
def held(url: str, statement: str, seconds: float) -> Iterator[None]:
    """A transaction that did this and stays open for so long."""
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(statement.encode())
        end = threading.Timer(seconds, connection.rollback)
        end.start()
        yield
        end.cancel()
        end.join()


@pytest.mark.anyio
async def test_a_migration_waits_for_a_long_transaction_in_short_tries(
    fresh_database: Fresh, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.2)
    url = await fresh_database()
    await asyncio.to_thread(migrate, url, "0002")
    with held(url, "select 1 from incident", 1.5):
        await asyncio.to_thread(migrate, url)
    assert execute(url, "select version_num from alembic_version") == [(needed(),)]
    assert "tries again" in capsys.readouterr().out


@pytest.mark.anyio
async def test_a_migration_gives_up_in_words_and_the_next_one_ends_it(
    fresh_database: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(migrating, "ATTEMPTS", 3)
    url = await fresh_database()
    await asyncio.to_thread(migrate, url, "0002")
    with held(url, "select 1 from incident", 30):
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            await asyncio.to_thread(migrate, url)
        assert execute(url, "select version_num from alembic_version") == [("0002",)]
    await asyncio.to_thread(migrate, url)
    assert execute(url, "select version_num from alembic_version") == [(needed(),)]


@pytest.mark.anyio
async def test_an_index_that_was_cut_off_is_built_anew(database_url: str) -> None:
    execute(database_url, "drop index incident_parent")
    writer = "lock table incident in row exclusive mode"
    with held(database_url, writer, 30), pytest.raises(psycopg.errors.LockNotAvailable):
        execute(
            database_url,
            "set lock_timeout = '100ms'",
            "create index concurrently incident_parent on incident (parent_id) where parent_id is not null",
        )
    execute(database_url, "update alembic_version set version_num = '0002'")
    valid = "select indisvalid from pg_index where indexrelid = 'incident_parent'::regclass"
    assert execute(database_url, valid) == [(False,)]
    await asyncio.to_thread(migrate, database_url)
    assert execute(database_url, valid) == [(True,)]


@pytest.mark.anyio
async def test_two_processes_may_migrate_at_once(fresh_database: Fresh) -> None:
    url = await fresh_database()
    several = [command("migrate", SITREP_DATABASE_URL=url) for _ in range(3)]
    for process in several:
        _, error = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0, error
    assert execute(url, "select version_num from alembic_version") == [(needed(),)]
    assert (await diagnosed(url)).healthy
