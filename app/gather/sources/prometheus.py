"""Prometheus and what speaks its API (Thanos, Mimir, VictoriaMetrics): series over a range."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap, Series, evidence_id
from app.domain.query import PromQuery, Query
from app.gather.http_answer import json_of, request_headers, send, short
from app.http import Answer, Http, Request
from app.promql import confine
from app.redact import redact, redact_labels
from app.settings import Settings

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_SERIES: Final = 20
MAX_POINTS: Final = 130
MAX_LABELS: Final = 30
LABEL_CHARACTERS: Final = 200
# Asked of the server: enough to choose the highest from, and a bound on what a careless expression costs it.
SERVER_SERIES_LIMIT: Final = 500
SHORTEST_STEP_SECONDS: Final = 15
WANTED_POINTS: Final = 120
RETRIED: Final = frozenset({500, 503})
# The server gives up a little before we do, so that its words reach the reader instead of a time-out.
SERVER_HEAD_START_SECONDS: Final = 0.5
LEAST_RETRY_SECONDS: Final = 1.0

Row = Mapping[str, Any]


class PrometheusSource:
    """Asks the configured base address only; an address that an alert names is never fetched."""

    name = "prometheus"

    def __init__(self, settings: Settings) -> None:
        """`settings.prometheus_url` must be set; one connection pool until `aclose`."""
        self._settings = settings
        self._http = Http()

    def accepts(self, query: Query) -> bool:
        """PromQL."""
        return isinstance(query, PromQuery)

    async def answer(self, query: Query) -> Evidence:
        """At most 20 series of 130 points; what the server calls incomplete becomes a gap beside them."""
        if not isinstance(query, PromQuery):
            raise SourceError("Prometheus answers PromQL only")
        query = self._of_this_cluster(query)
        body = await self._ask("query_range", _range_form(query))
        rows = _rows_of(body)
        charted = [row for row in rows if "values" in row]
        wanted = _about_the_alerts(charted, query.alert_labels, self._settings.prometheus_matchers)
        kept = sorted(wanted, key=_highest, reverse=True)[:MAX_SERIES]
        series = tuple(_series(query, row) for row in kept)
        reasons = _incomplete(body, only_histograms=len(charted) < len(rows), matching=len(wanted))
        reasons = reasons if rows or not query.if_empty else [*reasons, query.if_empty]
        return Evidence(series, tuple(Gap(self.name, query.question, reason) for reason in reasons))

    async def check(self) -> Diagnosis:
        """Whether it evaluates `1`."""
        address = redact(self._settings.prometheus_url or "")
        try:
            body = await self._ask("query", (("query", "1"),))
        except SourceError as error:
            return Diagnosis(self.name, healthy=False, statement=f"{address}: {error}", fix=_fix_for(str(error)))
        if _data(body).get("resultType") != "scalar":
            problem = "answers, but not as Prometheus does"
            return Diagnosis(self.name, healthy=False, statement=f"{address} {problem}", fix=_fix_for(problem))
        if self._settings.prometheus_matchers and not await self._has_series_of_this_cluster():
            said = ", ".join(f'{name}="{value}"' for name, value in self._settings.prometheus_matchers.items())
            statement = f"{address} answers, but has no series `up` with {redact(said)}"
            fix = "set SITREP_PROMETHEUS_MATCHERS to the external labels of this cluster's Prometheus"
            return Diagnosis(self.name, healthy=False, statement=statement, fix=fix)
        return Diagnosis(self.name, healthy=True, statement=f"{address} evaluates queries")

    async def _has_series_of_this_cluster(self) -> bool:
        """Whether the labels are right: with wrong ones each answer is empty, and nothing says why."""
        expr = confine("group(up)", self._settings.prometheus_matchers)
        try:
            return bool(_data(await self._ask("query", (("query", expr),))).get("result"))
        except SourceError:
            return True  # it evaluates `1`, and this it may not: that is told by each question

    async def aclose(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    def _of_this_cluster(self, query: PromQuery) -> PromQuery:
        """Where Prometheus holds several clusters, no series of another may be taken for one of this."""
        if not self._settings.prometheus_matchers:
            return query
        try:
            return replace(query, expr=confine(query.expr, self._settings.prometheus_matchers))
        except ValueError as error:
            raise SourceError("not asked: the expression cannot be limited to this cluster") from error

    async def _ask(self, endpoint: str, form: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
        """The envelope of a success, one retry where a failure may heal. Raises `SourceError`."""
        clock = asyncio.get_running_loop()
        ends_at = clock.time() + self._settings.source_deadline_seconds
        answer = await self._post(endpoint, form, ends_at - clock.time())
        if answer.status in RETRIED and ends_at - clock.time() > LEAST_RETRY_SECONDS:
            answer = await self._post(endpoint, form, ends_at - clock.time())
        body = json_of(answer, "Prometheus")
        if not isinstance(body, dict) or "status" not in body:
            raise SourceError("answered JSON that is not Prometheus'")
        if body["status"] != "success":
            raise SourceError(f"refused: {short(str(body.get('error', 'it did not say why')))}")
        return body

    async def _post(self, endpoint: str, form: tuple[tuple[str, str], ...], seconds: float) -> Answer:
        server_milliseconds = max(1, int((seconds - SERVER_HEAD_START_SECONDS) * 1000))
        request = Request(
            "POST",
            f"{self._settings.prometheus_url}/api/v1/{endpoint}",
            headers=request_headers(self._settings.prometheus_headers, self._settings.prometheus_token),
            form=(*form, ("timeout", f"{server_milliseconds}ms")),
            # Rounded, as a reader sees it: "no answer in 10 s".
            timeout_seconds=max(0.1, round(seconds, 1)),
            max_bytes=MAX_BYTES,
        )
        return await send(self._http, request)


def _range_form(query: PromQuery) -> tuple[tuple[str, str], ...]:
    seconds = (query.end - query.start).total_seconds()
    step = max(SHORTEST_STEP_SECONDS, math.ceil(seconds / WANTED_POINTS))
    return (
        ("query", query.expr),
        ("start", f"{query.start.timestamp():.3f}"),
        ("end", f"{query.end.timestamp():.3f}"),
        ("step", str(step)),
        ("limit", str(SERVER_SERIES_LIMIT)),
    )


def _data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data = body.get("data")
    return data if isinstance(data, dict) else {}


def _rows_of(body: Mapping[str, Any]) -> list[Row]:
    data = _data(body)
    result = data.get("result")
    if data.get("resultType") != "matrix" or not isinstance(result, list):
        raise SourceError("answered JSON that is not a range of series")
    return [row for row in result if isinstance(row, dict) and isinstance(row.get("metric"), dict)]


def _about_the_alerts(
    rows: list[Row], alert_labels: Iterable[Iterable[tuple[str, str]]], given: Mapping[str, str]
) -> list[Row]:
    """The series whose labels stand in one of the alerts; where relabelling dropped some, those that contradict none.

    An alert carries its series' labels and more (the rule's, external ones), so the expression itself cannot be
    narrowed by the alert's labels. Labels that were `given` with the question tell nothing.
    """
    alerts = [dict(labels) for labels in alert_labels]
    if not alerts:
        return rows
    labelled = [(row, {name: text for name, text in _identity(row).items() if name not in given}) for row in rows]
    exact = [row for row, labels in labelled if any(labels.items() <= alert.items() for alert in alerts)]
    if exact:
        return exact
    return [row for row, labels in labelled if any(_agrees(labels, alert) for alert in alerts)]


def _identity(row: Row) -> dict[str, str]:
    """The series' labels as an alert would carry them: without the metric's name, redacted as the alert's are."""
    return redact_labels({str(name): str(value) for name, value in row["metric"].items() if name != "__name__"})


