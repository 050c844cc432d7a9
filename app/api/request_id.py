"""Each request has an id: in every log line that it causes, and in the answer."""

import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry import log_context

HEADER = b"x-request-id"


class RequestId:
    """ASGI middleware. The id is always ours: a caller's own could forge log lines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Bind a new id while the request is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex[:16]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
            await send(message)

        with log_context(request_id=request_id):
            await self._app(scope, receive, send_with_id)
