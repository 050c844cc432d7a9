"""Alive, ready, and numbers."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app import telemetry
from app.api.context import ApiContext, Context
from app.api.problems import documented, problem
from app.gather.access import Access
from app.redact import redact
from app.store.backlog import read_backlog
from app.store.engine import StoreUnavailableError
from app.store.parked import ParkedDeliveries, ParkedIncidents

MOST_PROBLEMS = 20

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A word on how it is."""

    status: str


@router.get("/healthz", operation_id="get_health")
async def healthz() -> Health:
    """Say that the process is alive."""
    return Health(status="alive")


class SourceHealth(BaseModel):
    """How a source fares in this process; `reason` says why it is left alone, `cluster` whose it is."""

    name: str
    cluster: str | None = None
    state: Literal["asked", "left alone"]
    reason: str


class Waiting(BaseModel):
    """What waits, each counted up to 1,000; `oldest_due_seconds` is of the message that has been due for longest."""

    incidents_behind: int
    incidents_parked: int
    deliveries_due: int
    deliveries_parked: dict[str, int]
    oldest_due_seconds: float


class Readiness(BaseModel):
    """Whether alerts can be accepted, and with `verbose` how the rest fares.

    `sources` is empty in the role `api`, which asks none. `playbooks` has `file:line: reason` for each that is
    refused, while its last good version is used.
    """

    status: str
    version: str | None = None
    sources: list[SourceHealth] | None = None
    waiting: Waiting | None = None
    playbooks: list[str] | None = None


@router.get(
    "/readyz",
    operation_id="get_readiness",
    response_model=Readiness,
    response_model_exclude_none=True,
    responses=documented(422, 503),
)
async def readyz(
    context: Context, verbose: Annotated[str | None, Query(description="also tell how the rest fares")] = None
) -> Response:
    """Say whether alerts can be accepted: whether the database answers."""
    try:
        if verbose is None:
            readiness = Readiness(status="ready") if await context.store.reachable() else None
        else:
            readiness = await _in_detail(context)
    except StoreUnavailableError:
        readiness = None
    if readiness is None:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database cannot be reached")
    return Response(readiness.model_dump_json(exclude_none=True), media_type="application/json")


async def _in_detail(context: ApiContext) -> Readiness:
    """Everything that this process and the database know. Raises `StoreUnavailableError`."""
    backlog = await read_backlog(context.store)
    return Readiness(
        status="ready",
        version=telemetry.version(),
        sources=[_source(way) for way in context.ways],
        waiting=Waiting(
            incidents_behind=backlog.incidents_behind,
            incidents_parked=await ParkedIncidents(context.store).count(),
            deliveries_due=backlog.deliveries_due,
            deliveries_parked=await ParkedDeliveries(context.store).counts(),
            oldest_due_seconds=backlog.oldest_due_seconds,
        ),
        playbooks=[redact(problem) for problem in context.books.problems[:MOST_PROBLEMS]] if context.books else [],
    )


def _source(way: Access) -> SourceHealth:
    state: Literal["asked", "left alone"] = "left alone" if way.breaker.is_open else "asked"
    return SourceHealth(name=way.source.name, cluster=way.cluster or None, state=state, reason=way.breaker.reason)


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics() -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)
