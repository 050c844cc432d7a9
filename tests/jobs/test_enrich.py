"""The enrich job on a real PostgreSQL, with a source and a notifier that the test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app import registry
from app.domain.alert import Alert, AlertGroup, AlertStatus, Severity
from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import ClusterEvent, Evidence, LogPattern, ObjectState, evidence_id
from app.domain.incident import Incident, Recollection
from app.domain.query import ContainerLogQuery, EventQuery, ObjectQuery, PodsQuery, Query
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.ingest.identity import content_hash
from app.jobs.announce import Announcer
from app.jobs.enrich import Enricher
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import Letter, Target
from app.pipeline import About, Pipeline
from app.store.acceptance import Acceptance, Post
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.enrichment import Enrichments
from app.store.incidents import Incidents
from app.store.queue import MAX_ATTEMPTS, Queue

pytestmark = pytest.mark.anyio
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
POD = Subject("prod", "shop", "Pod", "checkout-7d9f8b6c5f-x2x7k")


@dataclass
class Cluster:
    """A source that answers from what the test gave it; `gate` holds every answer back, `broken` refuses."""

    name: str = "kubernetes"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False
    events: list[ClusterEvent] = field(default_factory=list)
    pods: list[ObjectState] = field(default_factory=list)
    logs: list[LogPattern] = field(default_factory=list)

    def accepts(self, query: Query) -> bool:
        return isinstance(query, ObjectQuery | PodsQuery | EventQuery | ContainerLogQuery)

    async def answer(self, query: Query) -> Evidence:
        await self.gate.wait()
        if self.broken:
            raise SourceError("it is broken")
        match query:
            case EventQuery():
                return Evidence.seen(self.events)
            case PodsQuery():
                return Evidence.seen(self.pods)
            case ContainerLogQuery():
                return Evidence.seen(self.logs)
        return Evidence()

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="held by a test")

    async def aclose(self) -> None:
        return None


class Board:
    """A notifier that wants a head for everything."""

    name = "board"

    def tells(self, part: str) -> bool:
        return bool(part)

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        del incident
        return (Target("wall", "head"),)

    def digest(self, letter: Letter) -> str:
        return letter.incident.headline

    async def send(self, letter: Letter) -> str:
        return f"wall/{letter.incident.id}"

    async def find(self, letter: Letter) -> str | None:
        del letter
        return None

    async def withdraw(self, target: str, reference: str) -> None:
        del target, reference

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="a wall")

    async def aclose(self) -> None:
        return None


class House:
    """Acceptance and enrichment on one store, the job engine's part played by the test."""

    def __init__(self, store: Store, queue: Queue, cluster: Cluster) -> None:
        self.store = store
        self.cluster = cluster
        self.incidents = Incidents(store)
        self.enrichments = Enrichments(store)
        self.acceptance = Acceptance(store, queue.enqueue, timedelta(minutes=60))
        stages = Pipeline(Gatherer([cluster], Planner(), 3.0), registry.detectors())
        announcer = Announcer(self.incidents, Deliveries(store), Dispatcher([Board()]))
        self.enricher = Enricher(self.enrichments, stages, announcer, queue, budget_seconds=1.5)

    async def post(self, *alerts: Alert) -> UUID:
        firing = any(alert.status is AlertStatus.FIRING for alert in alerts)
        state = AlertStatus.FIRING if firing else AlertStatus.RESOLVED
        group = AlertGroup("alertmanager", "prod", "sitrep", "{}:{}", b"k" * 32, state, 0, {}, "", alerts)
        return await self.acceptance.accept(Post(group, (CHECKOUT,), content_hash(group), datetime.now(UTC)))

    async def scalar(self, sql: str, incident_id: UUID) -> object:
        async with self.store.transaction() as transaction:
            row = await transaction.one(sql, id=incident_id)
        assert row
        return next(iter(row.values()))


def alert(name: str = "KubePodCrashLooping", ended_at: datetime | None = None) -> Alert:
    status = AlertStatus.FIRING if ended_at is None else AlertStatus.RESOLVED
    labels = {"alertname": name, "namespace": "shop", "severity": "critical"}
    return Alert(name, status, labels, {}, STARTED, ended_at)


STARTED = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


def pull_failure() -> ClusterEvent:
    message = 'Failed to pull image "registry.example/shop/checkout:1.4.2": not found'
    return ClusterEvent(evidence_id("event"), POD, STARTED, STARTED, "Failed", message, warning=True, count=3)


REPLICA_SET = {"kind": "ReplicaSet", "name": "checkout-7d9f8b6c5f", "controller": True}


def replica_set() -> ObjectState:
    owner = {"kind": "Deployment", "name": "checkout", "controller": True}
    body = {"metadata": {"name": REPLICA_SET["name"], "namespace": "shop", "ownerReferences": [owner]}}
    subject = Subject("prod", "shop", "ReplicaSet", str(REPLICA_SET["name"]))
    return ObjectState(evidence_id("replica set"), subject, STARTED, body)


def unpullable_pod() -> ObjectState:
    message = 'Back-off pulling image "registry.example/shop/checkout:1.4.2": not found'
    waiting = {"reason": "ImagePullBackOff", "message": message}
    status = {"name": "app", "restartCount": 0, "ready": False, "state": {"waiting": waiting}}
    body = {
        "metadata": {"name": POD.name, "namespace": "shop", "ownerReferences": [REPLICA_SET]},
        "spec": {"containers": [{"name": "app", "image": "registry.example/shop/checkout:1.4.2"}]},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [status],
        },
    }
    return ObjectState(evidence_id("pod"), POD, STARTED, body)


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
