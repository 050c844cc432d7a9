"""Follows all objects of one kind: a list, then every change, and the list again when the changes are too old."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.errors import SourceError
from app.domain.subject import Subject
from app.domain.watched import Gone, Sight, Watched, Whole
from app.gather.sources.kubernetes.bodies import subject_of
from app.gather.sources.kubernetes.connection import Ask, Connection, decoded, listing
from app.gather.sources.kubernetes.kinds import KINDS, collection_path
from app.gather.sources.kubernetes.refusals import RefusedError
from app.gather.sources.kubernetes.shapes import Thing
from app.gather.sources.kubernetes.watched import Reader
from app.gather.sources.kubernetes.watched_fields import FIELDS
from app.gather.sources.kubernetes.watched_shapes import Refusal, Versioned, WatchEvent

WATCHED_SECONDS = 300
# The server ends a watch in time; one that does not is dead.
GRACE_SECONDS = 15.0
REST_SECONDS = 0.2
LISTS_AT_ONCE = 2
# Nor may everybody see them, where they are not.
NOT_EVERYWHERE = frozenset({"Application", "HelmRelease", "Kustomization"})
NOT_THERE = frozenset({403, 404})
LOOK_AGAIN_SECONDS = 600.0
TOO_OLD = 410
# ConfigMaps may have 1 MiB each.
PAGE_SIZES = {"ConfigMap": "25"}
PAGE_SIZE = "500"


@dataclass(frozen=True, slots=True)
class Way:
    """What all watches of a cluster share; lists are dear, so few are made at once."""

    connection: Connection
    reader: Reader
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LISTS_AT_ONCE))


class Watch:
    """One kind, in one namespace or (empty) everywhere. After a failure it goes on from where it was."""

    def __init__(self, way: Way, kind: str, namespace: str = "") -> None:
        self.kind = kind
        self.namespace = namespace
        self._turns = way.turns
        self._connection = way.connection
        self._reader = way.reader
        self._version = ""

    def begin_anew(self) -> None:
        """Let what is followed next begin with all that there is."""
        self._version = ""

    async def follow(self) -> AsyncGenerator[Sight]:
        """All that there is, then whatever changes, for ever. Raises `SourceError`."""
        while True:
            if not self._version:
                async with aclosing(self._whole_list()) as sights:
                    async for sight in sights:
                        yield sight
            try:
                async with aclosing(self._changes()) as changes:
                    async for change in changes:
                        yield change
            except RefusedError as error:
                if error.status != TOO_OLD:
                    raise
                self._version = ""
            # A server that ends each watch at once is not asked without a rest.
            await asyncio.sleep(REST_SECONDS)

    async def _whole_list(self) -> AsyncGenerator[Sight]:
        """When it is our turn; what not every cluster has is looked for again after a while."""
        while True:
            try:
                async with self._turns, aclosing(self._all()) as sights:
                    async for sight in sights:
                        yield sight
            except RefusedError as error:
                if self.kind not in NOT_EVERYWHERE or error.status not in NOT_THERE:
                    raise
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            else:
                return

    async def _all(self) -> AsyncGenerator[Sight]:
        ask = listing(self.kind, self.namespace, (("limit", PAGE_SIZES.get(self.kind, PAGE_SIZE)),))
        seen: set[Subject] = set()
        version = ""
        async with aclosing(self._connection.pages(ask, FIELDS[self.kind][0], fresh=True)) as pages:
            async for page in pages:
                # Of the first page: later ones may be newer, and what changed in between is told again.
                version = version or page.version
                items = await asyncio.to_thread(self._read, page.things)
                seen.update(item.subject for item in items)
                yield items
        yield Whole(frozenset(seen), datetime.now(UTC))
        self._version = version

    def _read(self, things: list[Thing]) -> tuple[Watched, ...]:
        now = datetime.now(UTC)
        return tuple(self._reader.watched(thing, self.kind, now) for thing in things)

    async def _changes(self) -> AsyncGenerator[Sight]:
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCHED_SECONDS),
        }
        what = f"watch {KINDS[self.kind].plural}" + (f" in {self.namespace}" if self.namespace else "")
        ask = Ask(collection_path(self.kind, self.namespace), what, tuple(params.items()))
        async with aclosing(self._connection.lines(ask, WATCHED_SECONDS + GRACE_SECONDS)) as lines:
            async for line in lines:
                event = decoded(line, WatchEvent)
                yield self._sight(event)
                self._version = decoded(event.object, Versioned).metadata.resource_version or self._version

    def _sight(self, event: WatchEvent) -> Sight:
        now = datetime.now(UTC)
        match event.type:
            case "ADDED" | "MODIFIED":
                return (self._reader.watched(decoded(event.object, FIELDS[self.kind][0]), self.kind, now),)
            case "DELETED":
                thing = decoded(event.object, Thing)
                return (Gone(subject_of(thing, self.kind, self._reader.cluster), now),)
            case "BOOKMARK":
                return ()
        raise _failure(event)


def _failure(event: WatchEvent) -> SourceError:
    said = decoded(event.object, Refusal) if event.type == "ERROR" else Refusal()
    if said.code == TOO_OLD:
        return RefusedError("the watch is too old (410)", TOO_OLD)
    return SourceError(f"the watch ended with {said.reason or event.type or 'an unknown event'}"[:120])
