"""The stand-in Loki keeps Loki's traps."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.loki import FakeLoki
from tests.fakes.loki_entries import parse_time
from tests.fakes.recording import Recording

pytestmark = pytest.mark.anyio
KILLED = "checkout-7d9f8b6c5f-x2x7k"
RECORDING = Recording.named("checkout_oom")
NOW = int(RECORDING.now.timestamp())
SECOND = 1_000_000_000
HOUR = {"start": str((NOW - 3600) * SECOND), "end": str(NOW * SECOND)}


@pytest.fixture
async def loki() -> AsyncIterator[FakeLoki]:
    async with FakeLoki(RECORDING) as server:
        yield server


async def ask(server: FakeLoki, path: str, parameters: dict[str, str], **headers: str) -> tuple[int, Any]:
    url = f"{server.url}/loki/api/v1/{path}"
    async with aiohttp.ClientSession() as session, session.get(url, params=parameters, headers=headers) as response:
        is_json = response.content_type == "application/json"
        return response.status, await response.json() if is_json else await response.text()


async def lines(server: FakeLoki, query: str, **parameters: str) -> list[list[str]]:
    status, body = await ask(server, "query_range", {"query": query, **HOUR, "limit": "5000", **parameters})
    assert status == 200
    return [row for stream in body["data"]["result"] for row in stream["values"]]


async def test_milliseconds_are_read_as_nanoseconds_of_1970(loki: FakeLoki) -> None:
    query = '{namespace="shop"}'
    assert await lines(loki, query)
    assert await lines(loki, query, start=str(NOW - 3600), end=str(NOW))
    assert await lines(loki, query, start=f"{NOW - 3600}.0", end=f"{NOW}.0")
    assert await lines(loki, query, start=str((NOW - 3600) * 1000), end=str(NOW * 1000)) == []


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1787392800", 1_787_392_800 * SECOND),
        ("1787392800123", 1_787_392_800_123),
        ("1787392800123456789", 1_787_392_800_123_456_789),
        ("1787392800.5", 1_787_392_800 * SECOND + SECOND // 2),
        ("2026-08-22T10:00:00Z", 1_787_392_800 * SECOND),
        ("", 7),
    ],
)
async def test_a_time_is_read_by_its_number_of_digits(text: str, nanoseconds: int) -> None:
    assert parse_time(text, 7) == nanoseconds


async def test_the_start_is_inside_and_the_end_is_outside(loki: FakeLoki) -> None:
    every = sorted(int(row[0]) for row in await lines(loki, f'{{pod="{KILLED}"}}'))
    first, last = every[0], every[-1]
    inside = [int(row[0]) for row in await lines(loki, f'{{pod="{KILLED}"}}', start=str(first), end=str(last))]
    assert first in inside
    assert last not in inside


async def test_lines_of_a_pod_that_is_gone_are_still_there(loki: FakeLoki) -> None:
    yesterday = {"start": str(NOW - 90_000), "end": str(NOW - 82_800)}
    found = await lines(loki, '{app="checkout",pod=~"checkout-6c8f7d9b54-.+"}', **yesterday)
    assert len(found) == 61


async def test_the_limit_counts_over_all_streams_and_takes_the_newest(loki: FakeLoki) -> None:
    every = sorted(int(row[0]) for row in await lines(loki, '{namespace="shop"}'))
    newest = sorted(int(row[0]) for row in await lines(loki, '{namespace="shop"}', limit="7"))
    oldest = sorted(int(row[0]) for row in await lines(loki, '{namespace="shop"}', limit="7", direction="forward"))
    assert (newest, oldest) == (every[-7:], every[:7])


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ('{namespace="shop"} |= "GC cannot"', True),
        ('{namespace="shop"} != "GC cannot"', False),
        ('{namespace=~"sh.+"} |~ `(?i)gc CANNOT`', True),
        ('{namespace="shop"} !~ `GC|cart|connect|warm|starting|failed|refused`', False),
        ('{app="checkout", container!="side"} | detected_level="error" |= "GC"', True),
        ('{app="checkout"} | logfmt | limit_mib >= 256', True),
        ('{app="checkout"} | logfmt | limit_mib > 256', False),
        ('{app!~"checkout|frontend", namespace="shop"}', False),
    ],
)
async def test_lines_are_filtered(loki: FakeLoki, query: str, holds: bool) -> None:  # noqa: FBT001 - a table's column
    assert any("GC cannot keep up" in row[1] for row in await lines(loki, query)) is holds


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('{app=~".*"}', "empty-compatible value"),
        ("{}", "empty-compatible value"),
        ('{app="checkout"', "parse error"),
        ('{app="checkout"} |~ `(`', "error parsing regexp"),
        ('{app="checkout"} and more', "parse error"),
        ("", "parse error"),
    ],
)
async def test_a_query_that_cannot_be_read_is_a_400_in_plain_text(loki: FakeLoki, query: str, says: str) -> None:
    status, body = await ask(loki, "query_range", {"query": query, **HOUR})
    assert status == 400
    assert isinstance(body, str)
    assert says in body


async def test_an_old_recording_answers_about_its_own_last_hour_where_no_time_is_given(loki: FakeLoki) -> None:
    _, body = await ask(loki, "query_range", {"query": '{app="checkout"}'})
    assert body["data"]["result"]


async def test_too_many_lines_or_an_end_before_the_start_is_a_400(loki: FakeLoki) -> None:
    query = {"query": '{app="checkout"}'}
    assert (await ask(loki, "query_range", {**query, **HOUR, "limit": "5001"}))[0] == 400
    assert (await ask(loki, "query_range", {**query, "start": HOUR["end"], "end": HOUR["start"]}))[0] == 400
    assert (await ask(loki, "query", query))[0] == 400


async def test_a_tenant_is_asked_for_where_tenants_exist() -> None:
    async with FakeLoki(RECORDING, tenant_required=True) as server:
        query = {"query": '{app="checkout"}', **HOUR}
        assert await ask(server, "query_range", query) == (401, "no org id\n")
        assert (await ask(server, "query_range", query, **{"X-Scope-OrgID": "shop"}))[0] == 200


async def test_lines_are_counted_over_time_by_label(loki: FakeLoki) -> None:
    query = 'sum by (pod) (count_over_time({namespace="shop", pod=~"checkout-.+"} |= "GC cannot" [1h]))'
    status, body = await ask(loki, "query", {"query": query, "time": str(NOW)})
    counted = {one["metric"]["pod"]: one["value"][1] for one in body["data"]["result"]}
    assert (status, body["data"]["resultType"]) == (200, "vector")
    assert counted == {KILLED: "4", "checkout-7d9f8b6c5f-k9wqp": "4"}
    status, body = await ask(loki, "query_range", {"query": query, **HOUR, "step": "10m"})
    assert (status, body["data"]["resultType"]) == (200, "matrix")


async def test_labels_values_series_and_size_can_be_asked(loki: FakeLoki) -> None:
    _, labels = await ask(loki, "labels", HOUR)
    _, apps = await ask(loki, "label/app/values", HOUR)
    _, series = await ask(loki, "series", {"match[]": f'{{pod="{KILLED}"}}', **HOUR})
    _, size = await ask(loki, "index/stats", {"query": '{app="checkout"}', **HOUR})
    assert {"namespace", "pod", "container", "app"} <= set(labels["data"])
    assert "detected_level" not in labels["data"]
    assert apps["data"] == ["checkout", "frontend"]
    assert [one["container"] for one in series["data"]] == ["app"]
    assert set(size) == {"streams", "chunks", "entries", "bytes"}
    assert (await ask(loki, "patterns", {"query": '{app="checkout"}', **HOUR}))[0] == 404


async def test_structured_metadata_splits_streams_unless_labels_are_kept_apart(loki: FakeLoki) -> None:
    query = {"query": f'{{pod="{KILLED}"}}', **HOUR, "limit": "5000"}
    _, folded = await ask(loki, "query_range", query)
    _, apart = await ask(loki, "query_range", query, **{"X-Loki-Response-Encoding-Flags": "categorize-labels"})
    assert len(folded["data"]["result"]) > 1
    assert all("detected_level" in one["stream"] for one in folded["data"]["result"])
    assert len(apart["data"]["result"]) == 1
    assert apart["data"]["encodingFlags"] == ["categorize-labels"]
    assert {len(row) for row in apart["data"]["result"][0]["values"]} == {3}


async def test_lines_without_a_time_lie_in_the_last_minutes_and_always_at_the_same_ones() -> None:
    untimed = Recording(now=RECORDING.now, logs={"app": [[None, f"line {i}"] for i in range(10)]})
    first = [(line.at, line.text) for line in untimed.lines("app")]
    assert first == [(line.at, line.text) for line in untimed.lines("app")]
    assert [text for _, text in first] == [f"line {i}" for i in range(10)]
    assert all(0 < (RECORDING.now - at).total_seconds() <= 300 for at, _ in first)
