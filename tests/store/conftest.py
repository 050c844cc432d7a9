"""What the tests of this folder stand on."""

from collections.abc import AsyncIterator

import pytest

from tests.store.house import House, opened
from tests.store.weather import Weather


@pytest.fixture
async def weather(database_url: str, anyio_backend: str) -> AsyncIterator[Weather]:
    """A house in which many things break at once."""
    del anyio_backend  # asked for so that this fixture runs on it
    async with opened(Weather, database_url) as weather:
        yield weather


@pytest.fixture
async def house(database_url: str, anyio_backend: str) -> AsyncIterator[House]:
    """A store with its acceptance."""
    del anyio_backend  # asked for so that this fixture runs on it
    async with opened(House, database_url) as house:
        yield house
