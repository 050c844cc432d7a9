"""Two pages: one incident with everything, and the list."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import BaseModel, Field

from app.charts import line_chart
from app.domain.evidence import ClusterEvent, Evidence, LogPattern, Probe, Series
from app.domain.incident import Incident
from app.store.incidents import Incidents
from app.store.rejections import Rejections
from app.store.search import Filter, Page, Search
from app.web.links import Links

PAGE_SIZE = 50
SHOWN_SERIES = 12
SHOWN_LINES = 30
HEADERS = {
    # Everything that a page shows may have been written by an attacker; nothing of it may run or be fetched.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class WebContext:
    """What the pages are drawn from. `signed_in` says whether this request may see everything."""

    incidents: Incidents
    search: Search
    rejections: Rejections
    links: Links
    signed_in: Callable[[Request], bool]


def _context(request: Request) -> WebContext:
    web: WebContext = request.app.state.web
    return web


Web = Annotated[WebContext, Depends(_context)]
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
async def incidents_page(
    request: Request,
    web: Web,
    q: Annotated[str, Query(max_length=500)] = "",
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> HTMLResponse:
    """Draw the list, newest first."""
    _require(web.signed_in(request))
    page = await web.search.page(Filter(text=_plain(q) or None, limit=PAGE_SIZE, cursor=cursor))
    refused = await web.rejections.newest(5) if not q and not cursor else []
    return _draw("incidents.html", page=page, query=q, refused=refused, lines=_lines(page))


class LinkSignature(BaseModel):
    """What a signed link carries: when it expires, and the proof that it is ours."""

    e: str = Field("", max_length=20)
    s: str = Field("", max_length=100)


@router.get("/incidents/{incident_id}")
async def incident_page(
    request: Request, web: Web, incident_id: UUID, link: Annotated[LinkSignature, Query()]
) -> HTMLResponse:
    """Draw one incident with everything that is known of it."""
    _require(web.links.allows(incident_id, link.e, link.s) or web.signed_in(request))
    incident = await web.incidents.get(incident_id)
    evidence = await web.incidents.evidence(incident_id)
    return _draw("incident.html", incident=incident, **_evidence(incident, evidence))


@router.get("/style.css")
async def style() -> HTMLResponse:
    """Give the style sheet of both pages."""
    return HTMLResponse(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=300"})


def _require(allowed: bool) -> None:  # noqa: FBT001 - the question that was just answered
    if not allowed:
        raise HTTPException(
            403, "open this page by the link in the message, through your sign-in proxy, or with a token"
        )


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()


def _evidence(incident: Incident, evidence: Evidence) -> dict[str, Any]:
    """The evidence that a page shows: charts first, then lines, newest last."""
    onset = incident.onset_at.timestamp() if incident.onset_at else None
    series = [s for s in evidence.of(Series) if not s.name.endswith("_usual")][:SHOWN_SERIES]
    charts = [(s, Markup(line_chart(s.points, f"{s.name} in {s.unit}", onset))) for s in series]  # noqa: S704 - escaped there
    return {
        "charts": [(s, chart) for s, chart in charts if chart],
        "events": sorted(evidence.of(ClusterEvent), key=lambda event: event.at)[-SHOWN_LINES:],
        "patterns": sorted(evidence.of(LogPattern), key=lambda pattern: -pattern.count)[:SHOWN_LINES],
        "probes": evidence.of(Probe),
        "seen": len(evidence.items),
    }


def _lines(page: Page) -> list[dict[str, Any]]:
    return [{"hit": hit, "href": f"/incidents/{hit.id}"} for hit in page.hits]


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "not known"


def _web_link(url: str) -> str:
    """The address if a browser may safely follow it; empty for anything else."""
    return url if url.startswith(("https://", "http://")) else ""


def _duration(seconds: float) -> str:
    minutes = round(abs(seconds) / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - two hours


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["instant"] = _instant
    environment.filters["web_link"] = _web_link
    environment.filters["duration"] = _duration
    return environment


_templates = _environment()


def _draw(template: str, **values: Any) -> HTMLResponse:  # noqa: ANN401 - template variables
    return HTMLResponse(_templates.get_template(template).render(**values), headers=HEADERS)
