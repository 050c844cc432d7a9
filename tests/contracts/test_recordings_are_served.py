"""Every recorded incident, ours and those beside the repository, loads and can be asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.recording import RECORDINGS, Object, Recording
from tests.fakes.recordings import make_checkout_oom, make_payments_slow, make_small, story
from tests.fakes.world import World, world

pytestmark = pytest.mark.anyio
SCENARIOS = Path(__file__).parents[3] / "shared" / "scenarios"
FILES = sorted(SCENARIOS.glob("*.json.gz"))
OURS = ("checkout_oom", "payments_slow", "image_pull", "unschedulable", "node_gone")
MAKERS = {"checkout_oom": make_checkout_oom.make, "payments_slow": make_payments_slow.make, **make_small.STORIES}


async def get(session: aiohttp.ClientSession, url: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
    async with session.get(url, params=parameters) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def asked(served: World, session: aiohttp.ClientSession, kind: tuple[str, str]) -> list[Object]:
    prefix, plural = kind
    found: Any = await get(session, f"{served.kubernetes.url}{prefix}/{plural}")
    return list(found["items"])


def test_all_forty_scenarios_are_there(shared: Path) -> None:
    assert len(list((shared / "scenarios").glob("*.json.gz"))) == 40


@pytest.mark.parametrize("path", FILES, ids=[path.name.split(".")[0] for path in FILES])
async def test_a_scenario_is_served_whole(path: Path) -> None:
    recording = Recording.load(path, now=datetime.now(UTC))
    async with world(recording) as served, aiohttp.ClientSession() as session:
        pods = await asked(served, session, ("/api/v1", "pods"))
        assert len(pods) == len(recording.of_kind("Pod"))
        assert len(await asked(served, session, ("/apis/apps/v1", "deployments"))) == len(
            recording.of_kind("Deployment")
        )
        assert await asked(served, session, ("/apis/discovery.k8s.io/v1", "endpointslices"))
        for pod in pods:
            container = pod["spec"]["containers"][0]["name"]
            where = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
            async with session.get(served.kubernetes.url + where, params={"container": container}) as response:
                assert response.status in {200, 400, 500}, await response.text()
        names: Any = await get(session, f"{served.prometheus.url}/api/v1/label/__name__/values")
        assert bool(names["data"]) is bool(recording.metrics)
        found: Any = await get(session, f"{served.loki.url}/loki/api/v1/query_range", query='{namespace=~".+"}')
        lines = sum(len(recording.lines(app)) for app in recording.logs)
        assert bool(found["data"]["result"]) is bool(lines)


async def test_a_recorded_complaint_of_kubectl_is_the_answer_for_that_pod(shared: Path) -> None:
    recording = Recording.load(shared / "scenarios" / "boutique_startup_14.json.gz")
    pod = next(pod for pod in recording.of_kind("Pod") if pod["metadata"]["labels"]["app"] == "adservice")
    async with world(recording) as served, aiohttp.ClientSession() as session:
        name = pod["metadata"]["name"]
        async with session.get(f"{served.kubernetes.url}/api/v1/namespaces/boutique/pods/{name}/log") as response:
            body = await response.json()
    said = f'container "server" in pod "{name}" is waiting to start: image can\'t be pulled'
    assert (response.status, body["message"]) == (400, said)


async def test_a_recorded_table_of_figures_shows_the_overload(shared: Path) -> None:
    recording = Recording.load(shared / "scenarios" / "boutique_performance_1.json.gz", now=datetime.now(UTC))
    query = 'max by (pod) (rate(container_cpu_usage_seconds_total{namespace="boutique",pod=~"adservice-.*"}[1m]))'
    async with world(recording) as served, aiohttp.ClientSession() as session:
        used = []
        for seconds in (210, 100):
            moment = str(recording.now.timestamp() - seconds)
            body: Any = await get(session, f"{served.prometheus.url}/api/v1/query", query=query, time=moment)
            used.append(float(body["data"]["result"][0]["value"][1]))
    assert used[1] > 3 * used[0]


@pytest.mark.parametrize("name", OURS)
async def test_our_own_recording_and_its_alert_belong_together(name: str) -> None:
    recording = Recording.named(name, now=datetime.now(UTC))
    alert = recording.payload(name)["alerts"][0]
    assert 0 < (recording.now - datetime.fromisoformat(alert["startsAt"])).total_seconds() < 3600
    async with world(recording) as served, aiohttp.ClientSession() as session:
        query = {"query": served.prometheus.recording.metrics["rules"][0]["query"]}  # type: ignore[index] - ours have it
        body: Any = await get(session, f"{served.prometheus.url}/api/v1/query", **query)
        labels = [one["metric"] for one in body["data"]["result"]]
        told = {key: value for key, value in alert["labels"].items() if key != "alertname"}
        assert any({k: v for k, v in one.items() if k != "__name__"}.items() <= told.items() for one in labels)
        assert served.prometheus.unknown == []


@pytest.mark.parametrize("name", OURS)
def test_our_own_recording_is_what_its_script_makes(name: str, tmp_path: Path) -> None:
    recording, alert = MAKERS[name]()
    story.write(name, recording, alert, folder=tmp_path)
    for file in (f"{name}.json", f"{name}_alert.json"):
        assert (RECORDINGS / file).read_text(encoding="utf-8") == (tmp_path / file).read_text(encoding="utf-8")
