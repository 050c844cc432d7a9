"""What every source offers: an answer to a query as evidence, and a word on its own health."""

from typing import Protocol

from app.domain.diagnosis import Diagnosis
from app.domain.evidence import Evidence
from app.domain.query import Query


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
