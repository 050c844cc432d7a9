"""Alive, ready, and numbers."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app import telemetry
from app.api.context import Context
from app.api.problems import documented, problem

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A word on how it is."""

    status: str


@router.get("/healthz", operation_id="get_health")
async def healthz() -> Health:
    """Say that the process is alive."""
    return Health(status="alive")


@router.get("/readyz", operation_id="get_readiness", response_model=Health, responses=documented(503))
async def readyz(context: Context) -> Response:
    """Say whether alerts can be accepted: whether the database answers."""
    if await context.store.reachable():
        return Response(Health(status="ready").model_dump_json(), media_type="application/json")
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database cannot be reached")


@router.get("/metrics", response_class=Response, include_in_schema=False)
async def metrics() -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)
