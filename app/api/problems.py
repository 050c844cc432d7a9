"""Errors as RFC 9457 problem documents, for handlers, the framework and what nobody foresaw."""

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


def add_problem_handlers(app: FastAPI) -> None:
    """Every error of the application leaves as a problem document, and OpenAPI says so."""
    _document_media_type(app)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {first['msg']}", field=field)

    @app.exception_handler(InvalidPayloadError)
    async def _payload(_: Request, error: InvalidPayloadError) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, str(error), field=error.field)

    @app.exception_handler(NotFoundError)
    async def _not_found(_: Request, error: NotFoundError) -> Response:
        return problem(HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(StoreUnavailableError)
    async def _store(_: Request, error: StoreUnavailableError) -> Response:
        log.warning("the database is away", reason=str(error))
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the database cannot be reached; nothing was kept, please send it again",
            headers={"Retry-After": "5"},
        )

    @app.exception_handler(SettingsError)
    async def _settings(_: Request, error: SettingsError) -> Response:
        log.error("a secret cannot be read", reason=str(error))
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "a secret of Sitrep's cannot be read; its log says which")

    @app.exception_handler(Exception)
    async def _unforeseen(_: Request, error: Exception) -> Response:
        log.error("a request failed", exc_info=error)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of Sitrep's; its log says more")


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
