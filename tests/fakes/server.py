"""A stand-in server on loopback, in the test's own event loop, that can be told to misbehave."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

Mood = Literal["well", "hang", "refuse", "status", "html", "garbage", "slow", "reset"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """How a stand-in misbehaves: `status` answers that code; `slow` waits `seconds` first, then answers well."""

    mood: Mood = "well"
    status: int = 500
    seconds: float = 0.0


class FakeServer(ABC):
    """Base of the stand-ins: subclasses add routes to `self.app` in `add_routes`. `async with` starts it."""

    def __init__(self) -> None:
        self.trouble = Trouble()
        self.requests: list[tuple[str, str]] = []
        self.app = web.Application(middlewares=[self._misbehave], client_max_size=32 * 1024 * 1024)
        self.add_routes(self.app.router)
        self._runner: web.AppRunner | None = None
        self.port = 0

    @abstractmethod
    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the server's paths into the router."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self.app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        if self.trouble.mood == "refuse":
            await site.stop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        match self.trouble.mood:
            case "hang":
                await asyncio.sleep(3600)
            case "slow":
                await asyncio.sleep(self.trouble.seconds)
            case "status":
                return web.Response(status=self.trouble.status, text="the stand-in was told to fail")
            case "html":
                return web.Response(text="<html><title>Sign in</title></html>", content_type="text/html")
            case "garbage":
                return web.Response(body=b"\x00\xff\xfe{]", content_type="application/json")
            case "reset" if request.transport is not None:
                request.transport.abort()
        return await handler(request)
