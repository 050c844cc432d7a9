"""Slack's Web API over our HTTP client: one call, one answer, every failure a `DeliveryError`."""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from app.domain.errors import DeliveryError
from app.http import Answer, Http, HttpError, Request
from app.notify.notifiers.slack.errors import from_network, from_status, refused, retry_after_seconds
from app.settings import Secret, SettingsError

TIMEOUT_SECONDS = 8.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_OK, _TOO_MANY = 200, 429

log = structlog.get_logger(__name__)


class SlackClient:
    """`write` sends JSON, `read` sends query arguments: Slack's read methods know no JSON."""

    def __init__(self, http: Http, api_url: str, token: Secret) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/") + "/"
        self._token = token

    async def write(self, method: str, arguments: Mapping[str, Any], *, posts: bool = False) -> dict[str, Any]:
        """The answer of a writing method; `posts`: doing it twice would be seen."""
        request = Request(
            "POST",
            self._api_url + method,
            headers={**self._authorisation(), "Content-Type": "application/json; charset=utf-8"},
            json=dict(arguments),
            timeout_seconds=TIMEOUT_SECONDS,
            max_bytes=MAX_ANSWER_BYTES,
        )
        return await self._call(method, request, posts=posts)

    async def read(self, method: str, arguments: Mapping[str, str]) -> dict[str, Any]:
        """The answer of a reading method."""
        request = Request(
            "GET",
            self._api_url + method,
            params=tuple(arguments.items()),
            headers=self._authorisation(),
            timeout_seconds=TIMEOUT_SECONDS,
            max_bytes=MAX_ANSWER_BYTES,
        )
        return await self._call(method, request, posts=False)

    def _authorisation(self) -> dict[str, str]:
        try:
            return {"Authorization": f"Bearer {self._token.read()}"}
        except SettingsError as error:
            raise DeliveryError(str(error), retryable=True, code="no_token") from error

    async def _call(self, method: str, request: Request, *, posts: bool) -> dict[str, Any]:
        try:
            answer = await self._http.send(request)
        except HttpError as error:
            raise from_network(error, posts=posts) from error
        if answer.status == _TOO_MANY:
            raise from_status(answer)
        body = _body(answer)
        if body is None or (answer.status != _OK and "error" not in body):
            raise from_status(answer, posts=posts)
        if body.get("ok") is not True:
            raise _refusal(method, body, answer, posts=posts)
        return body


def _body(answer: Answer) -> dict[str, Any] | None:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) and not answer.truncated and "ok" in body else None


def _refusal(method: str, body: Mapping[str, Any], answer: Answer, *, posts: bool) -> DeliveryError:
    code = str(body.get("error") or "unknown_error")[:80]
    details = body.get("errors") or (body.get("response_metadata") or {}).get("messages") or []
    log.warning("slack refused", method=method, code=code, details=[str(line)[:200] for line in details][:5])
    error = refused(code, needed=str(body.get("needed") or "")[:80], posts=posts)
    if error.retry_after_seconds is not None and "retry-after" in answer.headers:
        error.retry_after_seconds = retry_after_seconds(answer)
    return error
