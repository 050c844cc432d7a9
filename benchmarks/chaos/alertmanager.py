"""A sender that behaves as Alertmanager does: it posts until it is told 202, now here, now there."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

JSON = {"Content-Type": "application/json"}
ACCEPTED = 202
ALERTS_IN_A_GROUP = 10
CHANNELS = 10
POST_SECONDS = 10.0
PATIENCE_SECONDS = 120.0


@dataclass
class Answers:
    """What the sender was told: the incident of each accepted group, and how often it had to post again."""

    incidents: dict[int, str] = field(default_factory=dict)
    posted_again: int = 0


def body(run: str, number: int) -> dict[str, Any]:
    """Ten alerts of one group, about a workload of its own; `channel` names where it is told."""
    labels = {
        "alertname": "KubePodNotReady",
        "severity": "critical" if number % 5 == 0 else "warning",
        "cluster": "prod",
        "namespace": f"{run}-{number}",
        "channel": str(number % CHANNELS),
    }
    began = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    alerts = [
        {
            "status": "firing",
            "labels": {**labels, "pod": f"web-7d9f8b6c5f-x2x{n:02}"},
            "annotations": {"summary": "Pod is not ready."},
            "startsAt": began,
            "endsAt": "0001-01-01T00:00:00Z",
        }
        for n in range(ALERTS_IN_A_GROUP)
    ]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="KubePodNotReady", namespace="{run}-{number}"}}',
        "receiver": "sitrep",
        "status": "firing",
        "groupLabels": {"alertname": "KubePodNotReady", "namespace": f"{run}-{number}"},
        "alerts": alerts,
    }


async def post_all(urls: list[str], run: str, groups: int, seconds: float) -> Answers:
    """All groups, spread over so many seconds and over the replicas."""
    answers = Answers()
    chance = random.Random(run)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_SECONDS)) as session:

        async def one(number: int) -> None:
            await asyncio.sleep(chance.uniform(0, seconds))
            content = json.dumps(body(run, number)).encode()
            async with asyncio.timeout(PATIENCE_SECONDS):
                for attempt in range(1_000):
                    url = urls[(number + attempt) % len(urls)]
                    incident = await _post(session, url, content)
                    if incident:
                        answers.incidents[number] = incident
                        answers.posted_again += attempt > 0
                        return
                    await asyncio.sleep(min(0.2 * 2**attempt, 2.0))

        await asyncio.gather(*(one(number) for number in range(groups)))
    return answers


async def _post(session: aiohttp.ClientSession, url: str, content: bytes) -> str:
    """The incident's id; empty where the sender must try again."""
    try:
        async with session.post(f"{url}/api/v1/webhooks/alertmanager", data=content, headers=JSON) as answer:
            text = await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return ""
    if answer.status != ACCEPTED:
        return ""
    identifier: str = json.loads(text)["incidents"][0]["id"]
    return identifier
