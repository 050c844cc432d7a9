"""A stand-in Loki that serves a recording's logs and keeps Loki's traps: times, text errors, limits."""

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator

from aiohttp import web

from tests.fakes.logql import Count, LogqlError, LogSelection, parse
from tests.fakes.loki_entries import NANOSECONDS, Entry, entries_of, nanoseconds, parse_time
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer

Key = tuple[tuple[str, str], ...]

MAX_LINES = 5000
MAX_POINTS = 11_000
_TOO_FINE = (
    "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
)


class FakeLoki(FakeServer):
    """Serves one recording. `tenant_required` and `token` make it refuse; `patterns` answers 404, as by default."""

    def __init__(self, recording: Recording, *, tenant_required: bool = False, token: str = "") -> None:
        self.recording = recording
        self.tenant_required = tenant_required
        self.token = token
        self.queries: list[str] = []
        self.entries = sorted(entries_of(recording), key=lambda entry: entry.nanoseconds)
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/ready", _ready)
        api = "/loki/api/v1"
        router.add_get(f"{api}/status/buildinfo", _buildinfo)
        for path, handler in (
            ("query_range", self._query_range),
            ("query", self._query),
            ("series", self._series),
            ("index/stats", self._stats),
        ):
            router.add_get(f"{api}/{path}", self._guarded(handler), allow_head=False)
            router.add_post(f"{api}/{path}", self._guarded(handler))
        router.add_get(f"{api}/labels", self._guarded(self._labels))
        router.add_get(api + "/label/{name}/values", self._guarded(self._values))
        router.add_get(f"{api}/patterns", self._guarded(_not_found))

    def _guarded(self, handler):  # noqa: ANN001, ANN202 - aiohttp's own handler type
        async def guarded(request: web.Request) -> web.Response:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return _refused(401, "unauthorized")
            if self.tenant_required and not request.headers.get("X-Scope-OrgID"):
                return _refused(401, "no org id")
            form = await request.post() if request.method == "POST" else {}
            parameters: dict[str, str] = {**request.query, **{name: str(value) for name, value in form.items()}}
            self.queries += [parameters["query"]] if "query" in parameters else []
            try:
                return await handler(request, parameters)
            except (LogqlError, ValueError) as error:
                return _refused(400, str(error))

        return guarded

    async def _query_range(self, request: web.Request, parameters: dict[str, str]) -> web.Response:
        start, end = self._window(parameters, hours=1)
        if end < start:
            raise LogqlError("end timestamp must not be before or equal to start time")
        question = parse(parameters.get("query", ""))
        if isinstance(question, Count):
            step = _step(parameters.get("step", ""), start, end)
            if (end - start) / step > MAX_POINTS:
                raise LogqlError(_TOO_FINE)
            count = self._counter(question)
            series: dict[Key, list[list[object]]] = defaultdict(list)
            for moment in range(start, end + 1, step):
                for labels, value in count(moment):
                    series[labels].append([moment / NANOSECONDS, _number(value)])
            result = [{"metric": dict(labels), "values": points} for labels, points in series.items()]
            return _success({"resultType": "matrix", "result": result, "stats": {}})
        return self._streams(request, parameters, question)

    async def _query(self, _: web.Request, parameters: dict[str, str]) -> web.Response:
        question = parse(parameters.get("query", ""))
        if not isinstance(question, Count):
            raise LogqlError(
                "log queries are not supported as an instant query type, please change your query to a range query"
            )
        moment = parse_time(parameters.get("time", ""), self._now)
        result = [
            {"metric": dict(labels), "value": [moment / NANOSECONDS, _number(value)]}
            for labels, value in self._counter(question)(moment)
        ]
        return _success({"resultType": "vector", "result": result, "stats": {}})

    def _streams(self, request: web.Request, parameters: dict[str, str], question: LogSelection) -> web.Response:
        start, end = self._window(parameters, hours=1)
        limit, direction = int(parameters.get("limit") or 100), (parameters.get("direction") or "backward").lower()
        if limit > MAX_LINES:
            raise LogqlError(
                f"max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > 5000)"
            )
        if direction not in {"forward", "backward"}:
            raise LogqlError(f"invalid direction: {direction}")
        chosen = [(entry, labels) for entry, labels in self._chosen(question) if start <= entry.nanoseconds < end]
        if direction == "backward":
            chosen.reverse()
        categorized = "categorize-labels" in request.headers.get("X-Loki-Response-Encoding-Flags", "")
        streams: dict[str, tuple[dict[str, str], list[list[object]]]] = {}
        for entry, labels in chosen[:limit]:
            shown = entry.labels if categorized else labels
            row: list[object] = [str(entry.nanoseconds), entry.text]
            if categorized:
                row.append({"structuredMetadata": {"detected_level": entry.level}})
            streams.setdefault(json.dumps(shown, sort_keys=True), (dict(shown), []))[1].append(row)
        result = [{"stream": labels, "values": rows} for labels, rows in streams.values()]
        read = [entry for entry in self.entries if question.stream(entry.labels) and start <= entry.nanoseconds < end]
        summary = {
            "totalLinesProcessed": len(read),
            "totalBytesProcessed": sum(len(entry.text.encode()) for entry in read),
        }
        data = {"resultType": "streams", "result": result, "stats": {"summary": summary}}
        return _success(data | ({"encodingFlags": ["categorize-labels"]} if categorized else {}))

    def _chosen(self, question: LogSelection) -> Iterator[tuple[Entry, dict[str, str]]]:
        for entry in self.entries:
            if question.stream(entry.labels):
                labels = {**entry.labels, "detected_level": entry.level}
                if question.line(entry.text, labels):
                    yield entry, labels

    def _counter(self, question: Count) -> Callable[[int], list[tuple[Key, float]]]:
        """Counts at a moment; the lines are chosen once for all moments."""
        chosen: list[tuple[int, Key, int]] = []
        for entry, labels in self._chosen(question.selection):
            names = labels if question.by is None else [name for name in question.by if name in labels]
            weight = len(entry.text.encode()) if question.function.startswith("bytes") else 1
            chosen.append((entry.nanoseconds, tuple(sorted((name, labels[name]) for name in names)), weight))
        divisor = question.range_seconds if question.function in {"rate", "bytes_rate"} else 1.0

        def count(moment: int) -> list[tuple[Key, float]]:
            since = moment - round(question.range_seconds * NANOSECONDS)
            totals: dict[Key, float] = defaultdict(float)
            for at, key, weight in chosen[bisect_right(chosen, since, key=_time_of) :]:
                if at > moment:
                    break
                totals[key] += weight
            return sorted((key, total / divisor) for key, total in totals.items())

        return count

    async def _series(self, request: web.Request, parameters: dict[str, str]) -> web.Response:
        matches = request.query.getall("match[]", [])
        if request.method == "POST":
            matches = [*matches, *(str(value) for value in (await request.post()).getall("match[]", []))]
        if not matches:
            raise LogqlError("0 matcher groups supplied")
        found: dict[str, dict[str, str]] = {}
        for match in matches:
            found |= {json.dumps(e.labels, sort_keys=True): e.labels for e in self._within(parameters, match)}
        return _success(list(found.values()))

    async def _stats(self, _: web.Request, parameters: dict[str, str]) -> web.Response:
        found = self._within(parameters, parameters.get("query", ""))
        streams = {json.dumps(entry.labels, sort_keys=True) for entry in found}
        size = sum(len(entry.text.encode()) for entry in found)
        count = len(streams)
        return web.json_response({"streams": count, "chunks": count, "entries": len(found), "bytes": size})

    async def _labels(self, _: web.Request, parameters: dict[str, str]) -> web.Response:
        return _success(sorted({name for entry in self._within(parameters) for name in entry.labels}))

    async def _values(self, request: web.Request, parameters: dict[str, str]) -> web.Response:
        name = request.match_info["name"]
        return _success(sorted({e.labels[name] for e in self._within(parameters) if name in e.labels}))

    def _within(self, parameters: dict[str, str], query: str = "") -> list[Entry]:
        start, end = self._window(parameters, hours=6)
        question = parse(query) if query else None
        if isinstance(question, Count):
            raise LogqlError("only label matchers are supported")
        return [
            entry
            for entry in self.entries
            if start <= entry.nanoseconds < end and (question is None or question.stream(entry.labels))
        ]

    def _window(self, parameters: dict[str, str], hours: int) -> tuple[int, int]:
        end = parse_time(parameters.get("end", ""), self._now)
        return parse_time(parameters.get("start", ""), end - hours * 3600 * NANOSECONDS), end

    @property
    def _now(self) -> int:
        return nanoseconds(self.recording.present)


def _time_of(chosen: tuple[int, Key, int]) -> int:
    return chosen[0]


def _step(text: str, start: int, end: int) -> int:
    if not text:
        return max((end - start) // 250, NANOSECONDS)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])?", text)
    if match is None:
        raise LogqlError(f'cannot parse "{text}" to a valid duration')
    unit = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}[match[2]]
    return max(round(float(match[1]) * unit * NANOSECONDS), 1)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _success(data: object) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ready\n")


async def _buildinfo(_: web.Request) -> web.Response:
    return web.json_response({"version": "3.5.0", "revision": "recorded", "branch": "main", "goVersion": "go1.24"})


async def _not_found(_: web.Request, __: dict[str, str]) -> web.Response:
    return _refused(404, "404 page not found")
