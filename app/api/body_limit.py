"""No body is read beyond a limit, declared or not; the answer is a problem document like every other."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem

MAX_BODY_BYTES = 8 * 1024 * 1024
TOO_LARGE = (
    f"the body is larger than {MAX_BODY_BYTES // 1024 // 1024} MiB; "
    "for Alertmanager set max_alerts in the webhook_config"
)


class BodyLimit:
    """ASGI middleware; the framework has such a limit too, but answers in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES:
            refused = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, headers={"Connection": "close"})
            await refused(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE, {"Connection": "close"})
            return message

        await self._app(scope, receive_counted, send)
