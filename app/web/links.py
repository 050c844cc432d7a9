"""Signed links to an incident's page: a phone sends no token, so the link carries its own, for a while."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

VALID_FOR = timedelta(days=7)
SIGNATURE_BYTES = 16


class Links:
    """Makes and checks links. All replicas share the key."""

    def __init__(self, public_url: str, key: Callable[[], bytes]) -> None:
        self._public_url = public_url
        self._key = key

    def sign(self, incident_id: UUID, now: datetime | None = None) -> str:
        """The page's address with its expiry and signature.

        The expiry is rounded up to a day, so that an edit within the day carries the same link.
        """
        expires_at = ((now or datetime.now(UTC)) + VALID_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
        expires = int((expires_at + timedelta(days=1)).timestamp())
        return f"{self._public_url}/incidents/{incident_id}?e={expires}&s={self._signature(incident_id, expires)}"

    def alongside(self, incident_id: UUID, expires: str) -> str:
        """Another incident's page, for as long as the link that led here; `expires` has been checked."""
        return f"/incidents/{incident_id}?e={int(expires)}&s={self._signature(incident_id, int(expires))}"

    def allows(self, incident_id: UUID, expires: str, signature: str) -> bool:
        """Whether the link was made by us for this incident and has not expired."""
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):  # noqa: PLR2004 - Unix seconds
            return False
        expected = self._signature(incident_id, int(expires))
        is_ours = hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))
        return is_ours and int(expires) > datetime.now(UTC).timestamp()

    def _signature(self, incident_id: UUID, expires: int) -> str:
        text = f"sitrep incident {incident_id} until {expires}".encode()
        digest = hmac.new(self._key(), text, hashlib.sha256).digest()[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
