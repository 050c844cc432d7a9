"""What the tests of this folder stand on."""

from collections.abc import AsyncIterator

import pytest

from app.store.engine import Store
from app.store.queue import Queue
from tests.jobs.watch import Watch


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    yield Watch(store, queue)
    await queue.aclose()
    await store.aclose()
