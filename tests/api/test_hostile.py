"""Bodies that would break a careless reader: each is refused clearly or stored, and costs nobody else anything."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from app import telemetry
from tests.api.running import House, house, problem
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio
NEIGHBOUR = wire_alert(labels={"alertname": "Neighbour", "namespace": "shop"})


@pytest.fixture
async def sitrep(database_url: str) -> AsyncIterator[House]:
    """Every group is an incident here, whatever it is about."""
    async with house(database_url, {"SITREP_STORM": "off"}) as running:
        yield running


def labels(**more: str) -> dict[str, Any]:
    return wire_alert(labels={"alertname": "Odd", "namespace": "shop", **more})


ODD_ALERTS: dict[str, object] = {
    "NUL bytes": labels(a="x\x00y"),
    "NUL in every place": json.loads(json.dumps(labels()).replace("shop", "sh\\u0000op").replace("Odd", "O\\u0000")),
    "a label of 100 kB": labels(a="x" * 100_000),
    "every label of 100 kB": wire_alert(labels={f"l{n}": "y" * 100_000 for n in range(20)}),
    "an alert name of 100 kB": labels(alertname="n" * 100_000),
    "a label name of 100 kB": labels(**{"k" * 100_000: "v"}),
    "10,000 labels": labels(**{f"name_{n}": "v" for n in range(10_000)}),
    "an annotation of 1 MB": {**labels(), "annotations": {"summary": "z" * 1_000_000}},
    "year 1": {**labels(), "startsAt": "0001-01-01T00:00:00Z"},
    "year 1, west": {**labels(), "startsAt": "0001-01-01T00:00:00+14:00"},
    "year 9999": {**labels(), "startsAt": "9999-12-31T23:59:59.999999999Z"},
    "year 9999, ended": {**labels(), "status": "resolved", "endsAt": "9999-12-31T23:59:59-14:00"},
    "ended before it began": {**labels(), "status": "resolved", "endsAt": "1000-01-01T00:00:00Z"},
    "year 0": {**labels(), "startsAt": "0000-01-01T00:00:00Z"},
    "year 10000": {**labels(), "startsAt": "10000-01-01T00:00:00Z"},
    "no labels": wire_alert(labels={}),
    "right-to-left and control characters": labels(a="\u202e\u0007\x1b[31m", pod="\u0000\ufeff"),
    "numbers too large": {**labels(), "fingerprint": 10**400},
    "nested": {**labels(), "labels": {"a": [[[[{}]]]]}},
    "null": None,
}


async def test_an_odd_alert_is_stored_or_refused_and_its_neighbour_is_kept(sitrep: House) -> None:
    for name, alert in ODD_ALERTS.items():
        await stored_or_refused(sitrep, name, alert)


async def stored_or_refused(sitrep: House, name: str, alert: object) -> None:
    alone = await sitrep.post(wire_body(alert, groupKey=f"alone: {name}"))
    if alone.status_code != 202:
        problem(alone, 400)
    together = await sitrep.post(wire_body(alert, NEIGHBOUR, groupKey=f"together: {name}"))
    assert together.status_code == 202, name
    accepted = together.json()
    assert (alone.status_code == 202) == (accepted["rejected"] == []), name
    identifier = accepted["incidents"][0]["id"]
    record = await sitrep.record(identifier)
    assert "Neighbour" in {a["labels"].get("alertname") for a in record["alerts"]}
    assert len(record["alerts"]) == accepted["alerts"]
    assert len(json.dumps(record)) < 500_000
    for place in (f"/incidents/{identifier}", "/", f"/api/v1/incidents/{identifier}/timeline"):
        assert (await sitrep.http.get(place)).status_code == 200


async def test_invalid_utf8_and_damaged_bodies_never_fail(sitrep: House) -> None:
    good = json.dumps(wire_body()).encode()
    for at in range(0, len(good), 37):
        for damage in (b"\xff", b"\x00", b"\xed\xa0\x80", b"\\ud800", b"}", b'"'):
            answer = await sitrep.post(good[:at] + damage + good[at:])
            assert answer.status_code in {202, 400}, answer.text
    assert (await sitrep.http.get("/")).status_code == 200


async def test_endlessly_new_label_names_leave_metrics_and_memory_bounded(sitrep: House) -> None:
    async def post(number: int) -> None:
        alerts = [labels(**{f"name_{number}_{n}": f"value {number} {n}" for n in range(100)})]
        answer = await sitrep.post(wire_body(*alerts, receiver=f"r{number}", groupKey=f"group {number}"))
        assert answer.status_code == 202

    for number in range(20):
        await post(number)
    series = len(generate_latest(telemetry.REGISTRY).splitlines())
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(20, 220):
        await post(number)
    assert len(generate_latest(telemetry.REGISTRY).splitlines()) <= series + 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 60_000


async def test_a_big_body_does_not_hold_up_others(sitrep: House) -> None:
    alerts = [
        wire_alert(
            labels={"alertname": "Big", "namespace": "shop", "pod": f"checkout-{n}"},
            annotations={"description": f"password=hunter{n} " + "words about it " * 20},
        )
        for n in range(9_000)
    ]
    content = json.dumps(wire_body(*alerts, groupKey="big")).encode()
    assert 5_000_000 < len(content) < 8 * 1024 * 1024
    posting = asyncio.create_task(sitrep.post(content))
    waits = []
    while not posting.done():
        began = time.perf_counter()
        assert (await sitrep.http.get("/healthz")).status_code == 200
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    answer: httpx.Response = await posting
    assert answer.status_code == 202, answer.text
    assert answer.json()["alerts"] == 9_000
    assert len(waits) > 10
    assert max(waits) < 1.0, f"a health check took {max(waits):.2f} s"
