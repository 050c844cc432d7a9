"""The watch of a stand-in cluster: what happened since a resource version, then what happens next."""

import asyncio
import contextlib
import json
from collections.abc import Callable

from aiohttp import web

from tests.fakes.kubernetes_objects import ObjectStore, Resource
from tests.fakes.recording import Object

_DEFAULT_TIMEOUT_SECONDS = 1800.0


class WatchHub:
    """Changes the store and tells everyone who watches."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.forgotten = 0  # changes up to this resource version are compacted away: older watches get a 410
        self._history: list[tuple[int, str, Object]] = []
        self._changed = asyncio.Event()

    def put(self, item: Object) -> Object:
        known = any(
            other["metadata"]["name"] == item["metadata"]["name"]
            and other["metadata"].get("namespace") == item["metadata"].get("namespace")
            for other in self._like(item)
        )
        stored = self.store.put(item)
        self._tell("MODIFIED" if known else "ADDED", stored)
        return stored

    def drop(self, item: Object) -> None:
        self._tell("DELETED", self.store.drop(item))

    def forget(self) -> None:
        """Compacts the history: a watch from any earlier version is refused with 410 from now on."""
        self.store.version += 1
        self.forgotten = self.store.version
        self._history.clear()

    async def stream(
        self, request: web.Request, resource: Resource, wanted: Callable[[Object], bool]
    ) -> web.StreamResponse:
        """Answers one watch request until its timeout."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        asked = request.query.get("resourceVersion", "")
        seen = int(asked) if asked.isdigit() else 0
        if seen and seen < self.forgotten:
            await _write(response, "ERROR", _expired(seen, self.forgotten))
            return response
        if not seen:
            seen = self.store.version
            for item in self.store.list(resource):
                if wanted(item):
                    await _write(response, "ADDED", item)
        bookmarks = request.query.get("allowWatchBookmarks", "").lower() == "true"
        seconds = float(request.query.get("timeoutSeconds") or _DEFAULT_TIMEOUT_SECONDS)
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                await self._follow(response, resource, wanted, (seen, bookmarks))
        return response

    async def _follow(
        self,
        response: web.StreamResponse,
        resource: Resource,
        wanted: Callable[[Object], bool],
        state: tuple[int, bool],
    ) -> None:
        seen, bookmarks = state
        while True:
            if seen < self.forgotten:
                await _write(response, "ERROR", _expired(seen, self.forgotten))
                return
            for version, event, item in [change for change in self._history if change[0] > seen]:
                seen = version
                if (item["apiVersion"], item["kind"]) == (resource.api_version, resource.kind) and wanted(item):
                    await _write(response, event, item)
            if bookmarks:
                await _write(response, "BOOKMARK", _bookmark(resource, self.store.version))
            changed = self._changed
            await changed.wait()

    def _like(self, item: Object) -> list[Object]:
        resource = self.store.resources.get((item["apiVersion"], item["kind"]))
        return self.store.list(resource) if resource else []

    def _tell(self, event: str, item: Object) -> None:
        self._history.append((int(item["metadata"]["resourceVersion"]), event, item))
        self._changed.set()
        self._changed = asyncio.Event()


async def _write(response: web.StreamResponse, event: str, item: Object) -> None:
    await response.write(json.dumps({"type": event, "object": item}).encode() + b"\n")


def _bookmark(resource: Resource, version: int) -> Object:
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def _expired(asked: int, oldest: int) -> Object:
    message = f"too old resource version: {asked} ({oldest})"
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": message, "reason": "Expired", "code": 410}
