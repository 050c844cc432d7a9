"""The stand-in Prometheus evaluates what is asked and refuses as Prometheus does."""

import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from app import promql
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.fakes.series import TimeSeries

pytestmark = pytest.mark.anyio
RECORDING = Recording.named("checkout_oom")
NOW = RECORDING.now.timestamp()
DAY = 86_400.0
MEBI = 1024 * 1024


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    extra = [
        TimeSeries({"__name__": "zero"}, lambda _: 0.0),
        TimeSeries({"__name__": "side", "kind": "a"}, lambda _: 2.0),
        TimeSeries({"__name__": "side", "kind": "b"}, lambda _: 6.0),
        TimeSeries({"__name__": "total", "kind": "a"}, lambda _: 4.0),
    ]
    async with FakePrometheus(RECORDING, extra=extra) as server:
        yield server


async def ask(server: FakePrometheus, path: str, parameters: dict[str, str], *, post: bool = False) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session:
        url = f"{server.url}/api/v1/{path}"
        request = session.post(url, data=parameters) if post else session.get(url, params=parameters)
        async with request as response:
            return response.status, await response.json()


async def value(server: FakePrometheus, query: str, *, at: float = NOW) -> dict[str, float]:
    """The instant vector as {joined label values: value}."""
    status, body = await ask(server, "query", {"query": query, "time": str(at)})
    assert status == 200, body
    return {",".join(one["metric"].values()): float(one["value"][1]) for one in body["data"]["result"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("side", {"side,a": 2, "side,b": 6}),
        ('side{kind!="a"}', {"side,b": 6}),
        ('{__name__=~"side|total",kind=~"a|c"}', {"side,a": 2, "total,a": 4}),
        ("sum(side)", {"": 8}),
        ("avg by (kind) (side)", {"a": 2, "b": 6}),
        ("max without (kind) (side)", {"": 6}),
        ("topk(1, side)", {"side,b": 6}),
        ("side > 3", {"side,b": 6}),
        ("side > bool 3", {"a": 0, "b": 1}),
        ("side / on (kind) total", {"a": 0.5}),
        ("side and on (kind) total", {"side,a": 2}),
        ("side unless on (kind) total", {"side,b": 6}),
        ("2 * side offset 5m", {"a": 4, "b": 12}),
        ("max_over_time(side[5m])", {"a": 2, "b": 6}),
        ("max_over_time(sum(side)[10m:1m])", {"": 8}),
        ("-side", {"a": -2, "b": -6}),
        ('absent(nothing{kind="a"})', {"a": 1}),
        ("absent(side)", {}),
        ("nothing / side", {}),
        ("clamp_max(side, 3)", {"a": 2, "b": 3}),
    ],
)
async def test_an_expression_has_the_value_that_prometheus_gives_it(
    prometheus: FakePrometheus, query: str, expected: dict[str, float]
) -> None:
    assert await value(prometheus, query) == expected


async def test_zero_by_zero_is_nan_as_text(prometheus: FakePrometheus) -> None:
    _, body = await ask(prometheus, "query", {"query": "zero / zero", "time": str(NOW)})
    assert body["data"]["result"][0]["value"][1] == "NaN"
    assert math.isnan((await value(prometheus, "zero / zero"))[""])


async def test_the_story_can_be_read_from_its_series(prometheus: FakePrometheus) -> None:
    used = 'max(container_memory_working_set_bytes{namespace="shop",pod=~"checkout-.+"})'
    peak = await value(prometheus, f"max_over_time({used}[1h:15s])", at=NOW - DAY)
    assert peak[""] == pytest.approx(410 * MEBI, rel=0.01)
    after = await value(prometheus, f"max_over_time({used}[10m:5s])")
    assert 252 * MEBI <= after[""] <= 255 * MEBI
    of_checkout = 'http_requests_total{service="checkout"'
    errors = f'sum(rate({of_checkout},code=~"5.."}}[5m])) / sum(rate({of_checkout}}}[5m]))'
    assert (await value(prometheus, errors))[""] == pytest.approx(0.084, rel=0.02)
    assert (await value(prometheus, errors, at=NOW - DAY))[""] == pytest.approx(0.003, rel=0.1)
    slow = 'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{service="checkout"}[5m])))'
    assert (await value(prometheus, slow))[""] == pytest.approx(1.2, rel=0.1)
    restarts = 'sum(kube_pod_container_status_restarts_total{pod=~"checkout-.+"})'
    assert await value(prometheus, restarts) == {"": 6}


