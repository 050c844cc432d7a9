"""A stand-in PagerDuty: incidents by key, and notes, with the headers and errors that the REST API insists on."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer

ACCEPT = "application/vnd.pagerduty+json;version=2"
MOST_NOTES = 2_000


@dataclass
class Note:
    """One note as it stands, and what it said before."""

    id: str
    content: str
    history: list[str] = field(default_factory=list)


@dataclass
class PagerDutyIncident:
    """An incident that Alertmanager opened; it is visible from `visible_at` (monotonic seconds) on."""

    id: str
    key: str
    status: str
    created_at: str
    visible_at: float
    notes: list[Note] = field(default_factory=list)


class FakePagerDuty(FakeServer):
    """`open_incident` is what Alertmanager's own call does. `fail_with`: (status, code) for the next calls."""

    def __init__(self, token: str = "u+" + "test", sender: str = "oncall@shop.example") -> None:
        super().__init__()
        self.token = token
        self.sender = sender
        self.incidents: list[PagerDutyIncident] = []
        self.fail_with: list[tuple[int, int]] = []
        self.rate_limit_headers = {"ratelimit-reset": "11"}
        self.lose_answers = 0
        self.writes: list[tuple[str, str]] = []

    def add_routes(self, router: web.UrlDispatcher) -> None:
        self.app.on_response_prepare.append(_last_answer)
        router.add_get("/incidents", self._list)
        router.add_get("/abilities", self._abilities)
        router.add_get("/incidents/{id}/notes", self._notes)
        router.add_post("/incidents/{id}/notes", self._add)
        router.add_put("/incidents/{id}/notes/{note}", self._edit)

    def open_incident(self, key: str, *, after_seconds: float = 0.0) -> PagerDutyIncident:
        """A triggered incident; it takes a while to be seen."""
        number = len(self.incidents) + 1
        created_at = datetime.now(UTC).isoformat(timespec="microseconds")
        opened = PagerDutyIncident(f"P{number:06d}", key, "triggered", created_at, time.monotonic() + after_seconds)
        self.incidents.append(opened)
        return opened

    @property
    def notes(self) -> list[Note]:
        """All notes of all incidents."""
        return [note for incident in self.incidents for note in incident.notes]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        key, statuses = request.query.get("incident_key"), request.query.getall("statuses[]", [])
        now = time.monotonic()
        found = [i for i in self.incidents if i.key == key and i.status in statuses and i.visible_at <= now]
        found.sort(key=lambda incident: incident.created_at, reverse=request.query.get("sort_by") == "created_at:desc")
        limit = int(request.query.get("limit", 25))
        shown = [
            {"id": i.id, "status": i.status, "created_at": i.created_at, "incident_key": None, "title": "t"}
            for i in found[:limit]
        ]
        return web.json_response({"incidents": shown, "limit": limit, "offset": 0, "more": False, "total": None})

    async def _abilities(self, request: web.Request) -> web.StreamResponse:
        return self._refusal(request) or web.json_response({"abilities": ["teams"]})

    async def _notes(self, request: web.Request) -> web.StreamResponse:
        incident, refusal = self._incident(request)
        if incident is None:
            return refusal
        return web.json_response({"notes": [{"id": note.id, "content": note.content} for note in incident.notes]})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        incident, refusal = self._incident(request)
        if incident is None:
            return refusal
        content = await _content(request)
        if not content or len(incident.notes) >= MOST_NOTES:
            return _refuse(400, 2001, "Invalid Input Provided")
        note = Note(f"N{len(self.notes) + 1:06d}", content)
        incident.notes.append(note)
        return await self._written(request, note)

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        incident, refusal = self._incident(request)
        if incident is None:
            return refusal
        note = next((note for note in incident.notes if note.id == request.match_info["note"]), None)
        if note is None:
            return _refuse(404, 2100, "Not Found")
        content = await _content(request)
        if not content:
            return _refuse(400, 2001, "Invalid Input Provided")
        note.history.append(note.content)
        note.content = content
        return await self._written(request, note)

    async def _written(self, request: web.Request, note: Note) -> web.StreamResponse:
        self.writes.append((request.method, note.id))
        if self.lose_answers > 0:
            self.lose_answers -= 1
            await asyncio.sleep(0)
            if request.transport is not None:
                request.transport.abort()
        return web.json_response({"note": {"id": note.id, "content": note.content}})

    def _incident(self, request: web.Request) -> tuple[PagerDutyIncident | None, web.StreamResponse]:
        refusal = self._refusal(request)
        if refusal is not None:
            return None, refusal
        incident = next((i for i in self.incidents if i.id == request.match_info["id"]), None)
        return incident, _refuse(404, 5001, "Incident Not Found")

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") != f"Token token={self.token}":
            return web.json_response({"error": {"message": "unauthorised", "code": 2006}}, status=401)
        if request.headers.get("Accept") != ACCEPT:
            return _refuse(400, 2001, "Accept header missing")
        if self.fail_with:
            status, code = self.fail_with.pop(0)
            headers = self.rate_limit_headers if status == 429 else {}
            return _refuse(status, code, "told to fail", headers)
        if request.method != "GET" and request.headers.get("From") != self.sender:
            return _refuse(400, 1008, "Requester User Not Found")
        return None


async def _last_answer(_request: web.Request, response: web.StreamResponse) -> None:
    """One request a connection: the server need not wait for idle ones when it stops."""
    response.headers["Connection"] = "close"
    response.force_close()


async def _content(request: web.Request) -> str:
    try:
        body: Any = json.loads(await request.read())
        return str(body["note"]["content"])
    except (ValueError, KeyError, TypeError):
        return ""


def _refuse(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "code": code, "errors": []}}
    return web.json_response(body, status=status, headers=headers)
