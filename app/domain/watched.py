"""What the journal knows of an object of the cluster, and what differs between two sights of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.change import FieldDiff
from app.domain.subject import Subject

MAX_DIFFS = 60


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what of it may be shown, and a mark of what it is where that is not the whole truth."""

    shown: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """An object as it was seen at `at`: every field whose change can matter to somebody, by its path.

    `edited_at` and `actor`: the newest edit that the object itself tells of. `unmeant`: paths whose change is nobody's
    deed, a replica count that an autoscaler set. `created_at` is None where the API does not say.
    """

    subject: Subject
    uid: str
    fields: Mapping[str, Field]
    at: datetime
    created_at: datetime | None = None
    edited_at: datetime | None = None
    actor: str = ""
    unmeant: frozenset[str] = field(default_factory=frozenset)


def differences(old: Mapping[str, Field], new: Mapping[str, Field]) -> tuple[FieldDiff, ...]:
    """What changed, field by field, at most 60: what people look for first, then by path."""
    paths = sorted(old.keys() | new.keys(), key=_reading_order)
    changed = [path for path in paths if old.get(path) != new.get(path)]
    return tuple(FieldDiff(path, _shown(old.get(path)), _shown(new.get(path))) for path in changed[:MAX_DIFFS])


def _shown(one: Field | None) -> str | None:
    return None if one is None else one.shown


def _reading_order(path: str) -> tuple[int, str]:
    for rank, word in enumerate((".image", ".resources.", ".env[", "Probe", "volumes[")):
        if word in path:
            return rank, path
    return 9, path


@dataclass(frozen=True, slots=True)
class Gone:
    """An object that is no more, as of `at`."""

    subject: Subject
    at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """All objects that there are: what was known before and is not among them is gone, as of `at`."""

    subjects: frozenset[Subject]
    at: datetime


Sight = tuple[Watched | Gone, ...] | Whole
"""What a watch sees at once: a page of a list, one change, nothing new (an empty tuple), or the end of a list."""
