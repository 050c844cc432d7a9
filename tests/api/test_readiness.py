"""Ready or not in a word, and on request how everything fares."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.subject import Subject
from app.gather.breaker import FAILURES_IN_A_ROW
from tests.api.running import House, house
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.ingest.bodies import wire_body

pytestmark = pytest.mark.anyio


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[FakePrometheus]:
    del tmp_path
    async with FakePrometheus(Recording.named("checkout_oom")) as server:
        yield server


async def complete(sitrep: House, identifier: str) -> dict[str, Any]:
    """The record once nothing more is asked."""
    async with asyncio.timeout(30):
        while (record := await sitrep.record(identifier))["enrichment"] != "complete":
            await asyncio.sleep(0.1)
    return record


async def test_without_asking_it_is_one_word(sitrep: House) -> None:
    assert (await sitrep.http.get("/readyz")).json() == {"status": "ready"}


async def test_in_detail_it_tells_what_waits(sitrep: House) -> None:
    await sitrep.post(wire_body())
    told = (await sitrep.http.get("/readyz?verbose")).json()
    assert told["status"] == "ready"
    assert told["version"]
    assert told["sources"] == []
    assert told["waiting"] == {
        "incidents_behind": 1,
        "incidents_parked": 0,
        "deliveries_due": 0,
        "deliveries_parked": {},
        "oldest_due_seconds": 0.0,
    }


async def test_a_playbook_that_breaks_while_it_runs_is_named_and_its_last_good_version_is_used(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text("alerts: [CheckoutSlow]\nnotes: [good]\n")
    settings = {"SITREP_PLAYBOOKS_DIR": str(tmp_path), "SITREP_KUBERNETES": "off"}
    async with house(database_url, settings, role="all") as sitrep:
        assert (await sitrep.http.get("/readyz?verbose")).json()["playbooks"] == []
        file.write_text("alerts: [CheckoutSlow]\nnotes: [good]\ncolour: red\n")
        async with asyncio.timeout(30):
            while not (told := (await sitrep.http.get("/readyz?verbose")).json()["playbooks"]):
                await asyncio.sleep(0.1)
        assert told == [f"{file}:3: colour: Extra inputs are not permitted"]
        assert "sitrep_playbooks_refused 1.0" in (await sitrep.http.get("/metrics")).text
        books = sitrep.app.state.context.books
        assert books.for_alert("CheckoutSlow", Subject("", "shop", "Pod", "x")).notes == ("good",)


async def test_a_source_that_is_left_alone_is_named_with_its_reason(
    database_url: str, prometheus: FakePrometheus
) -> None:
    prometheus.trouble = Trouble("status", status=500)
    settings = {"SITREP_PROMETHEUS_URL": prometheus.url}
    async with house(database_url, settings, role="all") as sitrep:
        (way,) = [one for one in sitrep.app.state.context.ways if one.source.name == "prometheus"]
        assert (await sitrep.http.get("/readyz?verbose")).json()["sources"] == [
            {"name": "prometheus", "state": "asked", "reason": ""},
            {"name": "journal", "state": "asked", "reason": ""},
        ]
        for _ in range(FAILURES_IN_A_ROW):
            way.breaker.failed("Prometheus failed (500)")
        source, _ = (await sitrep.http.get("/readyz?verbose")).json()["sources"]
        assert source["state"] == "left alone"
        assert "failed 8 times in a row (Prometheus failed (500))" in source["reason"]


async def test_an_incident_whose_source_is_dead_costs_the_next_one_nothing(
    database_url: str, prometheus: FakePrometheus
) -> None:
    prometheus.trouble = Trouble("status", status=500)
    settings = {"SITREP_PROMETHEUS_URL": prometheus.url, "SITREP_STORM": "off"}
    async with house(database_url, settings, role="all") as sitrep:
        for number in range(6):
            await complete(sitrep, await sitrep.opened(wire_body(groupKey=f"group {number}")))
        metrics = (await sitrep.http.get("/metrics")).text
        assert 'sitrep_source_breaker_open{cluster="",source="prometheus"} 1.0' in metrics
        last = await complete(sitrep, await sitrep.opened(wire_body(groupKey="the last")))
        reasons = {gap["reason"] for gap in last["gaps"] if gap["source"] == "prometheus"}
        assert any(reason.startswith("not asked: failed") for reason in reasons), reasons
