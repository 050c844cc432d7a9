"""Every body that a real Alertmanager sent is accepted over HTTP, once and again, and ends as it ended."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.api.running import House

pytestmark = pytest.mark.anyio
ORDER = ("firing", "repeat", "partial", "resolved")
IGNORED = {"Watchdog", "InfoInhibitor"}
COUNTED = ("incident", "alert", "timeline", "alert_group", "group_episode", "procrastinate_jobs", "delivery")


def captured(shared: Path) -> list[dict[str, Any]]:
    """All bodies, each group's in the order in which they were sent."""
    paths = [path for path in (shared / "captures" / "alertmanager").glob("*.json") if path.name[0] != "_"]
    paths.sort(key=lambda path: (ORDER.index(path.name.partition("_")[0]), path.name))
    return [json.loads(path.read_bytes()) for path in paths]


async def counts(sitrep: House) -> dict[str, int]:
    return {table: (await sitrep.rows(f"select count(*) as n from {table}"))[0]["n"] for table in COUNTED}  # noqa: S608


async def test_all_captures_are_accepted_deduplicated_and_end_resolved(sitrep: House, shared: Path) -> None:
    bodies = captured(shared)
    assert len(bodies) == 282
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    ends: set[tuple[str, str]] = set()
    for body in bodies:
        answer = await sitrep.post(body)
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == []
        names = {alert["labels"]["alertname"] for alert in body["alerts"]}
        key = (body["receiver"], body["groupKey"])
        found[key] |= {incident["id"] for incident in answer.json()["incidents"]}
        assert bool(found[key]) == bool(names - IGNORED)
        if body["status"] == "resolved" and names - IGNORED:
            ends.add(key)
    assert all(len(incidents) <= 1 for incidents in found.values())
    assert len(ends) > 100
    before = await counts(sitrep)
    for body in bodies:
        again = await sitrep.post(body)
        assert {incident["id"] for incident in again.json()["incidents"]} <= found[body["receiver"], body["groupKey"]]
    assert await counts(sitrep) == before
    states = {str(row["id"]): row["state"] for row in await sitrep.rows("select id, state from incident")}
    for key, incidents in found.items():
        for incident in incidents:
            assert states[incident] == ("resolved" if key in ends else "firing"), key
