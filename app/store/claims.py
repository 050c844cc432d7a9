"""What a sender holds in its hand: the channel that it may speak in, and the delivery that is its to send."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Where one sender at a time may speak."""

    notifier: str
    target: str

    @property
    def lease_name(self) -> str:
        """The name of the channel's lease row."""
        return f"channel:{self.notifier}:{self.target}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to send until the lease ends.

    `unknown`: an earlier send may have arrived; look for the nonce before posting again. `searches` counts
    the looks so far. `wanted` is what will be shown once this is sent. `digest` is what was shown last.
    """

    incident_id: UUID
    channel: Channel
    part: str
    nonce: UUID
    lease: UUID
    wanted: int
    attempts: int
    searches: int
    unknown: bool
    reference: str | None
    head_reference: str | None
    digest: str | None
    may_repeat: bool
    created_at: datetime
    news: tuple[str, ...] = ()

    @property
    def is_first_word(self) -> bool:
        """Whether a head is to be posted now of which none stands, as far as we know."""
        return self.part == "head" and self.reference is None and not self.unknown
