"""A stand-in Prometheus that answers from a recording's series, with Prometheus' envelope and refusals."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import promql_parser as promql
from aiohttp import web

from tests.fakes.promql_arithmetic import ExecutionError, Value
from tests.fakes.promql_evaluation import Evaluator, Node
from tests.fakes.recorded_metrics import table_series
from tests.fakes.recording import Recording
from tests.fakes.series import TimeSeries, series_of
from tests.fakes.server import FakeServer

MAX_POINTS = 11_000
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


class RefusedError(Exception):
    """An error in Prometheus' words."""

    def __init__(self, status: int, error_type: str, error: str) -> None:
        super().__init__(error)
        self.status, self.error_type, self.error = status, error_type, error


class FakePrometheus(FakeServer):
    """Serves a recording's series and `extra` ones.

    `canned`: text of a query → its ready result, wins over evaluation. `warnings` join every answer.
    `failing`: (status, errorType, text) for every query, as in (503, "timeout", "query timed out").
    `unknown` collects queries that only this stand-in cannot evaluate: a test may assert that it stays empty.
    """

    def __init__(self, recording: Recording, *, extra: Sequence[TimeSeries] = (), token: str = "") -> None:
        self.recording = recording
        self.token = token
        self.canned: dict[str, list[dict[str, Any]]] = {}
        self.warnings: list[str] = []
        self.failing: tuple[int, str, str] | None = None
        self.unknown: list[str] = []
        self.queries: list[str] = []
        self.series = [*series_of(recording), *table_series(recording), *extra]
        self.evaluator = Evaluator(self.series)
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for path in ("/-/ready", "/-/healthy"):
            router.add_get(path, _ready)
        handlers = {
            "query": self._query,
            "query_range": self._query_range,
            "series": self._series,
            "labels": self._labels,
        }
        for path, handler in handlers.items():
            router.add_get(f"/api/v1/{path}", self._guarded(handler), allow_head=False)
            router.add_post(f"/api/v1/{path}", self._guarded(handler))
        router.add_get("/api/v1/label/{name}/values", self._guarded(self._values))
        router.add_get("/api/v1/rules", self._guarded(self._rules))
        router.add_get("/api/v1/alerts", self._guarded(self._alerts))
        router.add_get("/api/v1/status/buildinfo", self._guarded(_buildinfo))

    def _guarded(self, handler):  # noqa: ANN001, ANN202 - aiohttp's own handler type
        async def guarded(request: web.Request) -> web.Response:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return web.Response(status=401, text="Unauthorized\n")
            form = await request.post() if request.method == "POST" else {}  # a JSON body counts as none
            parameters = _Parameters([*request.query.items(), *((n, str(v)) for n, v in form.items())])
            try:
                data = await handler(request, parameters)
            except RefusedError as refusal:
                body = {"status": "error", "errorType": refusal.error_type, "error": refusal.error}
                return web.json_response(body, status=refusal.status)
            body = {"status": "success", "data": data}
            return web.json_response(body | ({"warnings": self.warnings} if self.warnings else {}))

        return guarded

    async def _query(self, _: web.Request, parameters: "_Parameters") -> dict[str, Any]:
        moment = _time(parameters.one("time"), "time", self._now)
        expr = self._parsed(parameters)
        if (canned := self._canned(parameters)) is not None:
            return {"resultType": "vector", "result": canned}
        value = self._evaluated(expr, moment, parameters)
        if not isinstance(value, list):
            return {"resultType": "scalar", "result": [moment, _written(value)]}
        return {
            "resultType": "vector",
            "result": [{"metric": labels, "value": [moment, _written(one)]} for labels, one in value],
        }

    async def _query_range(self, _: web.Request, parameters: "_Parameters") -> dict[str, Any]:
        start, end = (_time(parameters.required(name), name, 0.0) for name in ("start", "end"))
        step = _duration(parameters.required("step"), "step")
        if end < start:
            raise _bad("end", "end timestamp must not be before start time")
        if step <= 0:
            raise _bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
        if (end - start) / step > MAX_POINTS:
            raise RefusedError(
                400,
                "bad_data",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                "(?step=XX)",
            )
        expr = self._parsed(parameters)
        if (canned := self._canned(parameters)) is not None:
            return {"resultType": "matrix", "result": canned}
        found: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
        for index in range(int((end - start) / step) + 1):
            moment = start + index * step
            await asyncio.sleep(0)  # the other stand-ins live in the same loop
            value = self._evaluated(expr, moment, parameters)
            for labels, one in value if isinstance(value, list) else [({}, value)]:
                found.setdefault(tuple(sorted(labels.items())), []).append([moment, _written(one)])
        result = [{"metric": dict(key), "values": points} for key, points in sorted(found.items())]
        return {"resultType": "matrix", "result": result}

    def _parsed(self, parameters: "_Parameters") -> Node:
        query = parameters.required("query")
        self.queries.append(query)
        if self.failing:
            raise RefusedError(*self.failing)
        try:
            return promql.parse(query)
        except ValueError as error:
            raise RefusedError(400, "bad_data", f'invalid parameter "query": 1:1: parse error: {error}') from error

    def _canned(self, parameters: "_Parameters") -> list[dict[str, Any]] | None:
        query = parameters.required("query")
        return next((result for text, result in self.canned.items() if text in query), None)

    def _evaluated(self, expr: Node, moment: float, parameters: "_Parameters") -> Value:
        try:
            return self.evaluator.at(expr, moment)
        except ExecutionError as error:
            if "stand-in" in str(error):
                self.unknown.append(parameters.required("query"))
            raise RefusedError(422, "execution", str(error)) from error

    async def _series(self, _: web.Request, parameters: "_Parameters") -> list[dict[str, str]]:
        if not parameters.every("match[]"):
            raise RefusedError(400, "bad_data", "no match[] parameter provided")
        return [dict(one.labels) for one in self._matched(parameters)]

    async def _labels(self, _: web.Request, parameters: "_Parameters") -> list[str]:
        return sorted({name for one in self._matched(parameters) for name in one.labels})

    async def _values(self, request: web.Request, parameters: "_Parameters") -> list[str]:
        name = request.match_info["name"]
        return sorted({one.labels[name] for one in self._matched(parameters) if name in one.labels})

    def _matched(self, parameters: "_Parameters") -> list[TimeSeries]:
        selectors = parameters.every("match[]")
        if not selectors:
            return self.series
        try:
            parsed = [promql.parse(text) for text in selectors]
        except ValueError as error:
            raise _bad("match[]", f"parse error: {error}") from error
        chosen = [one for selector in parsed for one in self.evaluator.selected(selector)]
        return list({id(one): one for one in chosen}.values())

    async def _rules(self, _: web.Request, parameters: "_Parameters") -> dict[str, Any]:
        names = parameters.every("rule_name[]")
        kind = {"alert": "alerting", "record": "recording"}.get(parameters.one("type"), "")
        hidden = {"alerts"} if parameters.one("exclude_alerts") == "true" else set()
        rules = [
            {name: value for name, value in rule.items() if name not in hidden}
            for rule in (self.recording.metrics or {}).get("rules", ())
            if (not names or rule["name"] in names) and (not kind or rule.get("type", "alerting") == kind)
        ]
        group = {"name": "recorded", "file": "recorded.yaml", "interval": 30, "rules": rules}
        return {"groups": [group] if rules else []}

    async def _alerts(self, _: web.Request, __: "_Parameters") -> dict[str, Any]:
        return {"alerts": list((self.recording.metrics or {}).get("alerts", ()))}

    @property
    def _now(self) -> float:
        return self.recording.present.timestamp()


class _Parameters:
    """Query and form parameters together; a name may repeat."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def every(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name]

    def one(self, name: str) -> str:
        return next(iter(self.every(name)), "")

    def required(self, name: str) -> str:
        value = self.one(name)
        if not value:
            kind = "duration" if name == "step" else "timestamp"
            empty = "unknown position: parse error: no expression found in input"
            what = empty if name == "query" else f'cannot parse "" to a valid {kind}'
            raise _bad(name, what)
        return value


def _bad(name: str, what: str) -> RefusedError:
    return RefusedError(400, "bad_data", f'invalid parameter "{name}": {what}')


def _time(text: str, name: str, default: float) -> float:
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise _bad(name, f'cannot parse "{text}" to a valid timestamp') from error


def _duration(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    if not re.fullmatch(r"(?:\d+(?:ms|[smhdwy]))+", text):
        raise _bad(name, f'cannot parse "{text}" to a valid duration')
    return sum(float(n) * _UNIT_SECONDS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


def _written(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(value)


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="Prometheus Server is Ready.\n")


async def _buildinfo(_: web.Request, __: "_Parameters") -> Mapping[str, str]:
    return {"version": "3.5.0", "revision": "recorded", "branch": "HEAD", "goVersion": "go1.24"}
