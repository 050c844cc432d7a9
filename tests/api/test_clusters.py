"""Several clusters behind one Sitrep, from the webhook to the record, readiness and metrics."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.running import House, house
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.gather.cluster import deployment
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio
EMPTY = Recording(now=datetime.now(UTC))


@pytest.fixture
async def two(database_url: str, anyio_backend: str) -> AsyncIterator[tuple[House, FakePrometheus, FakePrometheus]]:
    """One Sitrep, and the Prometheus of each of two clusters."""
    del anyio_backend
    async with FakePrometheus(EMPTY) as eu, FakePrometheus(EMPTY) as us:
        clusters = {"prod-eu": {"prometheus_url": eu.url}, "prod-us": {"prometheus_url": us.url}}
        async with house(database_url, {"SITREP_CLUSTERS": json.dumps(clusters)}, role="all") as running:
            yield running, eu, us


def about(cluster: str, alertname: str = "HighLatency") -> dict[str, Any]:
    labels = {"alertname": alertname, "namespace": "shop", "deployment": "checkout", "cluster": cluster}
    return wire_body(wire_alert(labels=labels), groupKey=f"{cluster} {alertname}")


async def complete(running: House, body: dict[str, Any]) -> dict[str, Any]:
    identifier = await running.opened(body)
    for _ in range(100):
        record = await running.record(identifier)
        if record["enrichment"] == "complete":
            return record
        await asyncio.sleep(0.1)
    raise AssertionError(record["enrichment"])


async def test_the_alerts_cluster_label_chooses_the_sources(two: tuple[House, FakePrometheus, FakePrometheus]) -> None:
    running, eu, us = two
    us.trouble = Trouble("status", status=403)
    record = await complete(running, about("prod-us"))
    assert us.requests
    assert eu.requests == []
    (gap,) = [gap for gap in record["gaps"] if gap["source"] == "prometheus"]
    assert gap["cluster"] == "prod-us"
    assert "not allowed (403)" in gap["reason"]
    assert set(record["timings"]["sources"]) == {"prometheus@prod-us", "journal@prod-us"}


async def test_a_cluster_that_nobody_configured_is_told_and_makes_no_series_of_its_own(
    two: tuple[House, FakePrometheus, FakePrometheus],
) -> None:
    running, eu, us = two
    record = await complete(running, about("stage-2"))
    assert eu.requests == us.requests == []
    told = {gap["source"]: (gap["reason"], gap.get("cluster")) for gap in record["gaps"]}
    assert told["kubernetes"] == told["prometheus"] == ("no sources are configured for cluster stage-2", None)
    metrics = (await running.http.get("/metrics")).text
    assert 'sitrep_gaps_total{cluster="",source="prometheus"}' in metrics
    assert "stage-2" not in metrics


async def test_readiness_and_metrics_name_the_cluster_of_each_source(
    two: tuple[House, FakePrometheus, FakePrometheus],
) -> None:
    running, *_ = two
    sources = (await running.http.get("/readyz?verbose")).json()["sources"]
    named = [(one["name"], one.get("cluster")) for one in sources]
    assert [one for one in named if one[0] == "prometheus"] == [("prometheus", "prod-eu"), ("prometheus", "prod-us")]
    assert {cluster for name, cluster in named if name == "journal"} == {"default", "prod-eu", "prod-us"}
    await complete(running, about("prod-eu"))
    metrics = (await running.http.get("/metrics")).text
    assert 'sitrep_gather_seconds_count{cluster="prod-eu",source="prometheus"}' in metrics
    assert 'sitrep_source_breaker_open{cluster="prod-eu",source="prometheus"} 0.0' in metrics


async def test_each_cluster_has_a_journal_of_its_own(database_url: str, folder: Path) -> None:
    """The same Deployment in both: what changes in one is told for that one alone."""
    async with (
        FakeKubernetes(Recording(now=datetime.now(UTC), objects=(deployment(),))) as eu,
        FakeKubernetes(Recording(now=datetime.now(UTC), objects=(deployment(),))) as us,
    ):
        clusters = {
            name: {"kubeconfig": str(fake.kubeconfig(folder / name))} for name, fake in (("eu", eu), ("us", us))
        }
        async with house(database_url, {"SITREP_CLUSTERS": json.dumps(clusters)}, role="all") as running:
            watched = "select cluster from watched where kind = 'Deployment' order by cluster"
            async with asyncio.timeout(30):
                while [row["cluster"] for row in await running.rows(watched)] != ["eu", "us"]:
                    await asyncio.sleep(0.1)
            changed = deployment()
            changed["spec"]["replicas"] = 9
            us.put(changed)
            async with asyncio.timeout(30):
                while not (rows := await running.rows("select cluster, summary from change where kind = 'Deployment'")):
                    await asyncio.sleep(0.1)
            ((cluster, summary),) = [(row["cluster"], row["summary"]) for row in rows]
            assert cluster == "us"
            told = {name: (await complete(running, about(name)))["changes"] for name in ("eu", "us")}
    assert {name: summary in {one["summary"] for one in changes} for name, changes in told.items()} == {
        "eu": False,
        "us": True,
    }
