"""One line of `sitrep doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Whether a source or notifier works, what was seen, and the fix where it does not."""

    name: str
    healthy: bool
    statement: str
    fix: str = ""
