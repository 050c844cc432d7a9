"""Errors as RFC 9457 problem documents, for handlers, the framework and what nobody foresaw."""

from collections.abc import Callable
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


def add_problem_handlers(app: FastAPI, page: Page) -> None:
    """Every error leaves as a problem document, and OpenAPI says so; a person with a browser gets a `page`."""
    _document_media_type(app)

    def answer(request: Request, refused: JSONResponse, detail: str) -> Response:
        if not _is_person(request):
            return refused
        drawn = page(refused.status_code, detail)
        drawn.headers.update({name: refused.headers[name] for name in KEPT_HEADERS if name in refused.headers})
        return drawn

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        detail = str(error.detail)
        return answer(request, problem(error.status_code, detail, headers=dict(error.headers or {})), detail)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        detail = f"{field}: {first['msg']}"
        return answer(request, problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=field), detail)

    @app.exception_handler(InvalidPayloadError)
    async def _payload(request: Request, error: InvalidPayloadError) -> Response:
        return answer(request, problem(HTTPStatus.BAD_REQUEST, str(error), field=error.field), str(error))

    @app.exception_handler(NotFoundError)
    async def _not_found(request: Request, error: NotFoundError) -> Response:
        return answer(request, problem(HTTPStatus.NOT_FOUND, str(error)), str(error))

    @app.exception_handler(StoreUnavailableError)
    async def _store(request: Request, error: StoreUnavailableError) -> Response:
        log.warning("the database is away", reason=str(error))
        refused = problem(HTTPStatus.SERVICE_UNAVAILABLE, DATABASE_AWAY, headers={"Retry-After": "5"})
        return answer(request, refused, "The database cannot be reached. Try again in a moment.")

    @app.exception_handler(SettingsError)
    async def _settings(request: Request, error: SettingsError) -> Response:
        log.error("a secret cannot be read", reason=str(error))
        return answer(request, problem(HTTPStatus.SERVICE_UNAVAILABLE, SECRET_AWAY), SECRET_AWAY)

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        log.error("a request failed", exc_info=error)
        return answer(request, problem(HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT), OUR_FAULT)


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
