"""The yardstick: the least that a handler must do. Ten alerts checked, ten rows committed, nothing else."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import AwareDatetime, BaseModel, Field

TABLE = (
    "create table if not exists bare (id bigint generated always as identity primary key, at timestamptz, body jsonb)"
)


class Alert(BaseModel):
    """One alert of a body."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: AwareDatetime = Field(alias="startsAt")


class Body(BaseModel):
    """A body of Alertmanager's."""

    alerts: list[Alert]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(os.environ["BARE_DATABASE"], min_size=20, max_size=20) as pool:
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


@app.get("/readyz")
async def readyz() -> str:
    """Up."""
    return "ok"


@app.post("/")
async def take(request: Request) -> JSONResponse:
    """Check the alerts and commit a row for each."""
    body = Body.model_validate_json(await request.body())
    async with request.app.state.pool.connection() as connection:
        await connection.execute(
            "insert into bare (at, body) select * from unnest(%s::timestamptz[], %s::jsonb[])",
            ([alert.starts_at for alert in body.alerts], [Jsonb(alert.labels) for alert in body.alerts]),
        )
    return JSONResponse({"alerts": len(body.alerts)}, status_code=202)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["BARE_PORT"]), access_log=False, log_level="warning")
