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
        self._places = places
        self._taken = 0
        self._waiting: list[Turn] = []
        self._numbers = count()

    def turn(self, urgency: int) -> Turn:
        """A turn to wait with."""
        return Turn(urgency, next(self._numbers), asyncio.get_running_loop().create_future())

    async def take(self, turn: Turn) -> None:
        """Wait for a place. Who is cancelled meanwhile holds none."""
        if self._taken < self._places:
            self._taken += 1
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
        self._taken -= 1
        self._grant()

    def resize(self, places: int) -> None:
        """There are so many from now on; who has one that is too many keeps it until it is given back."""
        self._places = places
        self._grant()

    def _grant(self) -> None:
        # One who was cancelled a moment ago stands here until its task has run.
        waiting = [turn for turn in self._waiting if not turn.granted.done()]
        for turn in sorted(waiting, key=lambda turn: (-turn.urgency, turn.number)):
            if self._taken >= self._places:
                return
            self._taken += 1
            self._waiting.remove(turn)
            turn.granted.set_result(None)
