"""What the tests of this folder stand on."""

from collections.abc import AsyncIterator

import pytest

from app.store.engine import Store
from app.store.queue import Queue
from tests.store.house import House
from tests.store.weather import Weather


@pytest.fixture
async def weather(database_url: str, anyio_backend: str) -> AsyncIterator[Weather]:
    """A house in which many things break at once."""
    del anyio_backend  # asked for so that this fixture runs on it
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    yield Weather(store, queue)
    await queue.aclose()
    await store.aclose()


@pytest.fixture
async def house(database_url: str, anyio_backend: str) -> AsyncIterator[House]:
    """A store with its acceptance."""
    del anyio_backend  # asked for so that this fixture runs on it
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    yield House(store, queue)
    await queue.aclose()
    await store.aclose()
