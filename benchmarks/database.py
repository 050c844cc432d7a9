"""A durable PostgreSQL for the run: every commit is on the disk, as in production."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from app.store.embedded import EmbeddedPostgres

STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): *(.*)")


class Database:
    """The server; `create` makes a database in it."""

    def __init__(self, folder: Path, url: str) -> None:
        self._log = folder / "postgres.log"
        self._url = url

    def create(self, name: str) -> str:
        """The SQLAlchemy address of a new, empty database."""
        with psycopg.connect(self._libpq(self._url), autocommit=True) as connection:
            connection.execute(f"drop database if exists {name}".encode())
            connection.execute(f"create database {name} template template0".encode())
        return self._url.replace("@/sitrep?", f"@/{name}?", 1)

    def log_statements(self, name: str) -> None:
        """From the next connection on, every statement in this database is written down."""
        with psycopg.connect(self._libpq(self._url), autocommit=True) as connection:
            connection.execute(f"alter database {name} set log_statement = 'all'".encode())

    def statements(self) -> list[str]:
        """First lines of all statements that were written down."""
        return STATEMENT.findall(self._log.read_text(encoding="utf-8", errors="replace"))

    @staticmethod
    def _libpq(url: str) -> str:
        return url.replace("postgresql+psycopg://", "postgresql://", 1)

    def libpq(self, url: str) -> str:
        """The same address as psycopg takes it."""
        return self._libpq(url)


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Started, with fsync; gone at the end."""
    server = EmbeddedPostgres(folder, durable=True)
    try:
        yield Database(folder, server.start())
    finally:
        server.stop()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that a database server of another user can enter, too."""
    folder = Path(tempfile.mkdtemp(prefix="sitrep-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
