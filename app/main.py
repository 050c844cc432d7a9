"""The ASGI application and its life: connected at start, worker beside it, taken apart at the end."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from app import telemetry
from app.api import changes, health, incidents, webhooks
from app.api.body_limit import BodyLimit
from app.api.problems import add_problem_handlers
from app.api.request_id import RequestId
from app.bootstrap import Sitrep, connected
from app.jobs.worker import GRACE_SECONDS
from app.settings import Settings
from app.web import pages

log = structlog.get_logger()


def create_app(settings: Settings, database_url: str, role: str = "all") -> FastAPI:
    """The application for this role. Its lifespan connects; a worker role serves health alone."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connected(settings, database_url, role) as sitrep:
            app.state.context = sitrep.api
            app.state.web = sitrep.web
            app.state.sitrep = sitrep
            _give_acceptance_its_turn()
            async with _working(sitrep):
                yield

    app = FastAPI(
        title="Sitrep",
        version=telemetry.version(),
        description="Enriched incidents: what is different from normal, and where to look first.",
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False},
        redoc_url=None,
    )
    app.add_middleware(RequestId)
    add_problem_handlers(app, pages.error_page)
    app.add_middleware(BodyLimit)
    app.include_router(health.router)
    if role != "worker":
        app.include_router(webhooks.router)
        app.include_router(changes.router)
        app.include_router(incidents.router)
        app.include_router(pages.router)
    return app


@asynccontextmanager
async def _working(sitrep: Sitrep) -> AsyncIterator[None]:
    """Run the worker beside the requests, if this role has one; at the end it gets its grace period."""
    if sitrep.worker is None:
        yield
        return
    running = asyncio.create_task(sitrep.worker.run())
    try:
        yield
    finally:
        sitrep.worker.stop()
        _, late = await asyncio.wait({running}, timeout=GRACE_SECONDS + 2)
        for task in late:
            log.warning("the worker did not end in time; its jobs are taken up elsewhere")
            task.cancel()


def _give_acceptance_its_turn() -> None:
    """What start-up made the collector need not look at again; a thread that judges yields after a millisecond."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.001)
