import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from app.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, running_url

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Under /tmp, as pytest's own folders are 0700 and root's server runs as another user.
    folder = Path("/tmp") / f"sitrep-tests-{uuid.uuid4().hex[:12]}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def socket_folder(url: str) -> Path:
    return Path(unquote(url.partition("?host=")[2]))


def test_what_was_written_is_there_after_a_stop_and_a_second_start(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    try:
        with psycopg.connect(libpq(server.start())) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        server.stop()
        with psycopg.connect(libpq(server.start())) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]
    finally:
        server.stop()


def test_the_server_listens_on_its_private_socket_only(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    try:
        url = server.start()
        with psycopg.connect(libpq(url)) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            port = connection.execute("SHOW port").fetchone()
            assert connection.execute("SHOW client_connection_check_interval").fetchone() == ("2s",)
        assert port is not None
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(port[0]))) != 0
        folder = socket_folder(url)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((next(data_dir.glob("pg*"))).stat().st_mode) == 0o700
    finally:
        server.stop()
    assert not folder.exists()


def test_stopping_cuts_off_a_client_in_the_middle_of_a_transaction(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    with psycopg.connect(libpq(server.start())) as connection:
        connection.execute("SELECT 1")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def is_running(pid: int) -> bool:
    """A zombie that its adoptive parent has not collected yet has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from app.store.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start("http://127.0.0.1:9999"), flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("at_once", [False, True])
def test_a_killed_parent_takes_the_server_down_and_the_next_one_starts_on_its_data(
    data_dir: Path, *, at_once: bool
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_AND_WAITS, str(data_dir)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        with psycopg.connect(libpq(url)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        postmaster = int(next(data_dir.glob("pg*/postmaster.pid")).read_text().split()[0])
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not at_once and is_running(postmaster) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert at_once or not is_running(postmaster)
    successor = EmbeddedPostgres(data_dir)
    try:
        with psycopg.connect(libpq(successor.start())) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]
        assert not socket_folder(url).exists()
    finally:
        successor.stop()


def test_a_second_instance_is_refused_and_told_where_the_first_one_is(data_dir: Path) -> None:
    first = EmbeddedPostgres(data_dir, durable=False)
    try:
        url = first.start("http://127.0.0.1:8080")
        with pytest.raises(EmbeddedPostgresError, match=re.escape("another Sitrep at http://127.0.0.1:8080 uses")):
            EmbeddedPostgres(data_dir).start("http://127.0.0.1:8081")
        with psycopg.connect(libpq(url)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        first.stop()


def test_data_of_another_major_version_is_refused_untouched(data_dir: Path) -> None:
    cluster = data_dir / "pg9"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="the data is of PostgreSQL 9, but only PostgreSQL") as refused:
        EmbeddedPostgres(data_dir).start()
    assert "\n" not in str(refused.value)
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]
    assert [path.name for path in data_dir.glob("pg*")] == ["pg9"]


def test_a_data_folder_behind_a_closed_parent_is_named_and_the_parent_stays_closed(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    if os.geteuid() != 0:
        data_dir.chmod(0)
    mode = data_dir.stat().st_mode
    inner = data_dir / "inner"
    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres(inner).start()
    assert str(data_dir) in str(refused.value)
    assert "SITREP_DATA_DIR" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert data_dir.stat().st_mode == mode
    assert os.geteuid() != 0 or not inner.exists()
    data_dir.chmod(0o700)


def test_a_file_in_the_place_of_the_data_folder_is_named(data_dir: Path) -> None:
    data_dir.write_text("not a folder")
    try:
        with pytest.raises(EmbeddedPostgresError, match=re.escape(str(data_dir))):
            EmbeddedPostgres(data_dir).start()
    finally:
        data_dir.unlink()


def test_an_initialisation_that_was_killed_half_way_is_begun_anew(data_dir: Path) -> None:
    data_dir.mkdir()
    for major in range(13, 25):
        unfinished = data_dir / f"pg{major}.new"
        unfinished.mkdir()
        (unfinished / "half").write_text("written")
        (unfinished / "PG_VERSION").write_text(f"{major}\n")
    server = EmbeddedPostgres(data_dir, durable=False)
    try:
        with psycopg.connect(libpq(server.start())) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("sitrep",)
        server.stop()
        server.start()
    finally:
        server.stop()


def test_a_failed_start_leaves_neither_a_process_nor_the_lock(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    server.start()
    server.stop()
    cluster = next(data_dir.glob("pg*"))
    control = cluster / "global" / "pg_control"
    control.rename(control.with_suffix(".aside"))
    with pytest.raises(EmbeddedPostgresError, match="the embedded PostgreSQL does not start: "):
        server.start()
    control.with_suffix(".aside").rename(control)
    assert server.start().startswith("postgresql+psycopg://sitrep@/sitrep?host=")
    server.stop()


def test_another_process_finds_the_running_database_and_nothing_once_it_ended(data_dir: Path) -> None:
    assert running_url(data_dir) is None
    server = EmbeddedPostgres(data_dir, durable=False)
    try:
        assert running_url(data_dir) is None
        url = server.start("http://127.0.0.1:8080")
        assert running_url(data_dir) == url
    finally:
        server.stop()
    assert running_url(data_dir) is None


def test_a_lock_file_of_someone_else_leads_nowhere(data_dir: Path) -> None:
    data_dir.mkdir()
    for text in ("", "http://x", "http://x\n/tmp", "http://x\n/tmp/sitrep-pg-../../etc", "http://x\n/etc\n"):
        (data_dir / "lock").write_text(text)
        assert running_url(data_dir) is None
    (data_dir / "lock").unlink()
    (data_dir / "lock").symlink_to("/etc/passwd")
    assert running_url(data_dir) is None


def test_leaving_the_with_block_stops_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        url = server.start()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(libpq(url), connect_timeout=2)


@pytest.mark.anyio
async def test_a_fresh_database_is_empty_and_its_own(fresh_database: Callable[[], Awaitable[str]]) -> None:
    one, two = await fresh_database(), await fresh_database()
    assert one != two
    async with await psycopg.AsyncConnection.connect(libpq(one)) as connection:
        await connection.execute("CREATE TABLE only_here ()")
    async with await psycopg.AsyncConnection.connect(libpq(two)) as connection:
        found = await connection.execute("SELECT to_regclass('only_here')")
        assert await found.fetchone() == (None,)
