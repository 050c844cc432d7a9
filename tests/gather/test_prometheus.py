import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import Series
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.gather.sources.prometheus import PrometheusSource
from app.settings import Secret
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Trouble
from tests.gather.canned import TROUBLES, CannedServer, impatient, settings

NOW = datetime(2026, 3, 9, 2, 12, tzinfo=UTC)
SUBJECT = Subject("prod", "shop", "Deployment", "checkout")
ALERT = (("alertname", "High"), ("namespace", "shop"), ("pod", "a"), ("severity", "critical"))

pytestmark = pytest.mark.anyio


def query(
    expr: str = "x", *, hours: float = 1, alert_labels: tuple[tuple[tuple[str, str], ...], ...] = ()
) -> PromQuery:
    return PromQuery("x of shop/checkout", SUBJECT, "x", expr, "bytes", NOW - timedelta(hours=hours), NOW, alert_labels)


def matrix(*rows: tuple[dict[str, str], list[Any]], **envelope: object) -> dict[str, Any]:
    result = [{"metric": labels, "values": values} for labels, values in rows]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}, **envelope}


@asynccontextmanager
async def source_of(server: FakeServer, **values: object) -> AsyncIterator[PrometheusSource]:
    async with server:
        source = PrometheusSource(settings(prometheus_url=server.url, **values))
        try:
            yield source
        finally:
            await source.aclose()


async def answered(body: object, asked: PromQuery | None = None) -> tuple[tuple[Series, ...], list[str]]:
    async with source_of(CannedServer(body)) as source:
        evidence = await source.answer(asked or query())
        return evidence.of(Series), [gap.reason for gap in evidence.gaps]


async def test_a_range_is_asked_by_form_with_a_step_that_keeps_the_answer_small() -> None:
    server = CannedServer(matrix())
    async with source_of(server) as source:
        await source.answer(query("up"))
        await source.answer(query("up", hours=6))
        await source.answer(query("up", hours=0.1))
    assert server.requests[0] == ("POST", "/api/v1/query_range")
    assert server.headers[0]["content-type"] == "application/x-www-form-urlencoded"
    assert [form["step"] for form in server.forms] == ["30", "180", "15"]
    first = server.forms[0]
    assert first["query"] == "up"
    assert float(first["end"]) - float(first["start"]) == 3600
    assert float(first["end"]) == NOW.timestamp()
    assert first["timeout"].endswith("ms")
    assert int(first["timeout"].removesuffix("ms")) < 2000


async def test_what_is_not_a_number_is_none() -> None:
    values = [[1, "0.5"], [2, "NaN"], [3, "+Inf"], [4, "-Inf"], [5, "oops"], "junk", [6, None], [7, "1e3"]]
    series, _ = await answered(matrix(({"pod": "a"}, values)))
    assert series[0].points == ((1.0, 0.5), (2.0, None), (3.0, None), (4.0, None), (7.0, 1000.0))
    assert (series[0].name, series[0].unit, series[0].expr) == ("x", "bytes", "x")
    json.dumps(series[0].points, allow_nan=False)


async def test_twenty_series_of_130_points_are_kept_the_highest() -> None:
    rows = [({"pod": f"p{n}"}, [[t, str(n)] for t in range(200)]) for n in range(30)]
    series, gaps = await answered(matrix(*rows))
    assert {one.labels["pod"] for one in series} == {f"p{n}" for n in range(10, 30)}
    assert {len(one.points) for one in series} == {130}
    assert series[0].points[-1][0] == 199
    assert gaps == ["only the 20 highest of 30 series were kept"]


async def test_native_histograms_are_left_out_and_said() -> None:
    body = matrix(({"pod": "a"}, [[1, "2"]]))
    body["data"]["result"].append({"metric": {}, "histograms": [[1, {"count": "4", "sum": "2", "buckets": []}]]})
    series, gaps = await answered(body)
    assert len(series) == 1
    assert gaps == ["native histograms were left out"]


async def test_warnings_and_partial_answers_become_gaps_beside_the_series() -> None:
    body = matrix(({}, [[1, "2"]]), warnings=["store prometheus-1 is down"], isPartial=True)
    series, gaps = await answered(body)
    assert len(series) == 1
    assert gaps == [
        "data may be incomplete: store prometheus-1 is down",
        "data may be incomplete: a storage node is missing",
    ]


async def test_of_an_alerts_expression_only_its_own_series_are_kept() -> None:
    rows = [({"__name__": "m", "namespace": "shop", "pod": pod}, [[1, "2"]]) for pod in ("a", "b")]
    series, _ = await answered(matrix(*rows), query(alert_labels=(ALERT,)))
    assert [one.labels["pod"] for one in series] == ["a"]


async def test_series_that_contradict_no_alert_are_kept_where_relabelling_dropped_labels() -> None:
    rows = [({"replica": "r0", "namespace": "shop", "pod": pod}, [[1, "2"]]) for pod in ("a", "b")]
    series, _ = await answered(matrix(*rows), query(alert_labels=(ALERT,)))
    assert [one.labels["pod"] for one in series] == ["a"]


async def test_series_of_other_things_are_not_taken_for_the_alerts() -> None:
    rows = [({"namespace": "shop", "pod": "b"}, [[1, "2"]]), ({"job": "other"}, [[1, "2"]])]
    series, _ = await answered(matrix(*rows), query(alert_labels=(ALERT,)))
    assert series == ()


