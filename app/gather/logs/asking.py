"""One HTTP question to a log store within its deadline, tried once more where a failure may heal."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from app.gather.http_answer import send
from app.http import Answer, Http, Request

MAX_BYTES: Final = 4 * 1024 * 1024
RETRIED: Final = frozenset({500, 502, 503})
LEAST_RETRY_SECONDS: Final = 1.0


async def asked(
    http: Http, request: Request, deadline: float, again: Callable[[], Awaitable[None]] | None = None
) -> Answer:
    """The answer whatever its status; no answer is a `SourceError`. `again` counts a second try before it is made."""
    answer = await send(http, _in_time(request, deadline))
    if answer.status in RETRIED and seconds_to(deadline) > LEAST_RETRY_SECONDS:
        if again is not None:
            await again()
        answer = await send(http, _in_time(request, deadline))
    return answer


def seconds_to(deadline: float) -> float:
    """How long it is from now."""
    return deadline - asyncio.get_running_loop().time()


def _in_time(request: Request, deadline: float) -> Request:
    return replace(request, timeout_seconds=max(0.1, round(seconds_to(deadline), 1)), max_bytes=MAX_BYTES)
