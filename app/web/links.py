"""Signed links to an incident's page: a phone sends no token, so the link carries its own, for a while."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

from app.domain.scope import EVERYTHING, Scope

VALID_FOR = timedelta(days=7)
SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """What a link carries: when it expires, the proof that it is ours, and the namespaces that it shows if not all."""

    expires: str
    signature: str
    places: str = ""


class Links:
    """Makes and checks links. All replicas share the key."""

    def __init__(self, public_url: str, key: Callable[[], bytes]) -> None:
        self._public_url = public_url
        self._key = key

    def sign(self, incident_id: UUID, now: datetime | None = None, scope: Scope = EVERYTHING) -> str:
        """The page's address with its expiry, the namespaces that it shows if not all, and the signature of these.

        The expiry is rounded up to a day, so that an edit within the day carries the same link.
        """
        expires_at = ((now or datetime.now(UTC)) + VALID_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
        expires = int((expires_at + timedelta(days=1)).timestamp())
        return self._public_url + self._page(incident_id, expires, _named(scope))

    def alongside(self, incident_id: UUID, link: Signed) -> str:
        """Another incident's page, for as long as the link that led here and as much; `link` has been checked."""
        return self._page(incident_id, int(link.expires), link.places)

    def allows(self, incident_id: UUID, link: Signed) -> Scope | None:
        """What the link shows; None unless it was made by us for this incident and has not expired."""
        expires = link.expires
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):  # noqa: PLR2004 - Unix seconds
            return None
        expected = self._signature(incident_id, int(expires), link.places)
        is_ours = hmac.compare_digest(expected.encode(), link.signature.encode(errors="replace"))
        if not is_ours or int(expires) <= datetime.now(UTC).timestamp():
            return None
        return Scope(frozenset(link.places.split(","))) if link.places else EVERYTHING

    def _page(self, incident_id: UUID, expires: int, places: str) -> str:
        shows = f"&n={quote(places, safe='')}" if places else ""
        return f"/incidents/{incident_id}?e={expires}{shows}&s={self._signature(incident_id, expires, places)}"

    def _signature(self, incident_id: UUID, expires: int, places: str) -> str:
        text = f"sitrep incident {incident_id} until {expires}" + (f" of {places}" if places else "")
        digest = hmac.new(self._key(), text.encode(errors="replace"), hashlib.sha256).digest()[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _named(scope: Scope) -> str:
    return ",".join(sorted(scope.places or ()))