def _agrees(labels: Mapping[str, str], alert: Mapping[str, str]) -> bool:
    shared = labels.keys() & alert.keys()
    return bool(shared) and all(labels[name] == alert[name] for name in shared)


def _series(query: PromQuery, row: Row) -> Series:
    labels = {
        redact(str(name))[:LABEL_CHARACTERS]: value[:LABEL_CHARACTERS]
        for name, value in list(redact_labels({str(k): str(v) for k, v in row["metric"].items()}).items())[:MAX_LABELS]
    }
    subject = query.subject
    # Two alerts' expressions share a name; a playbook's may change its text as pods come, and stays the same item.
    own = query.expr if query.alert_labels else ""
    identity = (subject.cluster, subject.kind, subject, query.name, own, sorted(labels.items()))
    return Series(
        id=evidence_id("series", *identity),
        subject=subject,
        name=query.name,
        expr=redact(query.expr),
        unit=query.unit,
        labels=labels,
        points=tuple(_points(row)),
    )


def _points(row: Row) -> list[tuple[float, float | None]]:
    values = row.get("values")
    points = [_point(pair) for pair in values[-MAX_POINTS:]] if isinstance(values, list) else []
    return [point for point in points if point is not None]


def _point(pair: Any) -> tuple[float, float | None] | None:  # noqa: ANN401 - anything may stand in the answer
    """(unix seconds, value); the value is None for NaN and the infinities, which JSON cannot hold."""
    try:
        at, text = pair
        seconds, value = float(at), float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return (seconds, value if math.isfinite(value) else None) if math.isfinite(seconds) else None


def _highest(row: Row) -> float:
    return max((value for _, value in _points(row) if value is not None), default=-math.inf)


def _incomplete(body: Mapping[str, Any], *, only_histograms: bool, matching: int) -> list[str]:
    """Why less than the whole answer is shown."""
    reasons = []
    warnings = body.get("warnings")
    if isinstance(warnings, list) and warnings:
        reasons.append(f"data may be incomplete: {short(str(warnings[0]))}")
    if body.get("isPartial") is True:
        reasons.append("data may be incomplete: a storage node is missing")
    if only_histograms:
        reasons.append("native histograms were left out")
    if matching > MAX_SERIES:
        reasons.append(f"only the {MAX_SERIES} highest of {matching} series were kept")
    return reasons


def _fix_for(problem: str) -> str:
    if "401" in problem or "403" in problem or "login page" in problem:
        return "set SITREP_PROMETHEUS_TOKEN or SITREP_PROMETHEUS_HEADERS, or use an address behind the login"
    if "404" in problem or "not JSON" in problem or "not as Prometheus" in problem:
        return "SITREP_PROMETHEUS_URL is the base address: without /api/v1, with the prefix of Mimir or vmselect"
    return "check SITREP_PROMETHEUS_URL, and that a NetworkPolicy lets Sitrep through"
