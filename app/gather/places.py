"""How many questions a source is asked at a time, and whose turn it is: the most urgent first, then who came first."""

import asyncio
from dataclasses import dataclass
from itertools import count


@dataclass(slots=True)
class Turn:
    """One who waits. `urgency` may rise while it waits."""

    urgency: int
    number: int
    granted: asyncio.Future[None]


class Places:
    """A number of places; who has taken one gives it back."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[Turn] = []
        self._numbers = count()

    def turn(self, urgency: int) -> Turn:
        """A turn to wait with."""
        return Turn(urgency, next(self._numbers), asyncio.get_running_loop().create_future())

    async def take(self, turn: Turn) -> None:
        """Wait for a place. Who is cancelled meanwhile holds none."""
        if self._free > 0:
            self._free -= 1
            return
        self._waiting.append(turn)
        try:
            await turn.granted
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.granted.done() and not turn.granted.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """The place goes to the most urgent who waits."""
        # One who was cancelled a moment ago stands here until its task has run.
        waiting = [turn for turn in self._waiting if not turn.granted.done()]
        if not waiting:
            self._free += 1
            return
        first = min(waiting, key=lambda turn: (-turn.urgency, turn.number))
        self._waiting.remove(first)
        first.granted.set_result(None)
