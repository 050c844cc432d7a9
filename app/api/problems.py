"""Errors as RFC 9457 problem documents, for handlers, the framework and what nobody foresaw."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.domain.errors import InvalidPayloadError, NotFoundError
from app.settings import SettingsError
from app.store.engine import StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
KEPT_HEADERS = ("www-authenticate", "retry-after", "allow")
DATABASE_AWAY = "the database cannot be reached; nothing was kept, please send it again"
SECRET_AWAY = "a secret of Sitrep's cannot be read; its log says which"  # noqa: S105 - a sentence
OUR_FAULT = "this is a fault of Sitrep's; its log says more"

log = structlog.get_logger()


class Problem(BaseModel):
    """What went wrong, as RFC 9457 says it."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = Field(None, description="where in the request, if it is one place")


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: str) -> JSONResponse:
    """One problem document; `more` are extension members such as `field`."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these statuses, for OpenAPI."""
    return {status: {"description": HTTPStatus(status).phrase, "model": Problem} for status in statuses}


Page = Callable[[int, str], Response]
Told = tuple[JSONResponse, str]
"""The problem document, and the sentence of it that a person reads."""


def add_problem_handlers(app: FastAPI, page: Page) -> None:
    """Every error leaves as a problem document, and OpenAPI says so; a person with a browser gets a `page`."""
    _document_media_type(app)
    for kind, tell in _TELLERS.items():
        app.add_exception_handler(kind, _handler(tell, page))


def _handler(tell: Callable[[Any], Told], page: Page) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        refused, detail = tell(error)
        if not _is_person(request):
            return refused
        drawn = page(refused.status_code, detail)
        drawn.headers.update({name: refused.headers[name] for name in KEPT_HEADERS if name in refused.headers})
        return drawn

    return handle


def _http(error: HTTPException) -> Told:
    detail = str(error.detail)
    return problem(error.status_code, detail, headers=dict(error.headers or {})), detail


def _validation(error: RequestValidationError) -> Told:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    detail = f"{field}: {first['msg']}"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=field), detail


def _payload(error: InvalidPayloadError) -> Told:
    return problem(HTTPStatus.BAD_REQUEST, str(error), field=error.field), str(error)


def _not_found(error: NotFoundError) -> Told:
    return problem(HTTPStatus.NOT_FOUND, str(error)), str(error)


def _store(error: StoreUnavailableError) -> Told:
    log.warning("the database is away", reason=str(error))
    refused = problem(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_AWAY, headers={"Retry-After": "5"})
    return refused, "The database cannot be reached. Try again in a moment."


def _settings(error: SettingsError) -> Told:
    log.error("a secret cannot be read", reason=str(error))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, SECRET_AWAY), SECRET_AWAY


def _unforeseen(error: Exception) -> Told:
    log.error("a request failed", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT), OUR_FAULT


_TELLERS: dict[type[Exception], Callable[[Any], Told]] = {
    HTTPException: _http,
    RequestValidationError: _validation,
    InvalidPayloadError: _payload,
    NotFoundError: _not_found,
    StoreUnavailableError: _store,
    SettingsError: _settings,
    Exception: _unforeseen,
}


def _is_person(request: Request) -> bool:
    """Whether a browser asks for a page, and not a program for the API."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/api/")


def _document_media_type(app: FastAPI) -> None:
    """A model in `responses` is documented as plain JSON; ours is sent as what it is."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        operations = (operation for path in document["paths"].values() for operation in path.values())
        for answer in (answer for operation in operations for answer in operation["responses"].values()):
            content = answer.get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            if schema.get("$ref") == "#/components/schemas/Problem":
                content[MEDIA_TYPE] = content.pop("application/json")
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI's documentation names
