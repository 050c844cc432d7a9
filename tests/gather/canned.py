"""A server that gives one answer to everything: for shapes that no stand-in of ours would send."""

import json

from aiohttp import web

from app.settings import Settings
from tests.fakes.server import FakeServer, Trouble


class CannedServer(FakeServer):
    """Answers `body` with `status` and `content_type`; `answers` come first, one a request."""

    def __init__(self, body: object = b"", *, status: int = 200, content_type: str = "application/json") -> None:
        self.body, self.status, self.content_type = body, status, content_type
        self.answers: list[tuple[int, object]] = []
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        status, body = self.answers.pop(0) if self.answers else (self.status, self.body)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Location": "/login"} if 300 <= status < 400 else {}
        return web.Response(status=status, body=raw, content_type=self.content_type, headers=headers)


TROUBLES = [
    (Trouble("hang"), r"no answer in 0\.3 s"),
    (Trouble("refuse"), "connection refused"),
    (Trouble("status", status=500), r"failed \(500\): the stand-in was told to fail"),
    (Trouble("status", status=403), r"not allowed \(403\)"),
    (Trouble("status", status=404), r"nothing of that kind at this address \(404\)"),
    (Trouble("html"), "answered HTML, not JSON: is the URL a proxy or login page"),
    (Trouble("garbage"), "not JSON"),
    (Trouble("reset"), "connection broke"),
]


def settings(**values: object) -> Settings:
    return Settings.model_validate({"source_deadline_seconds": 2, **values})


def impatient(**values: object) -> Settings:
    """Shorter than settings allow, so that a hanging server costs no test a second."""
    return settings(**values).model_copy(update={"source_deadline_seconds": 0.3})
