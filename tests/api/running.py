"""The application in this process, on a real PostgreSQL, spoken to over ASGI as a caller on this machine."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI
from psycopg.rows import dict_row

from app.main import create_app
from app.settings import load_settings
from app.store.engine import libpq_url

LOCAL = "127.0.0.1"
WEBHOOK = "/api/v1/webhooks/alertmanager"
INCIDENTS = "/api/v1/incidents"
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class House:
    """A running application, a client on this machine, and its database."""

    app: FastAPI
    http: httpx.AsyncClient
    database_url: str

    async def post(self, body: object, address: str = WEBHOOK) -> httpx.Response:
        """Post a body: JSON of a value, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(address, content=content, headers={"Content-Type": "application/json"})

    async def opened(self, body: object) -> str:
        """Post a body that opens an incident; its id."""
        answer = await self.post(body)
        assert answer.status_code == 202, answer.text
        identifier: str = answer.json()["incidents"][0]["id"]
        return identifier

    async def record(self, identifier: str) -> dict[str, Any]:
        """The incident as REST shows it."""
        answer = await self.http.get(f"{INCIDENTS}/{identifier}")
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What the database holds."""
        url = libpq_url(self.database_url)
        async with (
            await psycopg.AsyncConnection.connect(url) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(sql.encode())
            return await cursor.fetchall()

    def caller(self, address: str = LOCAL, host: str = LOCAL, **headers: str) -> httpx.AsyncClient:
        """A client that calls from `address` and names `host`."""
        transport = httpx.ASGITransport(self.app, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)


@asynccontextmanager
async def house(
    database_url: str, settings: Mapping[str, str] | None = None, role: str = "api"
) -> AsyncIterator[House]:
    """Start the application with these SITREP_* settings; the role `api` enriches nothing by itself."""
    given = {"SITREP_KUBERNETES": "off", "SITREP_PROBES": "off", **(settings or {})}
    app = create_app(load_settings(given), database_url, role)
    transport = httpx.ASGITransport(app, client=(LOCAL, 1234))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{LOCAL}", timeout=60) as client,
    ):
        yield House(app, client, database_url)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document
