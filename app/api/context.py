"""What the handlers work with; bootstrap puts it together once."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from app.gather.access import Access
from app.ingest.sender import Sender
from app.playbooks.library import Library
from app.settings import Settings
from app.store.acceptance import Acceptance
from app.store.asking import Asking
from app.store.changes import Changes
from app.store.engine import Store
from app.store.heartbeats import Heartbeats
from app.store.incidents import Incidents
from app.store.rejections import Rejections
from app.store.search import Search


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The connected parts that answer requests; `ways` lead to the sources that this process asks.

    `books` are its playbooks, where it looks into incidents.
    """

    settings: Settings
    store: Store
    senders: dict[str, Sender]
    acceptance: Acceptance
    rejections: Rejections
    heartbeats: Heartbeats
    incidents: Incidents
    asking: Asking
    search: Search
    changes: Changes
    ways: tuple[Access, ...] = ()
    books: Library | None = None
    body_deadline_seconds: float = 20.0


def context(request: Request) -> ApiContext:
    """The application's context."""
    return cast("ApiContext", request.app.state.context)


Context = Annotated[ApiContext, Depends(context)]
