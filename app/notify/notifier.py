"""What every way to people offers: whom it tells what, one send, and a look for what it sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from app.domain.diagnosis import Diagnosis
from app.domain.incident import Incident

HEAD = "head"
DETAILS = "details"
NOTE = "note"
NEWS = "news"
LOUD_NEWS = "news:broadcast:"
NEWS_AGAIN = "news:again:"
END = "end"

CANNOT_SEARCH_CODE = "missing_scope"
"""The `DeliveryError.code` by which `find` says that it cannot look at all: post again, marked "may repeat"."""

NOT_THERE_YET_CODE = "no_pagerduty_incident"
"""The `DeliveryError.code` for what a letter belongs to and that is not there: retryable means not yet."""

Links = Callable[[Incident], str]
"""The signed address of an incident's page."""


@dataclass(frozen=True, slots=True)
class Target:
    """One part that one place should show: a channel's head message, its details thread, a PagerDuty note."""

    target: str
    part: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One send. `reference` is set where it edits what stands; `head_reference` where it replies to a head.

    `part` is `head`, `details`, `note`, `end`, `news:broadcast:N` for what people must hear, `news:again:N` for what
    they have heard often today, or `news:reply:N` for what may stay in the thread; `news` holds the texts that a
    news letter tells.
    `nonce` marks the message so that it can be found again; `may_repeat`: say that it may be a repeat.
    `attempts` counts the sends before this one that failed or had to wait.
    """

    incident: Incident
    target: str
    part: str
    nonce: UUID
    reference: str | None = None
    head_reference: str | None = None
    news: tuple[str, ...] = ()
    broadcast: bool = False
    may_repeat: bool = False
    attempts: int = 0


class Notifier(Protocol):
    """A way to people. Its vendor's errors leave it only as `DeliveryError`."""

    name: str

    def tells(self, part: str) -> bool:
        """Whether letters of this part are for it at all; what is not is dropped, and nobody hears it there."""
        ...

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        """What this incident should show where; empty where routes or severity say nothing to nobody."""
        ...

    def digest(self, letter: Letter) -> str:
        """Changes exactly when the reader would see something new; the same digest needs no edit."""
        ...

    async def send(self, letter: Letter) -> str:
        """Post, or edit what `reference` names; the new reference. Raises `DeliveryError`."""
        ...

    async def find(self, letter: Letter) -> str | None:
        """The reference of a message sent earlier with this nonce, None if there is none.

        Raises `DeliveryError`; with the code `CANNOT_SEARCH_CODE` where it can never look.
        """
        ...

    async def withdraw(self, target: str, reference: str) -> None:
        """Delete our own message; another writer recorded first. Raises `DeliveryError`."""
        ...

    async def check(self) -> Diagnosis:
        """Reachable, authenticated, allowed? Never raises."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...
