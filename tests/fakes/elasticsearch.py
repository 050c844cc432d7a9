"""A stand-in Elasticsearch: `_search` and `_field_caps` over indices whose templates map names as agents' do."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes.loki_entries import Entry, entries_of
from tests.fakes.query_dsl import QueryError, parse, value_of
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer

MOST_HITS = 10_000
_KNOWN_KEYS = {"size", "timeout", "track_total_hits", "_source", "sort", "query"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BEATS = {
    "@timestamp": "date",
    "message": "match_only_text",
    "log.level": "keyword",
    "kubernetes.namespace": "keyword",
    "kubernetes.pod.name": "keyword",
    "kubernetes.container.name": "keyword",
}
# No template: what comes as text is text, with a keyword beside it.
FLUENT_BIT = {
    "@timestamp": "date",
    "log": "text",
    **{
        f"kubernetes.{name}{beside}": kind
        for name in ("namespace_name", "pod_name", "container_name", "host")
        for beside, kind in (("", "text"), (".keyword", "keyword"))
    },
}
JOURNAL = {
    "@timestamp": "date",
    "message": "text",
    "host.name": "keyword",
    "systemd.unit": "keyword",
    "syslog.identifier": "keyword",
}


@dataclass
class FakeIndex:
    """One index: how its fields are mapped, and its documents."""

    mapped: Mapping[str, str]
    documents: list[dict[str, Any]] = field(default_factory=list)


def beats(entry: Entry) -> dict[str, Any]:
    """A line as Filebeat ships it."""
    labels = entry.labels
    kubernetes = {"namespace": labels["namespace"], "container": {"name": labels["container"]}}
    kubernetes |= {"pod": {"name": labels["pod"]}} if "pod" in labels else {}
    return {"@timestamp": _instant(entry), "message": entry.text, "kubernetes": kubernetes}


def fluent_bit(entry: Entry) -> dict[str, Any]:
    """A line as fluent-bit ships it."""
    names = {f"{name}_name": entry.labels.get(name, "") for name in ("namespace", "pod", "container")}
    return {"@timestamp": _instant(entry), "log": entry.text, "kubernetes": names}


class FakeElasticsearch(FakeServer):
    """Serves a recording's lines as the index `filebeat-8`, or the `indices` that are given."""

    def __init__(
        self, recording: Recording, *, indices: Mapping[str, FakeIndex] | None = None, token: str = ""
    ) -> None:
        self.token = token
        mine = FakeIndex(BEATS, [beats(entry) for entry in entries_of(recording)])
        self.indices = dict(indices) if indices is not None else {"filebeat-8": mine}
        self.searches: list[dict[str, Any]] = []
        self.says: dict[str, Any] = {}
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/{index}/_search", self._guarded(self._search))
        router.add_get("/{index}/_field_caps", self._guarded(self._field_caps), allow_head=False)

    def _guarded(self, handler):  # noqa: ANN001, ANN202 - aiohttp's own handler type
        async def guarded(request: web.Request) -> web.Response:
            if self.token and request.headers.get("Authorization") != f"ApiKey {self.token}":
                return _refused(401, "security_exception", "unable to authenticate with provided credentials")
            try:
                return await handler(request, self._chosen(request.match_info["index"]))
            except QueryError as error:
                return _refused(400, "parsing_exception", str(error))
            except KeyError as error:
                return _refused(404, "index_not_found_exception", f"no such index [{error.args[0]}]")

        return guarded

    def _chosen(self, pattern: str) -> list[FakeIndex]:
        """A wildcard may find nothing; a name that is none is an error."""
        chosen: dict[str, FakeIndex] = {}
        for part in pattern.split(","):
            found = fnmatch.filter(self.indices, part)
            if not found and "*" not in part:
                raise KeyError(part)
            chosen |= {name: self.indices[name] for name in found}
        return list(chosen.values())

    async def _search(self, request: web.Request, chosen: list[FakeIndex]) -> web.Response:
        body = await request.json()
        self.searches.append(body)
        if unknown := set(body) - _KNOWN_KEYS:
            raise QueryError(f"Unknown key for a VALUE in [{unknown.pop()}]")
        size = body.get("size", 10)
        if size > MOST_HITS:
            raise QueryError(f"Result window is too large, from + size must be less than or equal to: [{MOST_HITS}]")
        ((order_by, how),) = body["sort"][0].items() if body.get("sort") else (("_doc", {}),)
        found = [one for index in chosen for one in index.documents if parse(body["query"], index.mapped)(one)]
        if order_by == "@timestamp":
            found.sort(key=_milliseconds, reverse=how.get("order") == "desc")
        hits = [
            {"_index": "i", "_id": str(n), "_source": _shown(one, body.get("_source")), "sort": [_milliseconds(one)]}
            for n, one in enumerate(found[:size])
        ]
        shards = {"total": len(chosen), "successful": len(chosen), "skipped": 0, "failed": 0}
        answer = {"took": 3, "timed_out": False, "_shards": shards, "hits": {"max_score": None, "hits": hits}}
        return web.json_response({**answer, **self.says})

    async def _field_caps(self, request: web.Request, chosen: list[FakeIndex]) -> web.Response:
        if not request.query.get("fields"):
            return _refused(400, "action_request_validation_exception", "no fields specified")
        found: dict[str, dict[str, Any]] = {}
        for pattern in request.query["fields"].split(","):
            for index in chosen:
                for name in fnmatch.filter(index.mapped, pattern):
                    kind = "text" if index.mapped[name] == "match_only_text" else index.mapped[name]
                    found.setdefault(name, {})[kind] = {"type": kind, "searchable": True, "aggregatable": True}
        names = [name for name, index in self.indices.items() if index in chosen]
        return web.json_response({"indices": names, "fields": found})


def _shown(document: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    """The document with these fields alone, nested as they were."""
    out: dict[str, Any] = {}
    for name in names if names is not None else ():
        value = value_of(document, name)
        if value is None:
            continue
        *path, last = name.split(".")
        place = out
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return out if names is not None else document


def _instant(entry: Entry) -> str:
    return (_EPOCH + timedelta(microseconds=entry.nanoseconds // 1000)).isoformat().replace("+00:00", "Z")


def _milliseconds(document: Mapping[str, Any]) -> int:
    return int(datetime.fromisoformat(document["@timestamp"]).timestamp() * 1000)


def _refused(status: int, kind: str, reason: str) -> web.Response:
    error = {"type": kind, "reason": reason, "root_cause": [{"type": kind, "reason": reason}]}
    return web.json_response({"error": error, "status": status}, status=status)
