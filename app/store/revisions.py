"""Where a schema is and where a version of Sitrep needs it: older, newer, or none of ours.

Revisions are numbers written with four digits, so an old version can tell that one it does not know is newer.
"""

from dataclasses import dataclass, replace

FLOOR_KEY = "oldest_revision"
"""In `installation`: the oldest revision whose versions the schema still serves; a contracting migration raises it."""


class SchemaError(Exception):
    """The schema is none that this version can work with."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """Where a schema is, None for nowhere, and where this version of Sitrep needs it.

    `floor`: the oldest revision that it serves; None for a schema that is not ours or not newer.
    """

    found: str | None
    needed: str
    floor: str | None = None

    def serving_from(self, floor: str | None) -> "Revisions":
        """The same, of a schema of ours that says so; one that says nothing serves all."""
        return replace(self, floor=floor or "0")

    @property
    def is_newer(self) -> bool:
        """Whether a newer version has migrated it."""
        return _number(self.found) > _number(self.needed)

    @property
    def match(self) -> bool:
        """Whether this version can use the schema: its own, or a newer one that has not left it behind."""
        serves = self.floor is not None and _number(self.floor) <= _number(self.needed)
        return self.found == self.needed or (self.is_newer and serves)

    @property
    def problem(self) -> str:
        """Why not, in words; empty if they match."""
        if self.match:
            return ""
        if self.found is None:
            return "the schema is not there"
        if self.is_newer and self.floor:
            return f"the schema serves versions from revision {self.floor} on, and this one is of {self.needed}"
        return f"the schema is at revision {self.found}, and this version needs {self.needed}"


def _number(revision: str | None) -> int:
    """Below all of ours for none, and for what is no number."""
    return int(revision) if revision and revision.isascii() and revision.isdigit() else -1
