"""How many bytes of logs may be read, and who counts them: log stores cost money."""

from dataclasses import dataclass
from typing import Literal, Protocol

INCIDENT_BYTES = 2_000_000_000
HOUR_BYTES = 50_000_000_000
MOST_BYTES = 10**15
"""What a log store says beyond this is not believed."""


@dataclass(frozen=True, slots=True)
class LogBudget:
    """The most that is read for one incident, and in one hour of the clock for all incidents, in bytes."""

    per_incident: int = INCIDENT_BYTES
    per_hour: int = HOUR_BYTES


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing may be read: what is left of whose budget, in bytes; None where nobody knows it."""

    of: Literal["incident", "hour"]
    left_bytes: int | None


class Meter(Protocol):
    """Counts what is read, for all log stores together. Never raises."""

    async def reserve(self, incident: str, size_bytes: int) -> Refusal | None:
        """Count this before it is read, or refuse and count nothing."""
        ...

    async def correct(self, incident: str, difference_bytes: int) -> None:
        """What was read after all was so much more (or less, where negative) than was counted."""
        ...
