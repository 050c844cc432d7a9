"""docs/adopt with a real Alertmanager: what it posts, to whom, and with which keys."""

import asyncio
import hashlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, web

from tests.architecture.tools import ROOT, tool
from tests.fakes.server import FakeServer

TOKEN = "made-up-" + "token"
PATIENCE_SECONDS = 30.0


class Receivers(FakeServer):
    """Sitrep, Slack and PagerDuty as Alertmanager sees them; Sitrep may refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.sitrep_status = 202
        self.told: dict[str, list[dict[str, Any]]] = {"sitrep": [], "slack": [], "pagerduty": []}
        self.tokens: set[str] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/api/v1/webhooks/alertmanager", self._sitrep)
        router.add_post("/slack", self._slack)
        router.add_post("/v2/enqueue", self._pagerduty)

    async def _sitrep(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers["Authorization"])
        if self.sitrep_status == 202:
            self.told["sitrep"].append(await request.json())
        return web.Response(status=self.sitrep_status)

    async def _slack(self, request: web.Request) -> web.Response:
        self.told["slack"].append(await request.json())
        return web.Response(text="ok")

    async def _pagerduty(self, request: web.Request) -> web.Response:
        self.told["pagerduty"].append(await request.json())
        return web.json_response({"status": "success"}, status=202)


def prepared(name: str, folder: Path, receivers: Receivers) -> Path:
    """The documented file with this test's addresses and secrets in it, and without the waiting."""
    text = (ROOT / f"docs/adopt/{name}.yaml").read_text(encoding="utf-8")
    for file, content in (
        ("slack-url", f"{receivers.url}/slack"),
        ("sitrep-token", TOKEN),
        ("pagerduty-key", "k" * 32),
    ):
        (folder / file).write_text(content, encoding="utf-8")
        text = text.replace(f"/etc/alertmanager/secrets/{file}", str(folder / file))
    text = text.replace("http://sitrep.monitoring.svc:8080", receivers.url)
    text = text.replace("global:", f"global:\n  pagerduty_url: {receivers.url}/v2/enqueue")
    text = text.replace("group_wait: 5s", "group_wait: 0s").replace("group_wait: 10s", "group_wait: 0s")
    config = folder / "alertmanager.yaml"
    config.write_text(text, encoding="utf-8")
    return config


@asynccontextmanager
async def alertmanager(config: Path) -> AsyncIterator[Callable[..., Any]]:
    """A running Alertmanager; what is yielded posts one firing alert with these labels."""
    binary = tool("prometheus-alertmanager", "prometheus-alertmanager")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = await asyncio.create_subprocess_exec(
        binary, f"--config.file={config}", f"--storage.path={config.parent / 'data'}",
        f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=error",
    )  # fmt: skip
    try:
        async with ClientSession() as session:

            async def fire(**labels: str) -> None:
                alert = {"labels": labels, "startsAt": datetime.now(UTC).isoformat()}
                async with session.post(f"http://{address}/api/v2/alerts", json=[alert]) as answer:
                    assert answer.status == 200

            async def ready() -> bool:
                try:
                    async with session.get(f"http://{address}/-/ready") as answer:
                        return answer.status == 200
                except ClientConnectionError:
                    return False

            while not await ready():
                assert process.returncode is None, "Alertmanager did not start"
                await asyncio.sleep(0.05)
            yield fire
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


@pytest.mark.anyio
async def test_in_one_receiver_pagerdutys_key_is_the_hash_of_the_group_key_that_sitrep_gets(tmp_path: Path) -> None:
    async with Receivers() as receivers, alertmanager(prepared("pagerduty", tmp_path, receivers)) as fire:
        await fire(alertname="KubePodCrashLooping", namespace="shop", severity="critical")
        await until(lambda: receivers.told["sitrep"] and receivers.told["pagerduty"])
        (page,), (webhook,) = receivers.told["pagerduty"], receivers.told["sitrep"]
    assert page["dedup_key"] == hashlib.sha256(webhook["groupKey"].encode()).hexdigest()
    assert receivers.tokens == {f"Bearer {TOKEN}"}
    assert receivers.told["slack"] == []


@pytest.mark.anyio
async def test_while_sitrep_refuses_its_own_alerts_reach_slack_and_nothing_is_lost(tmp_path: Path) -> None:
    async with Receivers() as receivers, alertmanager(prepared("instead", tmp_path, receivers)) as fire:
        receivers.sitrep_status = 503
        await fire(alertname="KubePodCrashLooping", namespace="shop", severity="warning")
        await until(lambda: receivers.tokens)
        await fire(alertname="SitrepFallback", about="sitrep", alert="KubePodCrashLooping", namespace="shop")
        await until(lambda: receivers.told["slack"])
        assert receivers.told["sitrep"] == []
        receivers.sitrep_status = 202
        await until(lambda: receivers.told["sitrep"])
    assert [hook["commonLabels"]["alertname"] for hook in receivers.told["sitrep"]] == ["KubePodCrashLooping"]


@pytest.mark.anyio
async def test_beside_both_are_told_of_the_same_alert(tmp_path: Path) -> None:
    async with Receivers() as receivers:
        config = prepared("beside", tmp_path, receivers)
        config.write_text(config.read_text("utf-8").replace("group_wait: 30s", "group_wait: 0s"), encoding="utf-8")
        async with alertmanager(config) as fire:
            await fire(alertname="KubePodCrashLooping", namespace="shop", severity="warning")
            await until(lambda: receivers.told["sitrep"] and receivers.told["slack"])
            await fire(alertname="Watchdog", severity="none")
            await until(lambda: len(receivers.told["sitrep"]) == 2)
    assert [message["channel"] for message in receivers.told["slack"]] == ["#alerts"]
