"""Fixtures of this room."""

from collections.abc import AsyncIterator

import pytest

from tests.notify.letters import close_all


@pytest.fixture(autouse=True)
async def _closed_notifiers(anyio_backend: str) -> AsyncIterator[None]:  # noqa: ARG001 - an async fixture needs it
    yield
    await close_all()
