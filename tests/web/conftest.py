"""A running application for each test of this folder."""

from collections.abc import AsyncIterator

import pytest

from tests.api.running import House, house


@pytest.fixture
async def sitrep(database_url: str, anyio_backend: str) -> AsyncIterator[House]:
    """The application without tokens; a link secret of its own; every group an incident, whatever it is about."""
    del anyio_backend  # asked for so that this fixture runs on it
    async with house(database_url, {"SITREP_LINK_SECRET": "link-" + "secret", "SITREP_STORM": "off"}) as running:
        yield running
