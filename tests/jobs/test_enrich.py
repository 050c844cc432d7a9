"""The enrich job on a real PostgreSQL, with a source and a notifier that the test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus, Severity
from app.domain.evidence import Evidence, LogPattern, ObjectState, evidence_id
from app.domain.incident import Incident, Recollection
from app.pipeline import About
from app.store.engine import Store
from app.store.queue import MAX_ATTEMPTS, Queue
from tests.jobs.house import (
    POD,
    STARTED,
    Cluster,
    House,
    alert,
    pull_failure,
    replica_set,
    unpullable_pod,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    cluster = Cluster()
    yield House(store, queue, cluster)
    cluster.gate.set()
    await queue.aclose()
    await store.aclose()


async def test_an_incident_is_complete_announced_and_level_when_all_has_answered(house: House) -> None:
    house.cluster.gate.set()
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert incident.announced_at is not None
    assert [(d.notifier, d.part) for d in incident.deliveries] == [("board", "head")]
    assert await house.scalar("select wanted_rev - enriched_rev from incident where id = %(id)s", incident_id) == 0


async def test_at_the_budget_a_partial_record_is_announced_and_the_rest_follows(house: House) -> None:
    incident_id = await house.post(alert())
    working = asyncio.create_task(house.enricher.enrich(incident_id))
    async with asyncio.timeout(10):
        while not (incident := await house.incidents.get(incident_id)).announced_at:
            await asyncio.sleep(0.05)
    assert incident.enrichment == "partial"
    assert incident.gaps, "what has not answered yet is said"
    house.cluster.events.append(pull_failure())
    house.cluster.gate.set()
    await working
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert await house.scalar("select wanted from delivery where incident_id = %(id)s", incident_id) == 2


async def until_announced(house: House, incident_id: UUID) -> None:
    async with asyncio.timeout(10):
        while not (await house.incidents.get(incident_id)).announced_at:
            await asyncio.sleep(0.05)


def kinds(incident: Incident) -> list[str]:
    return [entry.kind for entry in incident.timeline if entry.kind.startswith("news.")]


async def test_a_clear_cause_that_the_first_message_did_not_know_is_told_in_the_thread(house: House) -> None:
    incident_id = await house.post(alert())
    working = asyncio.create_task(house.enricher.enrich(incident_id))
    await until_announced(house, incident_id)
    house.cluster.pods += [replica_set(), unpullable_pod()]
    house.cluster.events.append(pull_failure())
    house.cluster.gate.set()
    await working
    incident = await house.incidents.get(incident_id)
    assert incident.assessment
    assert incident.assessment.hypotheses[0].confidence == "high"
    assert kinds(incident) == ["news.cause"]


async def test_the_end_is_told_once_however_often_its_sender_says_it(house: House) -> None:
    house.cluster.gate.set()
    incident_id = await house.post(alert(), alert("KubePodNotReady"))
    await house.enricher.enrich(incident_id)
    async with house.store.transaction() as transaction:
        await transaction.execute("update incident set first_notified_at = now()")
    ended = datetime.now(UTC)
    await house.post(alert(ended_at=ended), alert("KubePodNotReady", ended_at=ended))
    await house.enricher.enrich(incident_id)
    await house.post(alert(ended_at=ended))
    await house.enricher.enrich(incident_id)
    assert kinds(await house.incidents.get(incident_id)) == ["news.resolved"]


async def test_what_ends_before_anything_was_found_out_is_announced_all_the_same(house: House) -> None:
    incident_id = await house.post(alert())
    await house.post(alert(ended_at=datetime.now(UTC)))
    house.cluster.gate.set()
    await house.enricher.enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.state is AlertStatus.RESOLVED
    assert [delivery.part for delivery in incident.deliveries] == ["head"]


async def test_what_was_over_before_we_heard_of_it_is_kept_and_told_to_nobody(house: House) -> None:
    house.cluster.gate.set()
    incident_id = await house.post(alert(ended_at=datetime.now(UTC)))
    await house.enricher.enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert incident.deliveries == ()


async def test_u0000_from_a_cluster_does_not_stop_the_incident_from_being_stored(house: House) -> None:
    house.cluster.gate.set()
    nasty = replace(pull_failure(), message="Failed to pull image \x00 \ud800 not found")
    house.cluster.events.append(nasty)
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    assert (await house.incidents.get(incident_id)).enrichment == "complete"
    assert await house.incidents.evidence(incident_id)


async def test_a_webhook_during_the_gathering_is_seen_by_the_next_round(house: House) -> None:
    incident_id = await house.post(alert())
    working = asyncio.create_task(house.enricher.enrich(incident_id))
    await asyncio.sleep(0.3)
    assert await house.post(alert(), alert("KubePodNotReady")) == incident_id
    house.cluster.gate.set()
    await working
    assert await house.scalar("select enriched_rev from incident where id = %(id)s", incident_id) == 2


async def test_a_twin_that_was_taken_for_dead_cannot_overwrite(house: House) -> None:
    incident_id = await house.post(alert())
    slow = await house.enrichments.begin(incident_id)
    heir = await house.enrichments.begin(incident_id)
    assert slow
    assert heir
    assert heir.fence > slow.fence
    house.cluster.gate.set()
    judged = await house.enricher.pipeline.judge(
        About(slow.alerts, slow.subjects, slow.received_at), Evidence(), Recollection(), datetime.now(UTC)
    )
    assert await house.enricher._conclude(heir, judged, Recollection(), "complete")
    late = replace(judged, assessment=replace(judged.assessment, headline="from the dead"))
    assert not await house.enricher._conclude(slow, late, Recollection(), "complete")
    assert (await house.incidents.get(incident_id)).headline != "from the dead"


async def test_an_incident_that_fails_again_and_again_is_parked_announced_and_taken_up_at_the_next_webhook(
    house: House,
) -> None:
    house.cluster.gate.set()
    incident_id = await house.post(alert())
    for _ in range(MAX_ATTEMPTS):
        assert await house.enrichments.begin(incident_id)
    await house.enricher.enrich(incident_id)
    assert "failed" in str(await house.scalar("select parked from incident where id = %(id)s", incident_id))
    incident = await house.incidents.get(incident_id)
    assert incident.deliveries, "people hear of it all the same"
    await house.post(alert(), alert("KubePodNotReady"))
    await house.enricher.enrich(incident_id)
    assert (await house.incidents.get(incident_id)).enrichment == "complete"


async def test_what_is_behind_without_a_job_is_found(house: House) -> None:
    incident_id = await house.post(alert())
    assert await house.enrichments.behind() == []
    async with house.store.transaction() as transaction:
        await transaction.execute("delete from procrastinate_jobs")
    assert await house.enrichments.behind() == [(incident_id, int(Severity.CRITICAL))]


async def test_the_judgement_survives_the_end_and_recovery_is_not_claimed_unseen(house: House) -> None:
    house.cluster.gate.set()
    house.cluster.events.append(pull_failure())
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    before = await house.incidents.get(incident_id)
    house.cluster.events.clear()
    await house.post(alert(ended_at=datetime.now(UTC)))
    await house.enricher.enrich(incident_id)
    after = await house.incidents.get(incident_id)
    assert after.state is AlertStatus.RESOLVED
    assert before.assessment
    assert after.assessment
    assert after.assessment.hypotheses == before.assessment.hypotheses
    assert "not confirmed" in after.assessment.briefing.still
    assert "recovery.confirmed" not in {entry.kind for entry in after.timeline}


async def test_a_broken_source_costs_only_itself(house: House) -> None:
    house.cluster.gate.set()
    house.cluster.broken = True
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert {(gap.source, gap.reason) for gap in incident.gaps} >= {("kubernetes", "it is broken")}


def crashed_pod() -> ObjectState:
    terminated = {"exitCode": 1, "reason": "Error", "finishedAt": STARTED.isoformat()}
    status = {
        "name": "app",
        "restartCount": 4,
        "ready": False,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": terminated},
    }
    body = {
        "metadata": {"name": POD.name, "namespace": "shop"},
        "spec": {"containers": [{"name": "app"}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }
    return ObjectState(evidence_id("pod"), POD, STARTED, body)


async def test_a_crash_whose_log_was_empty_is_asked_once_more_and_the_answer_joins(house: House) -> None:
    house.cluster.gate.set()
    house.cluster.pods.append(crashed_pod())
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    later = await house.scalar(
        "select extract(epoch from scheduled_at - now()) from procrastinate_jobs"
        " where task_name = 'look_again' and lock = %(id)s::text",
        incident_id,
    )
    assert 40 < float(str(later)) <= 45
    line = "panic: no such table: carts"
    pattern = LogPattern(evidence_id("log"), POD, line, 1, None, STARTED, STARTED, (line,), "app", "previous")
    house.cluster.logs.append(pattern)
    await house.enricher.look_again(incident_id)
    evidence = await house.incidents.evidence(incident_id)
    assert [item.template for item in evidence.of(LogPattern)] == [line]
    assert evidence.of(ObjectState), "what was seen before is kept"
