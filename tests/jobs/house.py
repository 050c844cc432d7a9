"""One store with acceptance and enrichment on it; a source and a notifier that a test holds in its hand."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app import registry
from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import ClusterEvent, Evidence, LogPattern, ObjectState, evidence_id
from app.domain.incident import Incident
from app.domain.query import ContainerLogQuery, EventQuery, ObjectQuery, PodsQuery, Query
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.jobs.announce import Announcer
from app.jobs.enrich import Enricher
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import Letter, Target
from app.pipeline import Pipeline
from app.store.acceptance import Acceptance
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.enrichment import Enrichments
from app.store.incidents import Incidents
from app.store.post import Post
from app.store.queue import Queue

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
        (incident_id,) = await self.acceptance.accept(Post(group, (CHECKOUT,), datetime.now(UTC)))
        return incident_id

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
