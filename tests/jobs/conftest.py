"""What the tests of this folder stand on."""

from collections.abc import AsyncIterator

import pytest

from tests.jobs.watch import Watch
from tests.store.house import opened


@pytest.fixture
async def watch(database_url: str) -> AsyncIterator[Watch]:
    """A house with a keeper of storms."""
    async with opened(Watch, database_url) as watch:
        yield watch
