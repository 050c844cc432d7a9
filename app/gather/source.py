"""What every source offers: an answer to a query as evidence, and a word on its own health."""

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence
from app.domain.query import Query
from app.domain.watched import Sight
from app.settings import Settings


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


class Watch(Protocol):
    """All objects of one kind, in one namespace or (empty) everywhere, followed as they change."""

    kind: str
    namespace: str

    def follow(self) -> AsyncGenerator[Sight]:
        """All that there is, then whatever changes, for ever; again from where it was. Raises `SourceError`."""
        ...

    def begin_anew(self) -> None:
        """Let what is followed next begin with all that there is."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """A source that can be watched."""

    def watches(self, key: bytes, settings: Settings) -> tuple[Watch, ...]:
        """One for each kind whose changes somebody makes; `key` marks values that must not be kept."""
        ...


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
