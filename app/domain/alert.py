"""Alerts as a sender grouped them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Severity(IntEnum):
    """Ordered, so that `max` finds the worst; the numbers are stored."""

    NONE = 0
    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @classmethod
    def parse(cls, text: str | None) -> "Severity":
        """The level a label names; an unknown or absent one counts as warning."""
        return _BY_WORD.get(text or "") or cls.__members__.get((text or "").strip().upper(), cls.WARNING)

    @property
    def word(self) -> str:
        """The level in lower case, as labels and JSON spell it."""
        return self.name.lower()


# As nearly every label spells it; read for every alert several times.
_BY_WORD = {severity.word: severity for severity in Severity if severity}


class AlertStatus(StrEnum):
    """Whether an alert, a group or an incident still fires."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a group, redacted. An episode of it is (fingerprint, starts_at)."""

    fingerprint: str
    status: AlertStatus
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ended_at: datetime | None
    generator_url: str = ""

    @property
    def name(self) -> str:
        """The `alertname` label, or `alert` where a sender left it out."""
        return self.labels.get("alertname", "alert")

    @property
    def severity(self) -> Severity:
        """What the `severity` label says."""
        return Severity.parse(self.labels.get("severity"))


@dataclass(frozen=True, slots=True)
class RejectedAlert:
    """An alert that could not be read in a body that otherwise could: kept, counted, shown."""

    field: str
    reason: str
    body: bytes


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """One webhook body, understood. (cluster, receiver, group_sha) is the group's identity.

    `group_sha` is the SHA-256 of the group key as it came: PagerDuty's dedup key. `group_key` is redacted.
    """

    sender: str
    cluster: str
    receiver: str
    group_key: str
    group_sha: bytes
    status: AlertStatus
    truncated_alerts: int
    group_labels: Mapping[str, str]
    external_url: str
    alerts: tuple[Alert, ...]
    rejected: tuple[RejectedAlert, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst of its firing alerts, or of all where none fires."""
        firing = [a.severity for a in self.alerts if a.status is AlertStatus.FIRING]
        return max(firing or [a.severity for a in self.alerts], default=Severity.WARNING)

    @property
    def content_hash(self) -> bytes:
        """Equal for two bodies that tell the same: which alerts, their status, since when.

        Annotations stay out, their values change each time; severity is a label, so the fingerprint has it.
        """
        lines = sorted(f"{a.fingerprint} {a.status} {a.starts_at.isoformat()}" for a in self.alerts)
        return hashlib.sha256("\n".join(lines).encode()).digest()
