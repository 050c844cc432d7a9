"""A storm: incidents that share a cause, or come all at once, and are told as one."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.alert import AlertStatus, Severity
from app.domain.subject import Subject

QUIET_SECONDS = 120.0
"""How long nothing must have joined a storm before it can be over while some of it still fires."""


@dataclass(frozen=True, slots=True)
class StormMember:
    """An incident that a storm swept in, as far as its parent tells of it; `cause` is empty until it is judged."""

    incident_id: UUID
    subject: Subject
    alertname: str
    severity: Severity
    state: AlertStatus
    cause: str
    is_judged: bool
    started_at: datetime
    received_at: datetime
    resolved_at: datetime | None

    @property
    def fires(self) -> bool:
        """Whether it is not over."""
        return self.state is AlertStatus.FIRING


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm: its key, the parent incident, and its members, the first that came first, as of `at`.

    `newest_at`: when the last came. `more`: how many there are beyond those members, none of them more severe, and
    `more_firing` of them not over. `is_ended`: its parent is resolved.
    Equal if nothing has changed.
    """

    parent_id: UUID
    key: str
    cluster: str
    severity: Severity
    is_ended: bool
    members: tuple[StormMember, ...]
    newest_at: datetime
    at: datetime = field(compare=False)
    more: int = 0
    more_firing: int = 0

    @property
    def size(self) -> int:
        """How many incidents it swept in."""
        return len(self.members) + self.more

    @property
    def left(self) -> int:
        """How many of those are not over."""
        return sum(member.fires for member in self.members) + self.more_firing

    def is_over(self, at_least: int) -> bool:
        """Whether so few are left, and none joined for a while, that each should speak for itself again."""
        if self.left == 0:
            return True
        return self.left < at_least and (self.at - self.newest_at).total_seconds() > QUIET_SECONDS