async def test_secrets_in_labels_are_redacted() -> None:
    token = "ghp_" + "a1B2" * 9
    series, _ = await answered(matrix(({"pod": "a", "note": f"token {token}"}, [[1, "2"]])))
    assert token not in str(series)


async def test_two_expressions_under_one_name_are_two_items() -> None:
    body = matrix(({"namespace": "shop", "pod": "a"}, [[1, "2"]]))
    first, _ = await answered(body, query("x", alert_labels=(ALERT,)))
    second, _ = await answered(body, query("y", alert_labels=(ALERT,)))
    assert first[0].id != second[0].id


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES, ids=lambda value: getattr(value, "mood", ""))
async def test_trouble_is_said_in_plain_words(trouble: Trouble, reason: str) -> None:
    server = CannedServer(matrix())
    server.trouble = trouble
    async with server:
        source = PrometheusSource(impatient(prometheus_url=server.url))
        with pytest.raises(SourceError, match=reason) as raised:
            await source.answer(query())
        diagnosis = await source.check()
        await source.aclose()
    assert len(str(raised.value)) < 300
    assert not diagnosis.healthy
    assert diagnosis.fix
    assert server.url in diagnosis.statement


@pytest.mark.parametrize(
    ("status", "body", "content_type", "reason"),
    [
        (
            400,
            {"status": "error", "errorType": "bad_data", "error": "1:3: parse error"},
            "application/json",
            r"^bad query \(400\): 1:3: parse error$",
        ),
        (422, {"status": "error", "error": "too many samples"}, "application/json", r"\(422\): too many samples"),
        (401, b"Unauthorized", "text/plain", r"^not authenticated \(401\): Unauthorized$"),
        (302, b"", "text/html", r"^redirected to a login page \(302\)$"),
        (502, b"<html>Bad gateway</html>", "text/html", r"^Prometheus failed \(502\): it answered HTML"),
        (200, b"ok", "text/plain", "answered text/plain, not JSON"),
        (200, b"[" * 100_000, "application/json", "not JSON"),
        (200, [1], "application/json", "not Prometheus'"),
        (200, {"status": "error", "error": "no"}, "application/json", "^refused: no$"),
        (200, {"status": "success", "data": {"resultType": "vector", "result": []}}, "application/json", "not a range"),
        (200, {"status": "success", "data": 7}, "application/json", "not a range"),
        (200, b" " * (5 * 1024 * 1024), "application/json", "larger than 4096 KiB"),
    ],
)
async def test_each_bad_answer_has_its_words(status: int, body: object, content_type: str, reason: str) -> None:
    async with source_of(CannedServer(body, status=status, content_type=content_type)) as source:
        with pytest.raises(SourceError, match=reason):
            await source.answer(query())


async def test_a_server_error_is_asked_once_more() -> None:
    server = CannedServer(matrix(({}, [[1, "2"]])))
    server.answers = [(503, {"status": "error", "error": "timeout"})]
    async with source_of(server) as source:
        assert len((await source.answer(query())).items) == 1
        server.answers = [(500, {}), (500, {}), (500, {})]
        with pytest.raises(SourceError, match="500"):
            await source.answer(query())
        server.answers = [(400, {})]
        with pytest.raises(SourceError, match="400"):
            await source.answer(query())
    assert len(server.requests) == 5


async def test_a_token_is_read_from_its_file_at_each_use(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    server = CannedServer(matrix())
    async with source_of(
        server, prometheus_token=Secret(path=file), prometheus_headers={"X-Scope-OrgID": "t"}
    ) as source:
        await source.answer(query())
        file.write_text("second\n")
        await source.answer(query())
        file.unlink()
        with pytest.raises(SourceError, match="its token: cannot read"):
            await source.answer(query())
    assert [headers["authorization"] for headers in server.headers] == ["Bearer first", "Bearer second"]
    assert server.headers[0]["x-scope-orgid"] == "t"


async def test_the_stand_in_answers_and_is_found_healthy() -> None:
    recording = Recording(now=NOW)
    async with source_of(FakePrometheus(recording, token="t" * 8), prometheus_token=Secret("t" * 8)) as source:
        assert (await source.check()).healthy
        evidence = await source.answer(query("vector(1)"))
    assert all(value == 1.0 for _, value in evidence.of(Series)[0].points)


async def test_a_wrong_token_is_named_with_its_fix() -> None:
    async with source_of(FakePrometheus(Recording(now=NOW), token="t" * 8)) as source:
        diagnosis = await source.check()
    assert not diagnosis.healthy
    assert "not authenticated (401)" in diagnosis.statement
    assert "SITREP_PROMETHEUS_TOKEN" in diagnosis.fix


async def test_labels_can_be_stored() -> None:
    (series,), reasons = await answered(
        matrix(({"pod\x00": "a\ud83d"}, [[1.0, "1"]]), warnings=["late\x00 \udc00"]),
    )
    assert series.labels == {"pod\ufffd": "a\ufffd"}
    assert reasons == ["data may be incomplete: late\ufffd \ufffd"]


async def test_where_nothing_comes_back_that_is_an_answer_unless_the_question_says_why() -> None:
    assert await answered(matrix()) == ((), [])
    asked = replace(query(), if_empty="kube-state-metrics does not export them")
    assert await answered(matrix(), asked) == ((), ["kube-state-metrics does not export them"])
    series, gaps = await answered(matrix(({"secret": "tls"}, [[NOW.timestamp(), "1"]])), asked)
    assert (len(series), gaps) == (1, [])
