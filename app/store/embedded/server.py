"""Starts, awaits and stops the server; it never listens on TCP and never outlives us."""

import ctypes
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from app.store.embedded.account import ADVICE, Account, EmbeddedPostgresError
from app.store.embedded.binaries import Binaries, choose_binaries
from app.store.embedded.lock import DataLock
from app.store.embedded.running import DATABASE, SOCKET_PREFIX, is_socket_folder, url_of

START_SECONDS = 60
INITDB_SECONDS = 120
STOP_SECONDS = 30
POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1
_LOCALE_PROVIDER_SINCE = 17
# The server of a killed parent is still ending.
_PREDECESSOR = ("shared memory block", "postmaster.pid")
# Not `pg18.new`: that is an initialisation which was killed, to be begun anew.
_CLUSTER = re.compile(r"pg\d+")
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

_log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """PostgreSQL under `data_dir`. Start it in the main thread: it gets its signal to end when that thread ends.

    `durable=False` is for tests: faster, and a power cut may cost the data.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._data_dir = data_dir.resolve()
        self._durable = durable
        self._lock: DataLock | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_folder: Path | None = None

    def start(self, address: str = "") -> str:
        """Start and return the SQLAlchemy URL; `address` is where people reach us, for whoever comes second.

        Raises `EmbeddedPostgresError` with one clear line.
        """
        data_major, owner = _existing(self._data_dir)
        account = Account.for_data(owner)
        _make_data_dir(self._data_dir, account)
        self._lock = DataLock.take(self._data_dir, account)
        try:
            binaries = choose_binaries(account, data_major)
            cluster = self._data_dir / f"pg{binaries.major}"
            if data_major is None:
                _initialise(binaries, cluster, account)
            self._remove_stale_socket_folder()
            self._socket_folder = Path(
                tempfile.mkdtemp(prefix=Path(SOCKET_PREFIX).name, dir=Path(SOCKET_PREFIX).parent)
            )
            account.give(self._socket_folder)
            self._lock.write(address, str(self._socket_folder))
            self._run_until_ready(binaries, cluster, account)
            _create_database(self._socket_folder)
        except BaseException:
            self.stop()
            raise
        return url_of(self._socket_folder)

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, clients cut off. Does nothing if not started."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            self._socket_folder = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        """Started; for the URL call `start` yourself, it may be called once."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _remove_stale_socket_folder(self) -> None:
        assert self._lock is not None  # noqa: S101 - taken by the caller
        _, stale = self._lock.read()
        if is_socket_folder(stale):
            shutil.rmtree(stale, ignore_errors=True)

    def _run_until_ready(self, binaries: Binaries, cluster: Path, account: Account) -> None:
        log_path = self._data_dir / "postgres.log"
        deadline = time.monotonic() + START_SECONDS
        told = False
        while True:
            self._process = self._spawn(binaries, cluster, account, log_path)
            if _is_ready(self._process, self._socket_folder or cluster, deadline):
                return
            reason = _last_words(log_path)
            if time.monotonic() > deadline or not any(sign in reason for sign in _PREDECESSOR):
                raise EmbeddedPostgresError(f"the embedded PostgreSQL does not start: {reason} (more in {log_path})")
            if not told:
                _log.warning("waiting for the database of an earlier Sitrep to end, up to %s s", START_SECONDS)
                told = True
            time.sleep(1)

    def _spawn(self, binaries: Binaries, cluster: Path, account: Account, log_path: Path) -> subprocess.Popen[bytes]:
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self._socket_folder}",
            "unix_socket_permissions=0700",
            # A back end whose client was killed would else finish its statement and hold its locks.
            "client_connection_check_interval=2s",
            "log_checkpoints=off",
            # A failed statement in the log would carry the values of its row.
            "log_min_error_statement=panic",
            *(() if self._durable else _NOT_DURABLE),
        ]
        with open(log_path, "wb", opener=_open_log) as log:
            return subprocess.Popen(  # noqa: S603 - our program, our arguments
                [binaries.folder / "postgres", "-D", cluster, *(part for one in settings for part in ("-c", one))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for us: we stop it when our work is done
                preexec_fn=_end_with_parent(),  # noqa: PLW1509 - main thread, before any other; nothing else can do it
                **account.identity,
            )


def _open_log(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _existing(data_dir: Path) -> tuple[int | None, int | None]:
    """Major version and owner of the data that is there; the newest if there are several."""
    newest: tuple[int | None, int | None] = (None, None)
    try:
        clusters = [path for path in data_dir.glob("pg*") if _CLUSTER.fullmatch(path.name)]
        for version_file in (path / "PG_VERSION" for path in clusters if (path / "PG_VERSION").exists()):
            major = int(version_file.read_text(encoding="ascii").strip())
            if newest[0] is None or major > newest[0]:
                newest = (major, version_file.stat().st_uid)
        for cluster in clusters:
            # Unreadable is not the same as absent: a second database beside it would hide the first.
            next(cluster.iterdir(), None)
    except PermissionError as error:
        raise EmbeddedPostgresError(f"cannot read {error.filename}: {error.strerror}; {ADVICE}") from error
    except (OSError, ValueError) as error:
        raise EmbeddedPostgresError(f"the data in {data_dir} cannot be read: {error}; {ADVICE}") from error
    return newest


def _make_data_dir(data_dir: Path, account: Account) -> None:
    # Before anything is made: a folder that nobody can use would only be left behind.
    there = (parent for parent in data_dir.parents if os.path.exists(parent))  # noqa: PTH110 - Path.exists may raise
    _refuse_barrier(next(there), data_dir, account)
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            # Ours and new, so its mode is ours to choose: whoever runs the server must get to what it owns inside.
            data_dir.chmod(0o711 if account.borrowed else 0o700)
    except OSError as error:
        raise EmbeddedPostgresError(f"cannot make {data_dir}: {error.strerror}; {ADVICE}") from error
    if not data_dir.is_dir():
        raise EmbeddedPostgresError(f"{data_dir} is not a folder; {ADVICE}")
    _refuse_barrier(data_dir, data_dir, account)


def _refuse_barrier(folder: Path, data_dir: Path, account: Account) -> None:
    barrier = account.barrier(folder)
    if barrier is not None:
        because = "PostgreSQL does not run as root; it would run as" if account.borrowed else "we run as"
        raise EmbeddedPostgresError(
            f"{because} user {account.name}, who cannot enter {barrier} on the way to {data_dir}; {ADVICE}"
        )


def _initialise(binaries: Binaries, cluster: Path, account: Account) -> None:
    """`initdb` beside the place and rename: what was killed half way is never taken for a database."""
    unfinished = cluster.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.give(unfinished)
    command = [
        str(binaries.folder / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={DATABASE}",
        "--auth-local=trust",
        "--auth-host=reject",
        "--encoding=UTF8",
        "--locale=C",
    ]
    if binaries.major >= _LOCALE_PROVIDER_SINCE:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not os.access(cluster.parent, os.W_OK):
        raise EmbeddedPostgresError(f"cannot write {cluster.parent}; {ADVICE}")
    try:
        done = subprocess.run(  # noqa: S603 - our program, our arguments
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=INITDB_SECONDS,
            env=_environment(),
            cwd="/",
            **account.identity,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"initdb of {binaries.folder} does not run: {error}") from error
    if done.returncode != 0:
        raise EmbeddedPostgresError(f"initdb for {cluster} failed: {' '.join(done.stderr.split())[-300:]}")
    unfinished.rename(cluster)


def _environment() -> dict[str, str]:
    """Ours without PG* (PGDATA, PGPORT, PGOPTIONS would steer the server) and in a language that we can read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "SITREP_", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server: ask the kernel for SIGINT at our death, however we die."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # we died in between: nobody would ever tell it
            os._exit(1)

    return ask


def _is_ready(process: subprocess.Popen[bytes], socket_folder: Path, deadline: float) -> bool:
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(host=str(socket_folder), user=DATABASE, dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(POLL_SECONDS)
        else:
            return True
    return False


def _create_database(socket_folder: Path) -> None:
    try:
        with psycopg.connect(host=str(socket_folder), user=DATABASE, dbname="postgres", autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.Error as error:
        raise EmbeddedPostgresError(f"the embedded PostgreSQL refuses its database: {error}") from error


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    return (fatal or lines or ["it said nothing"])[-1][:300]


def _end(process: subprocess.Popen[bytes]) -> None:
    # SIGTERM would wait for clients; then harder, as a database that recovers beats a Sitrep that hangs.
    for sign, patience_seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        process.send_signal(sign)
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            continue
        return
