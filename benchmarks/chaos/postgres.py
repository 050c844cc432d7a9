"""A durable PostgreSQL that can be crashed and started again at the same address."""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from app.store.embedded import EmbeddedPostgres
from app.store.embedded.account import Account
from app.store.embedded.binaries import choose_binaries
from app.store.embedded.running import DATABASE, SOCKET_PREFIX, url_of

IMMEDIATE, FAST = signal.SIGQUIT, signal.SIGINT
READY_SECONDS = 60.0
STOP_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class Postgres:
    """The server; `stop` and `start` it as often as you like, from the main thread."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self._folder = folder
        self._sockets = sockets
        self._account = Account.for_data(next(folder.glob("pg*/PG_VERSION")).stat().st_uid)
        self._cluster = next(folder.glob("pg*"))
        self._binaries = choose_binaries(self._account, int((self._cluster / "PG_VERSION").read_text()))
        self._process: subprocess.Popen[bytes] | None = None
        self._account.give(sockets)
        self.url = url_of(sockets)

    async def start(self) -> None:
        """Start and wait until it answers: after a crash, until it has recovered."""
        with (self._folder / "chaos.log").open("ab") as log:
            # In this thread, not in another: the server gets its signal to end when the thread ends that made it.
            self._process = process = subprocess.Popen(  # noqa: S603, ASYNC220 - our program, our arguments; at once
                [self._binaries.folder / "postgres", "-D", self._cluster, *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - tiny, and safe
                **self._account.identity,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(self._answers):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not start:\n" + (self._folder / "chaos.log").read_text()[-2000:])
            await asyncio.sleep(0.05)

    async def stop(self, how: signal.Signals) -> None:
        """`IMMEDIATE` is a crash: nothing is written any more. `FAST` cuts clients off and ends cleanly."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(how)
            await asyncio.to_thread(process.wait, STOP_SECONDS)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "client_connection_check_interval": "2s",
            "max_connections": "200",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _answers(self) -> bool:
        try:
            psycopg.connect(host=str(self._sockets), user=DATABASE, dbname=DATABASE, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Postgres]:
    """Made, started, and stopped at the end."""
    with EmbeddedPostgres(folder, durable=True) as embedded:
        embedded.start()
    sockets = Path(tempfile.mkdtemp(prefix=Path(SOCKET_PREFIX).name, dir=Path(SOCKET_PREFIX).parent))
    server = Postgres(folder, sockets)
    try:
        await server.start()
        yield server
    finally:
        await server.stop(IMMEDIATE)
        shutil.rmtree(sockets, ignore_errors=True)


def _end_with_parent() -> None:
    """Ask the kernel for a signal at our death, however we die."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
