"""Something that someone did."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.domain.subject import Subject


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One field that changed; absent values are None. Secret values never stand here."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A rollout, config, scale, node change or deploy hook, with its readable diff."""

    id: str
    subject: Subject
    at: datetime
    change: str
    summary: str
    diff: tuple[FieldDiff, ...] = ()
    actor: str = ""
    kind: Literal["change"] = "change"
