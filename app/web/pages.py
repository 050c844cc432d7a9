"""Two pages: one incident with everything, and the list; and the page that says why there is none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from http import HTTPStatus
from operator import or_
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from app.domain.alert import AlertStatus
from app.domain.errors import NotFoundError
from app.domain.narrowing import evidence_within, within
from app.domain.scope import Scope
from app.store.incidents import Incidents
from app.store.rejections import Rejections
from app.store.search import Filter, Search
from app.web.drawing import draw
from app.web.links import Links, Signed
from app.web.shown import shown

PAGE_SIZE = 50
SEARCH_CHARACTERS = 500
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
REFUSED = "Open this page by the link in the newest message: it is valid for a week. Or sign in."
EXPIRED = "This link has expired, or is not whole. Open the page by the link in the newest message."
NO_SUCH_INCIDENT = "There is no such incident. It may be older than what is kept."
CHALLENGE = {"WWW-Authenticate": 'Basic realm="sitrep: any name, and an API token as password"'}


@dataclass(frozen=True, slots=True)
class WebContext:
    """What the pages are drawn from. `sees` says what this request may see; None for nothing without a link.

    `takes_tokens`: a browser may be asked for a token, since one is set.
    """

    incidents: Incidents
    search: Search
    rejections: Rejections
    links: Links
    sees: Callable[[Request], Scope | None]
    takes_tokens: bool = field(default=False)


def _context(request: Request) -> WebContext:
    web: WebContext = request.app.state.web
    return web


Web = Annotated[WebContext, Depends(_context)]
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


class ListQuery(BaseModel):
    """What the list is asked for; a person's search text is cut, not refused."""

    q: str = ""
    state: Literal["firing", ""] = ""
    cursor: str | None = Field(None, max_length=300)


@router.get("/")
async def incidents_page(request: Request, web: Web, asked: Annotated[ListQuery, Query()]) -> HTMLResponse:
    """Draw the list, newest first."""
    scope = web.sees(request)
    if scope is None:
        raise _refusal(web)
    text = asked.q.encode(errors="replace").decode().replace("\x00", "").strip()[:SEARCH_CHARACTERS]
    state = AlertStatus.FIRING if asked.state else None
    wanted = Filter(text=text or None, state=state, limit=PAGE_SIZE, cursor=asked.cursor, scope=scope)
    page = await web.search.page(wanted)
    refused = await web.rejections.newest(5) if scope.is_all and not text and not asked.cursor else []
    now = datetime.now(UTC)
    return draw("incidents.html", page=page, query=text, state=asked.state, refused=refused, now=now, home=True)


class LinkSignature(BaseModel):
    """What a signed link carries: when it expires, the namespaces that it shows if not all, and the proof."""

    e: str = ""
    n: str = ""
    s: str = ""

    def signed(self) -> Signed:
        """In the words of who checks it."""
        return Signed(self.e, self.s, self.n)


@router.get("/incidents/{identifier}")
async def incident_page(
    request: Request, web: Web, identifier: str, link: Annotated[LinkSignature, Query()]
) -> HTMLResponse:
    """Draw one incident with everything that is known of it."""
    incident_id = _uuid(identifier)
    linked = web.links.allows(incident_id, link.signed()) if incident_id is not None else None
    own = web.sees(request)
    if linked is None and own is None:
        raise _refusal(web, linked=bool(link.s))
    if incident_id is None:
        raise NotFoundError(NO_SUCH_INCIDENT)
    if linked is None and own is not None:
        await web.search.require(incident_id, own)
    scope = reduce(or_, (one for one in (linked, own) if one is not None))
    incident = within(await web.incidents.get(incident_id), scope)
    evidence = evidence_within(await web.incidents.evidence(incident_id), scope)

    def past(other: UUID) -> str:
        """Who came by a link has no other way in: the past opens to them for as long."""
        return f"/incidents/{other}" if own is not None else web.links.alongside(other, link.signed())

    children = await web.search.children(incident.id, scope) if incident.children else ()
    values = {"incident": incident, "children": children, **shown(incident, evidence)}
    return draw("incident.html", past=past, home=own is not None, now=datetime.now(UTC), **values)


@router.get("/style.css")
async def style() -> Response:
    """Give the style sheet of all pages."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=300"})


def error_page(status: int, detail: str) -> HTMLResponse:
    """What a person sees where a program would get a problem document."""
    title = {404: "Nothing here", 401: "Not signed in", 403: "Not open to you", 503: "Not now"}
    return draw("error.html", status, title=title.get(status, HTTPStatus(status).phrase), detail=detail, home=False)


def _refusal(web: WebContext, *, linked: bool = False) -> HTTPException:
    if linked:
        return HTTPException(HTTPStatus.FORBIDDEN, EXPIRED)
    if web.takes_tokens:
        return HTTPException(HTTPStatus.UNAUTHORIZED, REFUSED, headers=CHALLENGE)
    return HTTPException(HTTPStatus.FORBIDDEN, REFUSED)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
