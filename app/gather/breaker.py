"""Whether a source is worth asking: after failures in a row it rests for a while, then one question tries it."""

from collections.abc import Callable
from time import monotonic

FAILURES_IN_A_ROW = 8
REST_SECONDS = 20.0


class Breaker:
    """Counts what a source did. As many failures in a row as it may be asked at once, and it rests.

    One incident asks many questions at once: those that were under way when it broke count no more, and one good
    answer among them ends the row. Time is the process's own, so that a clock that is set wrong changes nothing.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._reason = ""
        self._rests_until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether it is being left alone."""
        return self._failures >= FAILURES_IN_A_ROW

    @property
    def reason(self) -> str:
        """Why, in words for a gap; empty while it is asked."""
        if not self.is_open:
            return ""
        seconds = max(self._rests_until - self._clock(), 0.0)
        when = f"next try in {seconds:.0f} s" if seconds >= 1 else "being tried again"
        return f"not asked: failed {self._failures} times in a row ({self._reason}); {when}"

    def admits(self) -> bool:
        """Whether a question may be asked now; of one that rested enough, a single question at a time."""
        if not self.is_open:
            return True
        if self._trying or self._clock() < self._rests_until:
            return False
        self._trying = True
        return True

    def answered(self) -> None:
        """It answered, if only that it does not have what was asked for."""
        self._failures = 0
        self._trying = False

    def failed(self, reason: str) -> None:
        """The source itself is in trouble."""
        was_open = self.is_open
        if not was_open:
            self._failures += 1
        self._reason = reason
        if self.is_open and (self._trying or not was_open):
            self._rests_until = self._clock() + REST_SECONDS
        self._trying = False

    def gave_up(self) -> None:
        """Nobody waited for the answer any more, or the fault was ours: that says nothing about the source."""
        self._trying = False
