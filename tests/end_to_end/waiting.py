"""Waiting for what other processes do."""

import asyncio
from collections.abc import Callable

import pytest


async def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Return once `condition` holds; fail the test with `what` if it does not in time."""
    waited = 0.0
    while not condition():
        if waited > seconds:
            pytest.fail(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(0.1)
        waited += 0.1
