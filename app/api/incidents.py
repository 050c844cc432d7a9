"""Looking incidents up, and recording what a person found."""

import asyncio
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from app.api.auth import SCHEMES, may_read, named
from app.api.context import Context
from app.api.incident_view import IncidentView
from app.api.problems import documented
from app.api.views import IncidentLink, IncidentPage, Resolution, SimilarView, Timeline, TimelineLine
from app.domain.alert import AlertStatus, Severity
from app.domain.evidence import Evidence
from app.domain.narrowing import evidence_within, within
from app.domain.scope import Scope
from app.redact import redact
from app.store.codec import evidence_to_json
from app.store.search import MAX_LIMIT, Filter

router = APIRouter(
    prefix="/api/v1/incidents",
    tags=["incidents"],
    dependencies=[Depends(may_read), *SCHEMES],
    responses=documented(401, 403, 422, 503),
    generate_unique_id_function=lambda route: route.name,
)
NOT_FOUND = documented(404)
BAD_REQUEST = documented(400)

WRITTEN_CHARACTERS = 4_000
# PostgreSQL's text takes no U+0000, and no name that we store is longer than this.
Word = Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")]


def _rfc3339(text: object) -> object:
    """The text if it looks like a time with its zone; a bare number could be seconds or milliseconds."""
    if isinstance(text, str) and not re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("is not an RFC 3339 time such as 2026-10-19T02:04:00Z")
    return text


Instant = Annotated[AwareDatetime | None, BeforeValidator(_rfc3339)]


class IncidentQuery(BaseModel):
    """The filters of a list."""

    state: Literal["firing", "resolved"] | None = None
    severity: Literal["none", "info", "warning", "critical"] | None = None
    alertname: Word = None
    cluster: Word = None
    namespace: Word = None
    workload: Word = None
    cause: Word = None
    since: Instant = None
    until: Instant = None
    q: Annotated[str | None, Field(max_length=500, pattern=r"^[^\x00]*$")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50
    cursor: Annotated[str | None, Field(max_length=300)] = None


Sight = Annotated[Scope, Depends(may_read)]


async def seen(context: Context, incident_id: UUID, sight: Sight) -> UUID:
    """The id of an incident that the token may see. Raises `NotFoundError`, also where there is one elsewhere."""
    await context.search.require(incident_id, sight)
    return incident_id


IncidentId = Annotated[UUID, Depends(seen)]


@router.get("", responses=BAD_REQUEST)
async def list_incidents(context: Context, query: Annotated[IncidentQuery, Query()], sight: Sight) -> IncidentPage:
    """List incidents, newest first."""
    page = await context.search.page(
        Filter(
            state=AlertStatus(query.state) if query.state else None,
            severity=Severity.parse(query.severity) if query.severity else None,
            alertname=query.alertname,
            cluster=query.cluster,
            namespace=query.namespace,
            workload=query.workload,
            cause=query.cause,
            since=_storable(query.since),
            until=_storable(query.until),
            text=query.q,
            limit=query.limit,
            cursor=query.cursor,
            scope=sight,
        )
    )
    return IncidentPage.of(page, context.settings.public_url)


@router.get("/{incident_id}", responses=NOT_FOUND)
async def get_incident(context: Context, incident_id: IncidentId, sight: Sight) -> IncidentView:
    """Show the whole record."""
    incident = within(await context.incidents.get(incident_id), sight)
    return IncidentView.of(incident, context.settings.public_url)


@router.get("/{incident_id}/evidence", responses=NOT_FOUND, response_model=Evidence)
async def get_evidence(context: Context, incident_id: IncidentId, sight: Sight) -> JSONResponse:
    """Show all that was seen: items with the ids that findings cite, and gaps."""
    evidence = evidence_within(await context.incidents.evidence(incident_id), sight)
    # It may be tens of megabytes of text: not on the event loop.
    return await asyncio.to_thread(lambda: JSONResponse(evidence_to_json(evidence)))


@router.get("/{incident_id}/timeline", responses=NOT_FOUND)
async def get_timeline(context: Context, incident_id: IncidentId, sight: Sight) -> Timeline:
    """Show the story so far, oldest first."""
    incident = within(await context.incidents.get(incident_id), sight)
    return Timeline(items=[TimelineLine(at=e.at, kind=e.kind, text=e.text, source=e.source) for e in incident.timeline])


class SimilarList(BaseModel):
    """Past incidents that this one resembles, the most similar first."""

    items: list[SimilarView]


@router.get("/{incident_id}/similar", responses=NOT_FOUND)
async def get_similar(context: Context, incident_id: IncidentId, sight: Sight) -> SimilarList:
    """Show past incidents that this one resembles."""
    incident = within(await context.incidents.get(incident_id), sight)
    return SimilarList(items=IncidentView.of(incident, context.settings.public_url).similar)


@router.put("/{incident_id}/resolution", responses={**BAD_REQUEST, **documented(404, 413)})
async def put_resolution(context: Context, incident_id: IncidentId, resolution: Resolution) -> Resolution:
    """Record what a person found; it replaces what was recorded before."""
    kept = Resolution(**{name: _written(text) for name, text in resolution.model_dump().items()})
    await context.incidents.resolve(incident_id, kept.model_dump())
    return kept


@router.post(
    "/{incident_id}/ask-again",
    status_code=HTTPStatus.ACCEPTED,
    responses={**BAD_REQUEST, **documented(404)},
    operation_id="post_ask_again",
)
async def ask_again(request: Request, context: Context, incident_id: IncidentId) -> IncidentLink:
    """Look into it anew, also if it was given up; the answer comes before the look."""
    await context.asking.again(incident_id, redact(named(request)))
    return IncidentLink(id=str(incident_id), url=f"{context.settings.public_url}/incidents/{incident_id}")


def _written(text: str) -> str:
    """What a person wrote, as it may be stored: no secrets, and no U+0000 or half characters."""
    whole = text.encode(errors="replace").decode()
    return redact(whole).replace("\x00", "\ufffd")[:WRITTEN_CHARACTERS]


def _storable(at: datetime | None) -> datetime | None:
    """The time in UTC; what no calendar of PostgreSQL's or ours holds is the caller's mistake."""
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "a time is out of range") from error
