"""Outbound HTTP, bounded: one client for every integration, no redirects, no proxies from the environment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

DEFAULT_MAX_BYTES = 8 * 1024 * 1024
POOL_CONNECTIONS = 64


class HttpError(Exception):
    """No usable HTTP answer: `timed_out`, or `sent` (the request left, so it may have had its effect)."""

    def __init__(self, reason: str, *, timed_out: bool = False, sent: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `json` and `form` are exclusive; `params` may repeat a name."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: tuple[tuple[str, str], ...] = ()
    timeout_seconds: float = 10.0
    max_bytes: int = DEFAULT_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names) and the whole body; `truncated` if it was cut at `max_bytes`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False

    @property
    def media_type(self) -> str:
        """`application/json` without its parameters; empty if none was said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Http:
    """A pool of connections; one for each integration, closed with it."""

    def __init__(self, *, verify: bool = True) -> None:
        transport = AiohttpTransport(verify=verify, limits=httpx.Limits(max_connections=POOL_CONNECTIONS))
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)

    async def send(self, request: Request) -> Answer:
        """The answer, whatever its status. Raises `HttpError` with a short reason that holds no URL."""
        try:
            async with asyncio.timeout(request.timeout_seconds):
                return await self._exchange(request)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise _as_http_error(error, request.timeout_seconds) from error

    async def _exchange(self, request: Request) -> Answer:
        async with self._client.stream(
            request.method,
            request.url,
            params=list(request.params) or None,
            headers=dict(request.headers),
            json=request.json,
            data=_form(request.form),
            timeout=request.timeout_seconds,
        ) as response:
            body, truncated = await _read(response, request.max_bytes)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, body, truncated)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _as_http_error(error: Exception, timeout_seconds: float) -> HttpError:  # noqa: PLR0911 - one return a row
    """The transport names a refused or broken connection a time-out, so its cause decides."""
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) and error.__cause__ else error
    match cause:
        case aiohttp.ConnectionTimeoutError():
            return HttpError(f"no connection in {timeout_seconds:g} s", timed_out=True)
        case aiohttp.ClientSSLError():
            return HttpError("TLS handshake failed")
        case aiohttp.ClientConnectorDNSError():
            return HttpError("host name not found")
        case aiohttp.ClientConnectorError():
            return HttpError("connection refused")
        case TimeoutError() | httpx.TimeoutException():
            return HttpError(f"no answer in {timeout_seconds:g} s", timed_out=True, sent=True)
        case httpx.InvalidURL() | aiohttp.InvalidURL() | ValueError():
            return HttpError("the configured address is not usable")
    return HttpError(f"connection broke ({type(cause).__name__})", sent=True)


def _form(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]] | None:
    if not pairs:
        return None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


async def _read(response: httpx.Response, max_bytes: int) -> tuple[bytes, bool]:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            return b"".join(chunks)[:max_bytes], True
    return b"".join(chunks), False
