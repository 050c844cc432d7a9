"""A posted body, read: what will be kept, what was refused. Big bodies are read beside the event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.errors import InvalidPayloadError
from app.ingest.sender import Sender
from app.ingest.subject import subjects, subjects_of_alerts
from app.redact import redact
from app.settings import Settings
from app.store.post import Post
from app.store.rejections import Refusal

# Reading takes about 20 ms for so much: longer than that nobody else should wait.
ASIDE_BYTES = 256 * 1024
REFUSED_BYTES = 64 * 1024
WATCHDOG_ALERT = "Watchdog"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """What was posted, by whom, for which cluster, and when it came."""

    sender: Sender
    content: bytes
    cluster: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says: a post for each cluster; none where all of it is of alerts that open no incident."""

    posts: tuple[Post, ...]
    alerts: int
    refused: tuple[Refusal, ...]
    heartbeat: bool


async def beside(body: Body, work: Callable[[], T]) -> T:
    """The result of `work` on this body; in a thread where the body is big, so that others are answered meanwhile."""
    return await asyncio.to_thread(work) if len(body.content) > ASIDE_BYTES else work()


def read(body: Body, settings: Settings) -> Reading:
    """Read a body. Raises `InvalidPayloadError`, also where not one of its alerts can be read."""
    group = body.sender.read(body.content, body.cluster or settings.cluster, body.received_at)
    if group.rejected and not group.alerts:
        first = group.rejected[0]
        raise InvalidPayloadError(first.reason, first.field)
    kept = replace(group, alerts=tuple(alert for alert in group.alerts if alert.name not in settings.ignored_alerts))
    return Reading(
        posts=tuple(_post(part, body.received_at) for part in _by_cluster(kept)),
        alerts=len(kept.alerts or group.alerts),
        refused=tuple(Refusal(f"{alert.field}: {alert.reason}", alert.body) for alert in group.rejected),
        heartbeat=any(a.name == WATCHDOG_ALERT and a.status is AlertStatus.FIRING for a in group.alerts),
    )


def refusal(body: Body, reason: str) -> Refusal:
    """A body that could not be read, as far as it is safe to keep."""
    return Refusal(reason, redact(body.content[:REFUSED_BYTES].decode(errors="replace")).encode())


def _by_cluster(group: AlertGroup) -> list[AlertGroup]:
    """The group's alerts by the cluster that they name: a central Alertmanager may group several.

    The cluster is part of a group's identity, so it must not hang on which alerts a body happens to hold.
    """
    parts: dict[str, list[Alert]] = {}
    for alert in group.alerts:
        parts.setdefault(alert.labels.get("cluster") or group.cluster, []).append(alert)
    return [replace(group, cluster=cluster, alerts=tuple(alerts)) for cluster, alerts in parts.items()]


def _post(group: AlertGroup, received_at: datetime) -> Post:
    about = subjects_of_alerts(group)
    return Post(group, subjects(group, about), received_at, about)
