"""Restarting the database under everybody's feet."""

import asyncio
import os
from pathlib import Path

from app.store.embedded.account import Account
from app.store.embedded.binaries import choose_binaries


class RestartablePostgres:
    """The embedded PostgreSQL that was started in `folder`; it keeps its address over restarts."""

    def __init__(self, folder: Path) -> None:
        self._cluster = next(folder.glob("pg[0-9]*"))
        self._account = Account.for_data(self._cluster.stat().st_uid)
        major = int((self._cluster / "PG_VERSION").read_text().strip())
        self._control = choose_binaries(self._account, major).folder / "pg_ctl"

    async def restart(self, mode: str) -> None:
        """`fast` cuts clients off and writes everything; `immediate` is a crash."""
        await self._run("restart", "-m", mode, "-w", "-t", "60")

    async def stop(self) -> None:
        """Also a server that a restart made, which is nobody's child."""
        await self._run("stop", "-m", "fast", "-w", "-t", "60")

    async def _run(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            str(self._control),
            "-D",
            str(self._cluster),
            "-l",
            os.devnull,
            *words,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **self._account.identity,
        )
        await process.wait()
