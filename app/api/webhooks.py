"""Where senders post: a body is read, kept in one transaction, and only then answered with 202."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app import telemetry
from app.api.auth import SCHEMES, may_post
from app.api.context import ApiContext, Context
from app.api.problems import documented
from app.api.reading import Body, Reading, beside, read, refusal
from app.api.views import IncidentLink
from app.api.webhook_body import WEBHOOK_BODY
from app.domain.errors import InvalidPayloadError
from app.store.heartbeats import WATCHDOG
from app.store.rejections import Refusal

REFUSALS_SHOWN = 20
REFUSALS_LOGGED = 3

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], dependencies=[Depends(may_post), *SCHEMES])
log = structlog.get_logger()


class Accepted(BaseModel):
    """What became of the body: committed, all of it but what is listed as rejected."""

    incidents: list[IncidentLink]
    alerts: int
    rejected: list[str] = []


DOCUMENTED: dict[str, Any] = {
    "status_code": HTTPStatus.ACCEPTED,
    "response_model": Accepted,
    "responses": documented(400, 401, 403, 408, 413, 422, 503),
    "openapi_extra": WEBHOOK_BODY,
}
# U+0000 cannot be stored.
ClusterName = Annotated[
    str | None,
    Query(max_length=200, pattern=r"^[^\x00]*$", description="cluster, where alerts carry no such label"),
]


@router.post("/alertmanager", operation_id="post_alertmanager", **DOCUMENTED)
async def alertmanager(request: Request, context: Context, cluster: ClusterName = None) -> JSONResponse:
    """Take an Alertmanager webhook, payload version 4."""
    return await _receive(request, context, "alertmanager", cluster)


@router.post("/grafana", operation_id="post_grafana", **DOCUMENTED)
@router.put("/grafana", operation_id="put_grafana", **DOCUMENTED)
async def grafana(request: Request, context: Context, cluster: ClusterName = None) -> JSONResponse:
    """Take a webhook of Grafana-managed alerting."""
    return await _receive(request, context, "grafana", cluster)


@router.api_route("/grafana", methods=["GET", "HEAD", "OPTIONS", "PATCH", "DELETE", "TRACE"], include_in_schema=False)
async def grafana_takes_post_and_put() -> None:
    """Name both methods: the framework would name one, as they are two routes."""
    raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, "post or put an alert", headers={"Allow": "POST, PUT"})


async def _receive(request: Request, context: ApiContext, sender: str, cluster: str | None) -> JSONResponse:
    began = perf_counter()
    body = Body(
        context.senders[sender], await _content(request, context.body_deadline_seconds), cluster, datetime.now(UTC)
    )
    try:
        reading = await beside(body, partial(read, body, context.settings))
    except InvalidPayloadError as error:
        await _keep(context, sender, [await beside(body, partial(refusal, body, str(error)))])
        telemetry.POSTS.labels(sender, "refused").inc()
        raise
    if reading.refused:
        await _keep(context, sender, reading.refused)
    accepted = await _accept(context, reading)
    telemetry.POSTS.labels(sender, "accepted").inc()
    telemetry.WEBHOOK_LAST_SEEN.set_to_current_time()
    telemetry.ALERTS_ACCEPTED.labels(sender).inc(accepted.alerts)
    telemetry.ACCEPT_SECONDS.observe(perf_counter() - began)
    return JSONResponse(accepted.model_dump(), status_code=HTTPStatus.ACCEPTED)


async def _accept(context: ApiContext, reading: Reading) -> Accepted:
    """Commit what opens or changes an incident; the heartbeat and other ignored alerts open nothing."""
    if reading.heartbeat:
        await context.heartbeats.beat(WATCHDOG)
        telemetry.WATCHDOG_LAST_SEEN.set_to_current_time()
    incidents = []
    for post in reading.posts:
        for incident_id in await context.acceptance.accept(post):
            url = f"{context.settings.public_url}/incidents/{incident_id}"
            incidents.append(IncidentLink(id=str(incident_id), url=url))
    rejected = [refused.reason for refused in reading.refused[:REFUSALS_SHOWN]]
    return Accepted(incidents=incidents, alerts=reading.alerts, rejected=rejected)


async def _content(request: Request, deadline_seconds: float) -> bytes:
    """The body, complete and in time. A sender that trickles its bytes is not waited for."""
    try:
        async with asyncio.timeout(deadline_seconds):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from error


async def _keep(context: ApiContext, sender: str, refusals: Sequence[Refusal]) -> None:
    """Keep what was refused, and say so; all of it in one transaction, and in a few lines of the log."""
    await context.rejections.keep(sender, refusals)
    telemetry.REJECTED.labels(sender).inc(len(refusals))
    for refused in refusals[:REFUSALS_LOGGED]:
        log.warning("refused", sender=sender, reason=refused.reason, of=len(refusals))
