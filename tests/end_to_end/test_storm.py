"""Many groups at once, on a real process: one message for the storm, one for what stands apart, and both end."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from app.store.engine import libpq_url
from tests.end_to_end.waiting import until
from tests.fakes.slack import FakeSlack, SlackMessage
from tests.processes import Running, sitrep

pytestmark = pytest.mark.anyio
BEGAN = datetime.now(UTC) - timedelta(minutes=3)
WORKLOADS = 30


def body(number: int, alertname: str, severity: str, *, over: bool = False) -> dict[str, Any]:
    labels = {"alertname": alertname, "severity": severity, "namespace": "shop", "deployment": f"web-{number}"}
    alert = {"status": "resolved" if over else "firing", "labels": labels, "annotations": {}}
    alert |= {
        "startsAt": BEGAN.isoformat(),
        "endsAt": datetime.now(UTC).isoformat() if over else "0001-01-01T00:00:00Z",
    }
    key = f'{{}}:{{alertname="{alertname}", deployment="web-{number}"}}'
    return {"version": "4", "groupKey": key, "receiver": "sitrep", "status": alert["status"], "alerts": [alert]}


async def post_all(house: Running, bodies: list[dict[str, Any]]) -> None:
    async with aiohttp.ClientSession() as session:

        async def post(one: dict[str, Any]) -> None:
            url = f"{house.url}/api/v1/webhooks/alertmanager"
            async with session.post(url, json=one) as answer:
                assert answer.status == 202, await answer.text()

        await asyncio.gather(*(post(one) for one in bodies))


def heads_with(slack: FakeSlack, words: str) -> list[SlackMessage]:
    return [head for head in slack.heads if words in head.body]


def are_level(database_url: str) -> bool:
    """Whether nothing is left to be judged, or to be sent for the first time."""
    with psycopg.connect(libpq_url(database_url)) as connection:
        left = connection.execute(
            """
            select 1 from incident where wanted_rev > enriched_rev
            union all select 1 from delivery where part = 'head' and state in ('due', 'sending') and reference is null
            """
        )
        return left.fetchone() is None


async def test_a_storm_is_told_once_and_what_stands_apart_by_itself(tmp_path: Path, database_url: str) -> None:
    async with FakeSlack(channels=("C0ONCALL",)) as slack:
        settings = {
            "SITREP_DATABASE_URL": database_url,
            "SITREP_PROBES": "off",
            "SITREP_SLACK_API_URL": slack.api_url,
            "SITREP_SLACK_TOKEN": slack.token,
            "SITREP_SLACK_CHANNEL": "C0ONCALL",
        }
        async with sitrep(tmp_path / "sitrep.log", settings) as house:
            storm = [body(number, "KubePodNotReady", "warning") for number in range(WORKLOADS)]
            await post_all(house, [*storm, body(99, "KubePersistentVolumeFillingUp", "critical")])
            whole = f"{WORKLOADS} workloads failing together"
            await until(lambda: bool(heads_with(slack, whole)), f"the storm's message\n{house.tail()}")
            await until(lambda: bool(heads_with(slack, "web-99")), f"the fault that stands apart\n{house.tail()}")

            told = len(slack.heads)
            over = [body(number, "KubePodNotReady", "warning", over=True) for number in range(WORKLOADS)]
            await post_all(house, over)
            ended = "resolved, was"
            await until(lambda: bool(heads_with(slack, ended)), f"the storm's end\n{house.tail()}")
            # A few that were quicker than the storm may have had a message; each points to the storm or says its end.
            assert len(slack.heads) <= 6
            assert len(heads_with(slack, "failing together")) + len(heads_with(slack, "Part of a storm")) >= 1
            assert len(heads_with(slack, whole)) == 1
            # Each of the storm is over by itself then, and none says so in a message of its own.
            await until(lambda: are_level(database_url), f"every end is looked into\n{house.tail()}")
            assert len(slack.heads) == told
