"""What every source offers: an answer to a query as evidence, and a word on its own health."""

from typing import Protocol

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence
from app.domain.query import Query


class BrokenSource:
    """A source that is configured and could not be opened: every question to it becomes a gap that says why."""

    def __init__(self, name: str, reason: str, queries: tuple[type[Query], ...]) -> None:
        self.name = name
        self._reason = reason
        self._queries = queries

    def accepts(self, query: Query) -> bool:
        """What the real one would take."""
        return isinstance(query, self._queries)

    async def answer(self, query: Query) -> Evidence:
        """Nothing but the reason."""
        del query
        raise SourceError(self._reason)

    async def check(self) -> Diagnosis:
        """The reason."""
        return Diagnosis(self.name, healthy=False, statement=self._reason, fix="correct its settings and start again")

    async def aclose(self) -> None:
        """Nothing was opened."""


class Source(Protocol):
    """A place to look. Stateless between queries but for its connections."""

    name: str

    def accepts(self, query: Query) -> bool:
        """Whether this query is one for this source."""
        ...

    async def answer(self, query: Query) -> Evidence:
        """What was seen, redacted and bounded. Raises `SourceError`; the caller keeps the deadline."""
        ...

    async def check(self) -> Diagnosis:
        """Reachable, authenticated, allowed? Never raises."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...
