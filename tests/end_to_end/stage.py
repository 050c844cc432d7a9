"""A Sitrep process between a recorded world and a Slack, for tests to play on."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.recording import Recording
from tests.fakes.slack import FakeSlack
from tests.fakes.world import World, world
from tests.processes import Running, sitrep

BUDGET_SECONDS = 5.0


@dataclass
class Stage:
    """A Sitrep that asks a recorded world and tells a Slack."""

    house: Running
    stand_ins: World
    slack: FakeSlack
    settings: dict[str, str]

    def body(self, case: str) -> dict[str, Any]:
        """The recording's payload as a group of its own, named after the case."""
        body = self.stand_ins.recording.payload("checkout_oom")
        body["groupKey"] = f'{{}}:{{case="{case}"}}'
        return body

    async def post(self, case: str) -> str:
        """Post the case's body; the incident's id."""
        return await self.send(self.body(case))

    async def send(self, body: dict[str, Any]) -> str:
        """Post a body; the incident's id."""
        url = f"{self.house.url}/api/v1/webhooks/alertmanager"
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            assert answer.status == 202, await answer.text()
            identifier: str = json.loads(await answer.read())["incidents"][0]["id"]
            return identifier

    async def record(self, incident_id: str) -> dict[str, Any]:
        url = f"{self.house.url}/api/v1/incidents/{incident_id}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            record: dict[str, Any] = await answer.json()
            return record

    async def complete(self, incident_id: str) -> dict[str, Any]:
        for _ in range(300):
            record = await self.record(incident_id)
            if record["enrichment"] == "complete":
                return record
            await asyncio.sleep(0.2)
        pytest.fail(f"not complete within 60 s\n{self.house.tail()}")


@asynccontextmanager
async def stage(folder: Path, database_url: str, more: Mapping[str, str] | None = None) -> AsyncIterator[Stage]:
    """Everything up, on this database and with `more` settings; everything down at the end."""
    async with AsyncExitStack() as stack:
        recording = Recording.named("checkout_oom", now=datetime.now(UTC))
        stand_ins = await stack.enter_async_context(world(recording))
        slack = await stack.enter_async_context(FakeSlack(channels=("C0ONCALL",)))
        settings = {**settings_for(stand_ins, slack, folder, database_url), **(more or {})}
        house = await stack.enter_async_context(sitrep(folder / "sitrep.log", settings))
        yield Stage(house, stand_ins, slack, settings)


def settings_for(stand_ins: World, slack: FakeSlack, folder: Path, database_url: str) -> dict[str, str]:
    """The settings of a Sitrep that asks these stand-ins."""
    return {
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
