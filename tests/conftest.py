"""What tests share: the async backend, a real PostgreSQL, and the recordings beside the repository."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.store.embedded import EmbeddedPostgres
from app.store.migrate import migrate

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a real, empty PostgreSQL; use `fresh_database` for a database of your own."""
    # Not tmp_path: pytest's folders are 0700, and a server that root starts runs as somebody else.
    folder = Path("/tmp") / f"sitrep-tests-{uuid.uuid4().hex[:12]}"
    server = EmbeddedPostgres(folder, durable=False)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def fresh_database(postgres_url: str, anyio_backend: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """`await fresh_database()` makes an empty database and gives its SQLAlchemy URL; it is dropped after the test."""
    del anyio_backend  # asked for so that this fixture runs on it
    made: list[str] = []
    conninfo = postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)

    async def create() -> str:
        name = f"test_{uuid.uuid4().hex[:16]}"
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        made.append(name)
        return postgres_url.replace("@/sitrep?", f"@/{name}?", 1)

    yield create
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for name in made:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recordings and contracts beside the repository."""
    if not SHARED.is_dir():
        reason = f"{SHARED} is not there: recordings and contracts live beside the repository"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a database that holds our schema; copying it is faster than migrating each time."""
    name = "sitrep_template"
    conninfo = postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    migrate(postgres_url.replace("@/sitrep?", f"@/{name}?", 1))
    return name


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """SQLAlchemy URL of a database of the test's own, with our schema in it."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    conninfo = postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template}".encode())
        yield postgres_url.replace("@/sitrep?", f"@/{name}?", 1)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: unlike pytest's own, for a database that root starts as somebody else."""
    path = Path(tempfile.mkdtemp(prefix="sitrep-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)
