"""A store with its acceptance, and the bodies that are posted to it at a time that the test names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.incident import Incident
from app.domain.subject import Subject
from app.store.acceptance import Acceptance
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.incidents import Incidents
from app.store.post import Post
from app.store.queue import Queue

T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
PAYMENTS = Subject("prod", "shop", "Deployment", "payments")


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def alert(name: str = "Crash", *, starts: float = 0, ends: float | None = None, severity: str = "warning") -> Alert:
    return Alert(
        fingerprint=f"{name:0<16}"[:16],
        status=AlertStatus.FIRING if ends is None else AlertStatus.RESOLVED,
        labels={"alertname": name, "severity": severity},
        annotations={},
        starts_at=at(starts),
        ended_at=None if ends is None else at(ends),
    )


def group(*alerts: Alert, truncated: int = 0) -> AlertGroup:
    firing = any(a.status is AlertStatus.FIRING for a in alerts)
    return AlertGroup(
        sender="alertmanager",
        cluster="prod",
        receiver="sitrep",
        group_key="{}:{}",
        group_sha=b"k" * 32,
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        truncated_alerts=truncated,
        group_labels={},
        external_url="",
        alerts=alerts,
    )


def post(
    key: str, *alerts: Alert, minute: float, subject: Subject = CHECKOUT, about: dict[str, Subject] | None = None
) -> Post:
    """A body of a group of its own."""
    about = about or {one.fingerprint: subject for one in alerts}
    body = replace(group(*alerts), group_key=key, group_sha=key.encode().ljust(32, b"-"))
    return Post(body, tuple(dict.fromkeys(about.values())), at(minute), about)


AnyHouse = TypeVar("AnyHouse", bound="House")


class House:
    """A store with its acceptance, and a clock that the test turns."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self.store = store
        self.acceptance = Acceptance(store, queue.enqueue, timedelta(minutes=60))
        self.incidents = Incidents(store)
        self.deliveries = Deliveries(store)

    async def post(
        self, *alerts: Alert, minute: float, subjects: tuple[Subject, ...] = (CHECKOUT,), truncated: int = 0
    ) -> UUID:
        body = group(*alerts, truncated=truncated)
        (incident_id,) = await self.acceptance.accept(Post(body, subjects, at(minute)))
        return incident_id

    async def get(self, incident_id: UUID) -> Incident:
        return await self.incidents.get(incident_id)

    async def jobs(self, incident_id: UUID) -> int:
        async with self.store.transaction() as transaction:
            row = await transaction.one(
                "select count(*) as jobs from procrastinate_jobs where lock = %(id)s", id=str(incident_id)
            )
        assert row
        return int(row["jobs"])

    async def revisions(self, incident_id: UUID) -> tuple[int, int]:
        async with self.store.transaction() as transaction:
            row = await transaction.one(
                "select wanted_rev, enriched_rev from incident where id = %(id)s", id=incident_id
            )
        assert row
        return row["wanted_rev"], row["enriched_rev"]

    async def announce(self, incident_id: UUID) -> None:
        await self.deliveries.announce(incident_id, [("slack", "C1", "head")])
        async with self.store.transaction() as transaction:
            await transaction.execute(
                "update delivery set state = 'shown', shown = wanted, reference = 'C1/1' where incident_id = %(id)s",
                id=incident_id,
            )

    async def news(self, incident_id: UUID) -> list[str]:
        return [entry.kind for entry in (await self.get(incident_id)).timeline if entry.kind.startswith("news.")]


@asynccontextmanager
async def opened(kind: type[AnyHouse], url: str) -> AsyncIterator[AnyHouse]:
    """A house of this kind on this database, and its queue."""
    store = Store(url)
    queue = Queue(store)
    await queue.open()
    yield kind(store, queue)
    await queue.aclose()
    await store.aclose()
