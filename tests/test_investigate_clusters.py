"""`sitrep investigate` with several clusters: the payload's cluster label chooses whose sources are asked."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.ingest.bodies import wire_alert, wire_body
from tests.test_cli import run

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("cluster", ["eu", "us", "stage-2"])
async def test_a_payload_is_looked_into_in_its_own_cluster(folder: Path, cluster: str) -> None:
    labels = {"alertname": "HighLatency", "namespace": "shop", "deployment": "checkout", "cluster": cluster}
    empty = Recording(now=datetime.now(UTC))
    async with FakePrometheus(empty) as eu, FakePrometheus(empty) as us:
        settings = f"clusters: {{eu: {{prometheus_url: '{eu.url}'}}, us: {{prometheus_url: '{us.url}'}}}}"
        (folder / "sitrep.yaml").write_text(settings, encoding="utf-8")
        body = json.dumps(wire_body(wire_alert(labels=labels)))
        done = await asyncio.to_thread(
            run, "investigate", "-", "--output", "json", text=body, SITREP_CONFIG_FILE=str(folder / "sitrep.yaml")
        )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (bool(eu.requests), bool(us.requests)) == (cluster == "eu", cluster == "us")
    reasons = {gap["reason"] for gap in record["gaps"]}
    assert ("no sources are configured for cluster stage-2" in reasons) is (cluster == "stage-2")


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_wrong_setting_of_a_cluster_stops_the_command_with_one_line(folder: Path, command: str) -> None:
    (folder / "sitrep.yaml").write_text("clusters: {eu: {prometheus_ulr: 'http://x'}}", encoding="utf-8")
    done = run(command, SITREP_CONFIG_FILE=str(folder / "sitrep.yaml"))
    assert done.returncode == 2
    assert done.stderr.startswith("sitrep: SITREP_CLUSTERS.eu.prometheus_ulr")
    assert len(done.stderr.splitlines()) == 1
