"""Sources that hang, refuse, fail or talk nonsense cost only themselves: the message goes out, and says so."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.waiting import until
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Mood, Trouble
from tests.fakes.slack import FakeSlack
from tests.fakes.world import World, world
from tests.processes import Running, sitrep

pytestmark = pytest.mark.anyio
BUDGET_SECONDS = 5.0
NAMES = {"kubernetes": "Kubernetes", "prometheus": "Prometheus", "loki": "Loki"}
MOODS: tuple[Mood, ...] = ("hang", "status", "html", "garbage", "reset")


@dataclass
class Stage:
    """A Sitrep that asks a recorded world and tells a Slack."""

    house: Running
    stand_ins: World
    slack: FakeSlack

    async def post(self, case: str) -> str:
        """Post the recording's alert as a group of its own, named after the case; the incident's id."""
        body = self.stand_ins.recording.payload("checkout_oom")
        body["groupKey"] = f'{{}}:{{case="{case}"}}'
        url = f"{self.house.url}/api/v1/webhooks/alertmanager"
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 202
            identifier: str = json.loads(await answer.read())["incidents"][0]["id"]
            return identifier

    async def record(self, incident_id: str) -> dict[str, Any]:
        url = f"{self.house.url}/api/v1/incidents/{incident_id}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            record: dict[str, Any] = await answer.json()
            return record

    async def complete(self, incident_id: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while (record := await self.record(incident_id))["enrichment"] != "complete":
                await asyncio.sleep(0.2)
        return record


@asynccontextmanager
async def stage(folder: Path, database_url: str) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        recording = Recording.named("checkout_oom", now=datetime.now(UTC))
        stand_ins = await stack.enter_async_context(world(recording))
        slack = await stack.enter_async_context(FakeSlack(channels=("C0ONCALL",)))
        settings = {
            "SITREP_DATABASE_URL": database_url,
            "SITREP_KUBERNETES": "auto",
            "KUBECONFIG": str(stand_ins.kubernetes.kubeconfig(folder / "kubeconfig")),
            "SITREP_PROMETHEUS_URL": stand_ins.prometheus.url,
            "SITREP_LOKI_URL": stand_ins.loki.url,
            "SITREP_BUDGET_SECONDS": f"{BUDGET_SECONDS:g}",
            "SITREP_SOURCE_DEADLINE_SECONDS": "8",
            "SITREP_SLACK_API_URL": slack.api_url,
            "SITREP_SLACK_TOKEN": slack.token,
            "SITREP_SLACK_CHANNEL": "C0ONCALL",
        }
        house = await stack.enter_async_context(sitrep(folder / "sitrep.log", settings))
        yield Stage(house, stand_ins, slack)


def servers(stand_ins: World, names: tuple[str, ...]) -> list[FakeServer]:
    return [getattr(stand_ins, name) for name in names]


@pytest.mark.parametrize("names", [("kubernetes",), ("prometheus",), ("loki",), tuple(NAMES)], ids=" ".join)
async def test_the_message_goes_out_within_the_budget_and_names_each_gap(
    names: tuple[str, ...], tmp_path: Path, database_url: str
) -> None:
    async with stage(tmp_path, database_url) as on:
        for mood in MOODS:
            for server in servers(on.stand_ins, names):
                server.trouble = Trouble(mood)
            heads = len(on.slack.heads)
            incident_id = await on.post(mood)
            await until(lambda before=heads: len(on.slack.heads) > before, f"a head while it is {mood}")
            record = await on.complete(incident_id)
            assert record["timings"]["first_notified_ms"] <= BUDGET_SECONDS * 1000, mood
            assert {gap["source"] for gap in record["gaps"]} >= set(names), mood
            head = on.slack.heads[-1]
            await until(lambda of=head: "gathering" not in of.body, f"the complete head while it is {mood}")
            for name in names:
                assert NAMES[name] in head.body, (mood, head.body)
            for server in servers(on.stand_ins, names):
                server.trouble = Trouble()


async def test_a_source_that_refuses_connections_is_named(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        await on.stand_ins.prometheus.__aexit__(None, None, None)
        record = await on.complete(await on.post("refused"))
        assert {("prometheus", "connection refused")} <= {(g["source"], g["reason"]) for g in record["gaps"]}
        assert "Prometheus" in on.slack.heads[0].body
        assert record["hypotheses"][0]["cause"].startswith("memory."), "the others still tell enough"
