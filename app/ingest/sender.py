"""What every sender offers: its wire format, read."""

from datetime import datetime
from typing import Protocol

from app.domain.alert import AlertGroup


class Sender(Protocol):
    """Someone who posts alerts to us. Stateless and pure: the same body reads the same."""

    name: str

    def read(self, body: bytes, cluster: str | None, now: datetime) -> AlertGroup:
        """The body, understood, redacted and bounded. Raises `InvalidPayloadError`.

        `cluster` is used where the alerts carry no `cluster` label. An alert that cannot be read in a
        body that otherwise can is among `rejected`; the rest is accepted.
        """
        ...
