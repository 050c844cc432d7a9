"""One line of `sitrep doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Whether a source or notifier works, what was seen, and the fix where it does not.

    Healthy with a fix is advice: it works, and would work better. `parts` are lines of their own that follow.
    """

    name: str
    healthy: bool
    statement: str
    fix: str = ""
    parts: tuple["Diagnosis", ...] = ()

    @property
    def mark(self) -> str:
        """Four letters for the beginning of the line."""
        if not self.healthy:
            return "FAIL"
        return "note" if self.fix else "ok  "
