"""What a policy withholds (the chart's rbac.configMaps and rbac.podLogs) is said in plain words in the incident."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.api.running import house
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording
from tests.gather.cluster import shop
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio


async def test_configmaps_and_pod_logs_that_are_withheld_are_named(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "checkout"}
    recording = Recording(now=datetime.now(UTC), objects=shop())
    async with FakeKubernetes(recording, forbidden=["configmaps", "pods/log"]) as fake:
        monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(folder / "kubeconfig")))
        given = {"SITREP_KUBERNETES": "auto", "SITREP_KUBERNETES_POD_LOGS": "off"}
        async with house(database_url, given, role="all") as running, asyncio.timeout(60):
            while not await running.rows("select 1 from watch_scope where kind = 'ConfigMap' and trouble is not null"):
                await asyncio.sleep(0.1)
            identifier = await running.opened(wire_body(wire_alert(labels=labels)))
            while (record := await running.record(identifier))["enrichment"] != "complete":
                await asyncio.sleep(0.1)
        asked = [path for _, path in fake.requests if path.partition("?")[0].endswith("/log")]
    reasons = {(gap["source"], gap["reason"]) for gap in record["gaps"]}
    assert ("journal", "not watched: ConfigMap (no permission to list configmaps (403))") in reasons, reasons
    assert ("kubernetes", "pod logs are switched off (SITREP_KUBERNETES_POD_LOGS)") in reasons
    assert asked == [], "what is switched off is not even tried"
    assert fake.writes == []
