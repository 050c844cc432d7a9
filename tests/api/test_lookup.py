"""Looking up: filters, pages, odd queries, one incident and its parts, what a person found."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.running import INCIDENTS, House, house, problem
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio
T0 = datetime(2026, 8, 22, 10, 0, tzinfo=UTC)


@pytest.fixture
async def sitrep(database_url: str) -> AsyncIterator[House]:
    """Every group is an incident here, whatever it is about."""
    async with house(database_url, {"SITREP_STORM": "off"}) as running:
        yield running


def body(number: int, *, minutes: float | None = None, status: str = "firing", **labels: str) -> dict[str, Any]:
    """A group of its own, that began so many minutes after T0."""
    began = (T0 + timedelta(minutes=number if minutes is None else minutes)).isoformat()
    named = {"alertname": f"A{number}", "severity": "warning", "namespace": "shop", "deployment": "checkout", **labels}
    ends = {"endsAt": (T0 + timedelta(days=1)).isoformat()} if status == "resolved" else {}
    alert = wire_alert(labels=named, startsAt=began, status=status, **ends)
    return wire_body(alert, groupKey=f"group {number}", status=status)


async def titles(sitrep: House, **query: object) -> list[str]:
    answer = await sitrep.http.get(INCIDENTS, params=query)  # type: ignore[arg-type] # httpx turns them into text
    assert answer.status_code == 200, answer.text
    return [item["title"].partition(" ")[0] for item in answer.json()["items"]]


async def test_an_item_of_the_list_carries_what_a_list_shows(sitrep: House) -> None:
    identifier = await sitrep.opened(body(1))
    [item] = (await sitrep.http.get(INCIDENTS)).json()["items"]
    assert item == {
        "id": identifier,
        "url": f"http://127.0.0.1:8080/incidents/{identifier}",
        "state": "firing",
        "enrichment": "pending",
        "severity": "warning",
        "title": "A1 shop/checkout",
        "headline": "A1 shop/checkout",
        "started_at": "2026-08-22T10:01:00Z",
        "parked": None,
    }


async def test_each_filter_leaves_what_matches_newest_first(sitrep: House) -> None:
    await sitrep.post(body(1))
    await sitrep.post(body(2, severity="critical"))
    await sitrep.post(body(3, severity="info", namespace="pay"))
    await sitrep.post(body(4, deployment="cart"))
    await sitrep.post(body(5, cluster="west"))
    await sitrep.post(body(6, status="resolved", severity="none"))
    assert await titles(sitrep) == ["A6", "A5", "A4", "A3", "A2", "A1"]
    assert await titles(sitrep, state="resolved") == ["A6"]
    assert await titles(sitrep, state="firing") == ["A5", "A4", "A3", "A2", "A1"]
    assert await titles(sitrep, severity="critical") == ["A2"]
    assert await titles(sitrep, severity="none") == ["A6"]
    assert await titles(sitrep, alertname="A3") == ["A3"]
    assert await titles(sitrep, alertname="a3") == []
    assert await titles(sitrep, cluster="west") == ["A5"]
    assert await titles(sitrep, namespace="pay") == ["A3"]
    assert await titles(sitrep, workload="cart") == ["A4"]
    assert await titles(sitrep, cause="memory") == []
    assert await titles(sitrep, since=(T0 + timedelta(minutes=5)).isoformat()) == ["A6", "A5"]
    assert await titles(sitrep, until=(T0 + timedelta(minutes=2)).isoformat()) == ["A1"]
    assert await titles(sitrep, q="cart") == ["A4"]
    assert await titles(sitrep, q="shop/cart") == ["A4"]
    assert await titles(sitrep, q="A2 or A4") == ["A4", "A2"]
    assert await titles(sitrep, q="checkout", severity="critical", state="firing", namespace="shop") == ["A2"]
    assert await titles(sitrep, unknown="ignored") == ["A6", "A5", "A4", "A3", "A2", "A1"]


async def test_pages_stay_put_while_new_incidents_arrive(sitrep: House) -> None:
    for number in range(10):
        # Two of each start, so that pages break between equals.
        await sitrep.post(body(number, minutes=number // 2))
    seen: list[str] = []
    cursor = None
    for newcomer in range(20, 30):
        answer = (
            await sitrep.http.get(INCIDENTS, params={"limit": 3, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [item["title"].partition(" ")[0] for item in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
        await sitrep.post(body(newcomer, minutes=newcomer))
    assert sorted(seen) == [f"A{number}" for number in range(10)]
    assert seen[0] in {"A8", "A9"}


async def test_the_last_page_has_no_cursor_and_limits_are_bounded(sitrep: House) -> None:
    for number in range(3):
        await sitrep.post(body(number))
    assert (await sitrep.http.get(INCIDENTS, params={"limit": 3})).json()["next_cursor"] is None
    assert (await sitrep.http.get(INCIDENTS, params={"limit": 2})).json()["next_cursor"] is not None
    assert len(await titles(sitrep, limit=200)) == 3
    for limit in ("0", "201", "-1", "x", "", "1e9", "9" * 400):
        assert problem(await sitrep.http.get(INCIDENTS, params={"limit": limit}), 422)["field"] == "query.limit"


@pytest.mark.parametrize(
    "name_and_value",
    [
        ("state", "burning"),
        ("severity", "loud"),
        ("since", "yesterday"),
        ("since", "2026-08-22T10:00:00"),
        ("until", ""),
        ("namespace", "a\x00b"),
        ("workload", "w" * 201),
        ("q", "\x00"),
        ("q", "q" * 10_240),
        ("cursor", "c" * 301),
    ],
    ids=lambda pair: pair[0] + ascii(pair[1])[:20],
)
async def test_a_filter_that_makes_no_sense_is_named(sitrep: House, name_and_value: tuple[str, str]) -> None:
    name, value = name_and_value
    document = problem(await sitrep.http.get(INCIDENTS, params={name: value}), 422)
    assert document["field"].startswith(f"query.{name}")


async def test_a_cursor_that_is_not_ours_is_a_bad_request(sitrep: House) -> None:
    for cursor in ("x", "!", "bnVsbA", "WzEsMl0", "e30", "\u00e9", "WyIyMDI2Il0", "W" * 300, "AAAA", "_-_-"):
        document = problem(await sitrep.http.get(INCIDENTS, params={"cursor": cursor}), 400)
        assert document["field"] == "cursor", cursor


async def test_no_search_text_breaks_the_search(sitrep: House) -> None:
    await sitrep.post(body(1))
    odd = [
        "'",
        '"',
        '"unclosed',
        "a & | ! <-> b",
        "\\",
        "%",
        "():*",
        "-",
        "or",
        "' or 1=1 --",
        "\u202e\U0001f4a9",
        "a" * 500,
    ]
    for text in [*odd, "\ud7ff\uffff", " ", "\t\n", ",".join("abc" * 50)]:
        assert (await sitrep.http.get(INCIDENTS, params={"q": text})).status_code == 200, text
        assert (await sitrep.http.get("/", params={"q": text})).status_code == 200, text
    for raw in ("%ff%fe", "%00", "%", "%zz", "a=b&q=%e2%82"):
        for place in (INCIDENTS, "/"):
            assert (await sitrep.http.get(f"{place}?q={raw}")).status_code < 500, raw


async def test_times_at_the_ends_of_the_calendar_are_answered(sitrep: House) -> None:
    await sitrep.post(body(1))
    for time in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"):
        assert (await sitrep.http.get(INCIDENTS, params={"since": time})).status_code == 200
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        problem(await sitrep.http.get(INCIDENTS, params={"until": time}), 400)


@pytest.mark.parametrize("part", ["", "/evidence", "/timeline", "/similar"])
async def test_an_incident_and_its_parts_are_found_by_id_alone(sitrep: House, part: str) -> None:
    identifier = await sitrep.opened(body(1))
    assert (await sitrep.http.get(f"{INCIDENTS}/{identifier}{part}")).status_code == 200
    assert str(uuid4()) not in problem(await sitrep.http.get(f"{INCIDENTS}/{uuid4()}{part}"), 404)["detail"]
    for bad in ("x", "1", "0" * 4_000, "%00", "%ff"):
        assert problem(await sitrep.http.get(f"{INCIDENTS}/{bad}{part}"), 422)["field"] == "path.incident_id"


async def test_a_path_or_method_that_does_not_exist_is_a_problem_document(sitrep: House) -> None:
    problem(await sitrep.http.get("/api/v1/nothing"), 404)
    problem(await sitrep.http.get(f"{INCIDENTS}/"), 404)
    document = await sitrep.http.delete(INCIDENTS)
    problem(document, 405)
    assert document.headers["allow"] == "GET"


async def test_the_timeline_tells_what_fired_and_what_ended(sitrep: House) -> None:
    identifier = await sitrep.opened(body(1))
    await sitrep.post(body(1, status="resolved"))
    items = (await sitrep.http.get(f"{INCIDENTS}/{identifier}/timeline")).json()["items"]
    assert [(item["kind"], item["at"]) for item in items] == [
        ("alert.firing", "2026-08-22T10:01:00Z"),
        ("alert.resolved", "2026-08-23T10:00:00Z"),
    ]
    assert all(item["text"] and item["source"] == "alertmanager" for item in items)


async def test_evidence_before_the_first_enrichment_is_empty(sitrep: House) -> None:
    identifier = await sitrep.opened(body(1))
    evidence = (await sitrep.http.get(f"{INCIDENTS}/{identifier}/evidence")).json()
    assert evidence == {"items": [], "gaps": [], "milliseconds": {}}


async def test_what_a_person_found_is_kept_redacted_and_shown(sitrep: House) -> None:
    identifier = await sitrep.opened(body(1))
    assert (await sitrep.record(identifier))["resolution"] is None
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    found = {"cause": "memory.limit_too_low", "root_cause": "limit halved", "fix": f"rolled back\x00 with {secret}"}
    place = f"{INCIDENTS}/{identifier}/resolution"
    answer = await sitrep.http.put(place, json=found)
    assert answer.status_code == 200, answer.text
    kept = (await sitrep.record(identifier))["resolution"]
    assert kept == answer.json()
    assert kept["root_cause"] == "limit halved"
    assert kept["notes"] == ""
    assert secret not in kept["fix"]
    assert "rolled back\ufffd" in kept["fix"]
    assert "limit halved" in (await sitrep.http.get(f"/incidents/{identifier}")).text
    await sitrep.http.put(place, content=b'{"fix": "half \\ud800"}', headers={"Content-Type": "application/json"})
    assert (await sitrep.record(identifier))["resolution"]["fix"] == "half ?"
    await sitrep.http.put(place, json={"fix": "x" * 100_000})
    assert len((await sitrep.record(identifier))["resolution"]["fix"]) == 4_000


async def test_a_resolution_that_cannot_be_read_changes_nothing(sitrep: House) -> None:
    identifier = await sitrep.opened(body(1))
    place = f"{INCIDENTS}/{identifier}/resolution"
    for content in (b"", b"x", b"[]", b'{"fix": 7}', b"\xff", b"[" * 100_000, b'{"fix": null}'):
        answer = await sitrep.http.put(place, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text
        problem(answer, answer.status_code)
    problem(await sitrep.http.put(place, json={"fix": "x" * 9_000_000}), 413)
    problem(await sitrep.http.put(f"{INCIDENTS}/{uuid4()}/resolution", json={"fix": "x"}), 404)
    assert (await sitrep.record(identifier))["resolution"] is None