async def test_the_alerts_own_expression_is_true_and_its_labels_are_the_alerts(prometheus: FakePrometheus) -> None:
    alert = RECORDING.payload("checkout_oom")["alerts"][0]
    expression = promql.alert_expression(alert["generatorURL"])
    _, rules = await ask(prometheus, "rules", {"type": "alert", "rule_name[]": "KubePodCrashLooping"})
    assert expression
    assert expression == rules["data"]["groups"][0]["rules"][0]["query"]
    _, body = await ask(prometheus, "query", {"query": expression, "time": str(NOW)})
    found = [one["metric"] for one in body["data"]["result"]]
    assert any(metric.items() <= alert["labels"].items() for metric in found)


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        ("query", {"query": "sum("}, "parse error"),
        ("query", {}, "no expression found"),
        ("query", {"query": "up", "time": "yesterday"}, 'cannot parse "yesterday" to a valid timestamp'),
        ("query_range", {"query": "up", "start": "0", "end": "10"}, 'invalid parameter "step"'),
        ("query_range", {"query": "up", "start": "10", "end": "0", "step": "1"}, "end timestamp must not be before"),
        ("query_range", {"query": "up", "start": "0", "end": "10", "step": "0"}, "zero or negative"),
        ("query_range", {"query": "up", "start": "0", "end": "11001", "step": "1"}, "11,000 points"),
        ("series", {}, "no match[] parameter"),
    ],
)
async def test_a_bad_question_is_a_400_with_bad_data(
    prometheus: FakePrometheus, path: str, parameters: dict[str, str], says: str
) -> None:
    status, body = await ask(prometheus, path, parameters)
    assert (status, body["status"], body["errorType"]) == (400, "error", "bad_data")
    assert says in body["error"]


async def test_a_form_is_read_and_a_json_body_counts_as_none(prometheus: FakePrometheus) -> None:
    status, body = await ask(prometheus, "query", {"query": "side", "time": str(NOW)}, post=True)
    assert (status, len(body["data"]["result"])) == (200, 2)
    async with aiohttp.ClientSession() as session:
        url = f"{prometheus.url}/api/v1/query"
        async with session.post(url, json={"query": "side"}) as response:
            assert response.status == 400


async def test_a_range_gives_text_values_at_every_step(prometheus: FakePrometheus) -> None:
    parameters = {"query": 'side{kind="a"}', "start": str(NOW - 60), "end": str(NOW), "step": "15s"}
    _, body = await ask(prometheus, "query_range", parameters)
    assert body["data"]["resultType"] == "matrix"
    assert body["data"]["result"][0]["values"] == [[NOW - 60 + 15 * i, "2"] for i in range(5)]


async def test_many_to_many_is_a_422_and_a_timeout_a_503(prometheus: FakePrometheus) -> None:
    status, body = await ask(prometheus, "query", {"query": "total / on () side"})
    assert (status, body["errorType"]) == (422, "execution")
    assert prometheus.unknown == []
    prometheus.failing = (503, "timeout", "query timed out in expression evaluation")
    status, body = await ask(prometheus, "query", {"query": "side"})
    assert (status, body["errorType"]) == (503, "timeout")


async def test_a_function_that_only_the_stand_in_lacks_is_remembered(prometheus: FakePrometheus) -> None:
    status, _ = await ask(prometheus, "query", {"query": "deriv(side[5m])"})
    assert (status, prometheus.unknown) == (422, ["deriv(side[5m])"])


async def test_canned_answers_and_warnings_come_as_they_are(prometheus: FakePrometheus) -> None:
    prometheus.canned["very_special"] = [{"metric": {}, "value": [1, "+Inf"]}]
    prometheus.warnings = ["one store did not answer"]
    _, body = await ask(prometheus, "query", {"query": "sum(very_special)"})
    assert body["data"]["result"] == [{"metric": {}, "value": [1, "+Inf"]}]
    assert body["warnings"] == ["one store did not answer"]


async def test_names_labels_and_series_can_be_asked(prometheus: FakePrometheus) -> None:
    match = {"match[]": '{namespace="shop",service="checkout"}'}
    _, found = await ask(prometheus, "label/__name__/values", match)
    assert {"http_requests_total", "http_request_duration_seconds_bucket"} <= set(found["data"])
    _, labels = await ask(prometheus, "labels", {"match[]": "side"})
    assert labels["data"] == ["__name__", "kind"]
    _, series = await ask(prometheus, "series", {"match[]": 'side{kind="b"}'})
    assert series["data"] == [{"__name__": "side", "kind": "b"}]


async def test_a_recording_without_metrics_answers_with_nothing() -> None:
    async with FakePrometheus(Recording(now=RECORDING.now)) as server:
        assert await value(server, "up") == {}
