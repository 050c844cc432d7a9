"""Where CI jobs and people report what the cluster cannot see: deploys, Terraform, feature flags, migrations."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app import telemetry
from app.api.auth import SCHEMES, may_tell
from app.api.context import Context
from app.api.problems import documented
from app.ingest.changes import read_change
from app.store.changes import Told

router = APIRouter(prefix="/api/v1/changes", tags=["changes"], dependencies=[*SCHEMES])


class ChangeAccepted(BaseModel):
    """The change is kept. `known`: it had been reported before, and stays as it was."""

    known: bool


_TEXT = {"type": "string"}
_TIME = {"type": "string", "description": "RFC 3339; not given: now"}
_DIFF = {
    "type": "object",
    "required": ["path"],
    "properties": {"path": _TEXT, "old": {"type": ["string", "null"]}, "new": {"type": ["string", "null"]}},
}
_NATIVE = {
    "title": "Change",
    "type": "object",
    "required": ["summary", "kind", "subject"],
    "properties": {
        "summary": _TEXT,
        "kind": {**_TEXT, "description": "deploy, config, flag, migration, terraform, …"},
        "subject": {"type": "object", "properties": dict.fromkeys(("cluster", "namespace", "kind", "name"), _TEXT)},
        "at": _TIME,
        "diff": {"type": "array", "items": _DIFF},
        "id": {**_TEXT, "description": "reported again under the same id it is kept once"},
    },
}
_EVENT = {
    "title": "ChangeEvent",
    "type": "object",
    "required": ["payload"],
    "description": "As PagerDuty takes it; `routing_key` may be a webhook token.",
    "properties": {
        "routing_key": _TEXT,
        "payload": {
            "type": "object",
            "required": ["summary"],
            "properties": {"summary": _TEXT, "source": _TEXT, "timestamp": _TIME, "custom_details": {"type": "object"}},
        },
    },
}
BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [_NATIVE, _EVENT]}}}}
}


@router.post(
    "",
    operation_id="post_change",
    status_code=HTTPStatus.ACCEPTED,
    response_model=ChangeAccepted,
    responses=documented(400, 401, 403, 408, 413, 503),
    openapi_extra=BODY,
)
async def report_change(request: Request, context: Context) -> JSONResponse:
    """Take a change: `summary`, `kind`, `subject`, or a PagerDuty change event with a webhook token as routing key."""
    try:
        async with asyncio.timeout(context.body_deadline_seconds):
            body = await request.body()
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from error
    reported = read_change(body, context.settings.cluster, datetime.now(UTC))
    may_tell(request, reported.key)
    new = await context.changes.tell([Told(reported.change, "reported", reported.dedup_key)])
    telemetry.CHANGES_SEEN.labels("reported").inc(new)
    return JSONResponse({"known": new == 0}, status_code=HTTPStatus.ACCEPTED)
