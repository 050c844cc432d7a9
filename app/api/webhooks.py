"""Where senders post: a body is read, kept in one transaction, and only then answered with 202."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app import telemetry
from app.api.auth import may_post
from app.api.context import ApiContext, Context
from app.api.problems import documented
from app.domain.alert import AlertGroup
from app.domain.errors import InvalidPayloadError
from app.ingest.identity import content_hash
from app.ingest.subject import subjects
from app.redact import redact
from app.store.acceptance import Post
from app.store.heartbeats import WATCHDOG

MAX_BODY_BYTES = 8 * 1024 * 1024
BODY_DEADLINE_SECONDS = 20.0
REDACTED_BYTES = 64 * 1024
WATCHDOG_ALERT = "Watchdog"

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], dependencies=[Depends(may_post)])
log = structlog.get_logger()


class IncidentLink(BaseModel):
    """Where to look the incident up."""

    id: str
    url: str


class Accepted(BaseModel):
    """What became of the body: committed, all of it but what is listed as rejected."""

    incidents: list[IncidentLink]
    alerts: int
    rejected: list[str] = []


RESPONSES = documented(400, 401, 403, 413, 503)
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["alerts"],
                    "properties": {
                        "version": {"type": "string"},
                        "groupKey": {"type": "string"},
                        "receiver": {"type": "string"},
                        "status": {"type": "string"},
                        "alerts": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["labels"],
                                "properties": {
                                    "labels": {"type": "object", "additionalProperties": {"type": "string"}}
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}
ClusterName = Annotated[str | None, Query(max_length=200, description="cluster, where alerts carry no such label")]


@router.post("/alertmanager", status_code=202, responses=RESPONSES, openapi_extra=BODY, response_model=Accepted)
async def alertmanager(request: Request, context: Context, cluster: ClusterName = None) -> JSONResponse:
    """Take an Alertmanager webhook, payload version 4."""
    return await _receive(request, context, "alertmanager", cluster)


@router.post("/grafana", status_code=202, responses=RESPONSES, openapi_extra=BODY, response_model=Accepted)
@router.put("/grafana", status_code=202, responses=RESPONSES, openapi_extra=BODY, response_model=Accepted)
async def grafana(request: Request, context: Context, cluster: ClusterName = None) -> JSONResponse:
    """Take a webhook of Grafana-managed alerting."""
    return await _receive(request, context, "grafana", cluster)


async def _receive(request: Request, context: ApiContext, sender: str, cluster: str | None) -> JSONResponse:
    began = perf_counter()
    now = datetime.now(UTC)
    body = await _body(request)
    try:
        group = context.senders[sender].read(body, cluster or context.settings.cluster, now)
    except InvalidPayloadError as error:
        telemetry.POSTS.labels(sender, "refused").inc()
        await _keep(context, sender, str(error), body)
        raise
    for rejected in group.rejected:
        await _keep(context, sender, f"{rejected.field}: {rejected.reason}", rejected.body)
    accepted = await _accept(context, group, now)
    telemetry.POSTS.labels(sender, "accepted").inc()
    telemetry.WEBHOOK_LAST_SEEN.set_to_current_time()
    telemetry.ALERTS_ACCEPTED.labels(sender).inc(accepted.alerts)
    telemetry.ACCEPT_SECONDS.observe(perf_counter() - began)
    return JSONResponse(accepted.model_dump(), status_code=HTTPStatus.ACCEPTED)


async def _accept(context: ApiContext, group: AlertGroup, now: datetime) -> Accepted:
    """Commit what opens or changes an incident; the heartbeat and other ignored alerts open nothing."""
    names = {alert.name for alert in group.alerts}
    if WATCHDOG_ALERT in names:
        telemetry.WATCHDOG_LAST_SEEN.set_to_current_time()
        await context.heartbeats.beat(WATCHDOG)
    kept = tuple(alert for alert in group.alerts if alert.name not in context.settings.ignored_alerts)
    refused = [f"{rejected.field}: {rejected.reason}" for rejected in group.rejected][:20]
    if not kept:
        return Accepted(incidents=[], alerts=len(group.alerts), rejected=refused)
    group = replace(group, alerts=kept)
    incident_id = await context.acceptance.accept(Post(group, subjects(group), content_hash(group), now))
    link = IncidentLink(id=str(incident_id), url=f"{context.settings.public_url}/incidents/{incident_id}")
    return Accepted(incidents=[link], alerts=len(kept), rejected=refused)


async def _body(request: Request) -> bytes:
    """The body, complete and in time. A sender that trickles its bytes is not waited for."""
    try:
        async with asyncio.timeout(BODY_DEADLINE_SECONDS):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from error


async def _keep(context: ApiContext, sender: str, reason: str, body: bytes) -> None:
    telemetry.REJECTED.labels(sender).inc()
    text = redact(body[:REDACTED_BYTES].decode(errors="replace"))
    log.warning("refused", sender=sender, reason=reason)
    await context.rejections.keep(sender, reason, text.encode())
