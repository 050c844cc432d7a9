"""The whole record over REST: judged, with its evidence, and with the past that it resembles."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.evidence import Evidence, ObjectState, Series
from app.domain.playbook import Guidance
from tests.api.running import INCIDENTS, House, house
from tests.ingest.bodies import wire_alert, wire_body
from tests.scenarios import incidents as cases
from tests.scenarios.incidents import CHECKOUT, ONSET
from tests.web.stages import hostile_evidence, judged

pytestmark = pytest.mark.anyio


async def test_a_judged_incident_has_every_field_of_the_interface(sitrep: House) -> None:
    identifier = await judged(sitrep, cases.oom_after_rollout())
    record = await sitrep.record(identifier)
    assert record["enrichment"] == "complete"
    [hypothesis] = record["hypotheses"]
    assert hypothesis["subject"] == {"cluster": "prod", "namespace": "shop", "kind": "Deployment", "name": "checkout"}
    assert (hypothesis["rank"], hypothesis["cause"], hypothesis["confidence"]) == (1, "memory.limit_too_low", "high")
    [change] = record["changes"]
    assert change["seconds_before_onset"] == 240
    assert change["diff"][0] == {"path": "resources.limits.memory", "old": "512Mi", "new": "256Mi"}
    assert record["onset_at"] == "2026-10-19T02:04:00Z"
    assert record["gaps"] == [{"source": "loki", "question": "errors of shop/checkout", "reason": "no answer in 4 s"}]
    assert record["timings"]["gathered_ms"] == 820
    assert record["timings"]["sources"] == {"kubernetes": 310}
    assert record["runbooks"] == ["https://runbooks.example/KubePodCrashLooping"]
    listed = (await sitrep.http.get(INCIDENTS, params={"cause": "memory", "q": "crash looping"})).json()["items"]
    assert [item["id"] for item in listed] == [identifier]


async def test_what_playbooks_say_stands_in_the_record_and_their_runbook_behind_the_alerts_own(sitrep: House) -> None:
    case = cases.oom_after_rollout()
    assert case.assessment
    told = Guidance(
        ("crash_loop",), ("exit code: 137",), ("A note.",), ("kubectl get pods",), ("https://ours.example/x",)
    )
    identifier = await judged(sitrep, replace(case, assessment=replace(case.assessment, guidance=told)))
    record = await sitrep.record(identifier)
    assert record["guidance"] == {
        "playbooks": ["crash_loop"],
        "measured": ["exit code: 137"],
        "notes": ["A note."],
        "first_checks": ["kubectl get pods"],
    }
    assert record["runbooks"] == ["https://runbooks.example/KubePodCrashLooping", "https://ours.example/x"]


async def test_evidence_is_shown_whole_and_never_holds_what_json_cannot(sitrep: House) -> None:
    nan = Series("e8", CHECKOUT, "x", "x", "count", {}, ((ONSET.timestamp(), float("nan")), (0.0, None)))
    body = ObjectState("e9", CHECKOUT, ONSET, {"status": {"a": [1, None, "\x00"]}})
    evidence = hostile_evidence("<b>") + Evidence.seen((nan, body))
    identifier = await judged(sitrep, cases.oom_after_rollout(), evidence=evidence)
    answer = await sitrep.http.get(f"{INCIDENTS}/{identifier}/evidence")
    assert answer.status_code == 200
    items = {item["id"]: item for item in answer.json()["items"]}
    assert {item["kind"] for item in items.values()} == {
        "cluster_event",
        "log_pattern",
        "probe",
        "series",
        "object_state",
    }
    assert items["e8"]["points"][0] == [ONSET.timestamp(), None]
    assert items["e9"]["body"] == {"status": {"a": [1, None, "\ufffd"]}}
    assert (await sitrep.http.get(f"/incidents/{identifier}")).status_code == 200


def episode(key: str, began: datetime, ended: datetime | None = None) -> dict[str, Any]:
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "checkout"}
    alert = wire_alert(labels=labels, startsAt=began.isoformat())
    if ended:
        alert |= {"status": "resolved", "endsAt": ended.isoformat()}
    return wire_body(alert, groupKey=key, status=alert["status"])


async def complete(running: House, identifier: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while (record := await running.record(identifier))["enrichment"] != "complete":
            await asyncio.sleep(0.1)
    return record


async def test_what_fixed_it_then_is_told_when_it_comes_again(database_url: str) -> None:
    now = datetime.now(UTC)
    async with house(database_url, role="all") as running:
        began = now - timedelta(days=2)
        first = await running.opened(episode("then", began, began + timedelta(minutes=21)))
        await complete(running, first)
        found = {"cause": "memory.limit_too_low", "root_cause": "limit halved", "fix": "rolled back to 41"}
        await running.http.put(f"{INCIDENTS}/{first}/resolution", json=found)
        second = await running.opened(episode("again", now))
        record = await complete(running, second)
        [past] = (await running.http.get(f"{INCIDENTS}/{second}/similar")).json()["items"]
        assert past == record["similar"][0]
        assert (past["incident_id"], past["fix"], past["cause"]) == (first, "rolled back to 41", "memory.limit_too_low")
        assert past["seconds_to_resolve"] == 21 * 60
        page = (await running.http.get(f"/incidents/{second}")).text
        assert f"/incidents/{first}" in page
        assert "rolled back to 41" in page
