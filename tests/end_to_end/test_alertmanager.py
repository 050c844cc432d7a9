"""Real Prometheus, real Alertmanager, real PostgreSQL, a real Sitrep process; Slack and PagerDuty stand in."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.end_to_end.waiting import until
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.server import FakeServer
from tests.fakes.slack import FakeSlack
from tests.processes import free_port, running, sitrep

pytestmark = pytest.mark.anyio
CHANNEL = "C0ONCALL"
GROUP_KEY = '{}:{alertname="HighErrorRatio", namespace="shop"}'

PROMETHEUS_CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
- job_name: checkout
  static_configs: [{{targets: ["127.0.0.1:{exporter}"], labels: {{namespace: shop, deployment: checkout}}}}]
"""
RULES = """
groups:
- name: shop
  rules:
  - alert: HighErrorRatio
    expr: app_error_ratio > 0.05
    for: 1s
    labels: {severity: critical}
    annotations: {summary: "Checkout answers with errors.", runbook_url: "https://runbooks.example/errors"}
"""
ALERTMANAGER_CONFIG = """
route: {{receiver: sitrep, group_by: [alertname, namespace], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}}
receivers:
- name: sitrep
  webhook_configs:
  - url: http://127.0.0.1:{sitrep}/api/v1/webhooks/alertmanager
    http_config: {{authorization: {{credentials: made-up-webhook-token}}}}
"""


class Exporter(FakeServer):
    """A workload that reports its own error ratio."""

    error_ratio = 0.0

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/metrics", self._metrics)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=f"app_error_ratio {self.error_ratio}\n", headers={"Content-Type": "text/plain"})


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack(channels=(CHANNEL,)) as server:
        yield server


@pytest.fixture
async def pagerduty() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty() as server:
        yield server


@pytest.fixture
async def exporter() -> AsyncIterator[Exporter]:
    async with Exporter() as server:
        yield server


async def test_an_alert_that_fires_and_resolves_becomes_one_message_and_one_note(
    folder: Path, slack: FakeSlack, pagerduty: FakePagerDuty, exporter: Exporter, database_url: str
) -> None:
    sitrep_port, alertmanager_port, prometheus_port = free_port(), free_port(), free_port()
    (folder / "prometheus.yml").write_text(
        PROMETHEUS_CONFIG.format(alertmanager=alertmanager_port, exporter=exporter.port)
    )
    (folder / "rules.yml").write_text(RULES)
    (folder / "alertmanager.yml").write_text(ALERTMANAGER_CONFIG.format(sitrep=sitrep_port))
    pagerduty.open_incident(hashlib.sha256(GROUP_KEY.encode()).hexdigest())
    prometheus = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{prometheus_port}",
    ]
    alertmanager = [
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'am'}",
        f"--web.listen-address=127.0.0.1:{alertmanager_port}",
        "--cluster.listen-address=",
    ]
    settings = {
        "SITREP_DATABASE_URL": database_url,
        "SITREP_WEBHOOK_TOKENS": "made-up-webhook-token",
        "SITREP_PROMETHEUS_URL": f"http://127.0.0.1:{prometheus_port}",
        "SITREP_SLACK_TOKEN": slack.token,
        "SITREP_SLACK_API_URL": slack.api_url,
        "SITREP_SLACK_CHANNEL": CHANNEL,
        "SITREP_PAGERDUTY_TOKEN": pagerduty.token,
        "SITREP_PAGERDUTY_FROM": pagerduty.sender,
        "SITREP_PAGERDUTY_API_URL": pagerduty.url,
    }
    async with (
        sitrep(folder / "sitrep.log", settings, port=sitrep_port) as house,
        running(alertmanager, f"http://127.0.0.1:{alertmanager_port}/-/ready", folder / "alertmanager.log"),
        running(prometheus, f"http://127.0.0.1:{prometheus_port}/-/ready", folder / "prometheus.log"),
        aiohttp.ClientSession() as client,
    ):
        await asyncio.sleep(3)
        exporter.error_ratio = 0.2
        await until(lambda: bool(slack.heads), f"a head message\n{house.tail()}")
        await until(lambda: slack.heads[0].is_complete, "the complete head")
        await until(lambda: bool(pagerduty.notes), f"a note\n{house.tail()}")
        firing = slack.heads[0].body
        assert "checkout" in firing
        assert "🔴" in firing
        assert "measured 0.2 ·" in firing, "the measured value is told"

        exporter.error_ratio = 0.001
        await until(lambda: "✅" in slack.heads[0].body, f"the head says that it is over\n{house.tail()}")
        await until(lambda: "recovered" in pagerduty.notes[0].content, "the note says that it is over")

        (line,) = (await (await client.get(f"{house.url}/api/v1/incidents")).json())["items"]
        incident = await (await client.get(f"{house.url}/api/v1/incidents/{line['id']}")).json()
    assert len(slack.heads) == 1
    assert slack.heads[0].edits >= 1
    assert len(pagerduty.notes) == 1
    assert incident["state"] == "resolved"
    assert incident["enrichment"] == "complete"
    assert {"slack", "pagerduty"} <= {delivery["notifier"] for delivery in incident["deliveries"]}
    assert "recovered" in slack.heads[0].body, "Prometheus answered, so the recovery is confirmed"
