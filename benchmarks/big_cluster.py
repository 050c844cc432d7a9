"""What a cluster of 3,000 nodes and 60,000 pods costs: calls and bytes of the watches and of an incident, memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import aiohttp
import psutil
from aiohttp import web

from app.store.engine import Store
from app.store.watching import Watching
from benchmarks.figures import Figures, Setting
from benchmarks.memory import MEBIBYTE, cpu_seconds, peak_of
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Object, Recording
from tests.processes import Running, sitrep

NODES, NAMESPACES, APPS, PODS_OF_AN_APP = 3_000, 300, 20, 10
KINDS_LISTED = 14
WITHIN_SECONDS = 180.0
WATCHED_SECONDS = 30.0
AT_ONCE = 10
CREATED = "2026-10-01T00:00:00Z"


class CountingKubernetes(FakeKubernetes):
    """Counts what it is asked and what it sends; watches go on and are counted once."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self.calls = 0
        self.bytes = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        answer = await super()._answer(request)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            self.bytes += len(answer.body)
        return answer


def _managed(manager: str) -> list[Object]:
    return [{"manager": manager, "operation": "Update", "time": CREATED, "fieldsV1": {"f:spec": {"f:a": {}}}}]


def _metadata(name: str, namespace: str = "", **more: object) -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, "uid": f"uid-{name}", "creationTimestamp": CREATED, "managedFields": _managed("helm"),
            **place, **more}  # fmt: skip


def _nodes() -> Iterator[Object]:
    images = [{"names": [f"registry.example/team/image-{n}@sha256:{n:064x}"], "sizeBytes": 10**8} for n in range(40)]
    conditions = [{"type": kind, "status": str(kind == "Ready"), "lastTransitionTime": CREATED}
                  for kind in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")]  # fmt: skip
    for number in range(NODES):
        status = {"conditions": conditions, "images": images, "nodeInfo": {"kubeletVersion": "v1.36.1", "bootID": "b"},
                  "allocatable": {"cpu": "32", "memory": "128Gi", "pods": "110"}}  # fmt: skip
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": _metadata(f"node-{number}"),
            "spec": {},
            "status": status,
        }


def _app(namespace: str, number: int, start: int) -> Iterator[Object]:
    name = f"app-{number}"
    labels = {"app": name}
    container = {"name": "app", "image": f"registry.example/{name}:1", "envFrom": [{"configMapRef": {"name": name}}],
                 "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m"}}}  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": PODS_OF_AN_APP, "selector": {"matchLabels": labels}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(name, namespace), "spec": spec,
           "status": {"replicas": PODS_OF_AN_APP, "availableReplicas": PODS_OF_AN_APP}}  # fmt: skip
    owner = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": f"uid-{name}", "controller": True}]
    rs = f"{name}-5d8f7c9b6"
    yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": spec,
           "metadata": _metadata(rs, namespace, labels=labels, ownerReferences=owner,
                                 annotations={"deployment.kubernetes.io/revision": "1"})}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name, namespace),
           "spec": {"selector": labels, "ports": [{"port": 80}]}}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(name, namespace), "data": {"k": "v" * 2_000}}
    of = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": rs, "uid": f"uid-{rs}", "controller": True}]
    for index in range(PODS_OF_AN_APP):
        yield _pod(f"{rs}-{index:05x}", namespace, labels, (start + index) % NODES, container, of)


def _pod(  # noqa: PLR0913, PLR0917 - what differs between pods
    name: str, namespace: str, labels: Object, node: int, container: Object, owner: list[Object]
) -> Object:
    crashing = name.endswith("00000")
    state = {"waiting": {"reason": "CrashLoopBackOff"}} if crashing else {"running": {"startedAt": CREATED}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": CREATED}} if crashing else {}
    status = {"name": "app", "ready": not crashing, "restartCount": 5 * crashing, "state": state, "lastState": ended}
    ready = {"type": "Ready", "status": str(not crashing)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(name, namespace, labels=labels, ownerReferences=owner),
        "spec": {"containers": [container], "nodeName": f"node-{node}"},
        "status": {"phase": "Running", "conditions": [ready], "containerStatuses": [status]},
    }


def _objects() -> Iterator[Object]:
    yield from _nodes()
    for number in range(NAMESPACES):
        for app in range(APPS):
            start = (number * APPS + app) * PODS_OF_AN_APP
            yield from _app(f"team-{number}", app, start)


async def measure(setting: Setting, figures: Figures) -> None:
    """The first lists, a while of watching, one incident, ten at once."""
    async with AsyncExitStack() as stack:
        recording = Recording(datetime.now(UTC), tuple(_objects()))
        cluster = await stack.enter_async_context(CountingKubernetes(recording))
        url = setting.database.create("big")
        settings = {
            "SITREP_DATABASE_URL": url,
            "SITREP_KUBERNETES": "auto",
            "KUBECONFIG": str(cluster.kubeconfig(setting.folder / "big-kubeconfig")),
            "SITREP_PROBES": "off",
        }
        running = await stack.enter_async_context(sitrep(setting.folder / "big.log", settings))
        peak = await stack.enter_async_context(peak_of(running.process.pid))
        await _listed(url)
        _report(figures, cluster, "big.lists", "3,000 nodes, 60,000 pods: the journal's first lists")
        cpu = cpu_seconds(psutil.Process(running.process.pid))
        figures.put("big.lists_cpu_s", cpu, "s", "until then: CPU of Sitrep")
        figures.put("big.lists_peak_mb", peak.megabytes, "MiB", "until then: peak memory")
        await asyncio.sleep(WATCHED_SECONDS)
        per_minute = cluster.calls * 60 / WATCHED_SECONDS
        figures.put("big.watching_calls_a_minute", per_minute, "", "while nothing happens: calls a minute")
        cluster.calls = cluster.bytes = 0
        await _incidents(running, [0])
        _report(figures, cluster, "big.incident", "one incident there")
        await _incidents(running, list(range(1, AT_ONCE + 1)))
        _report(figures, cluster, "big.ten", "ten incidents at once, in ten namespaces")
        figures.put("big.peak_mb", peak.megabytes, "MiB", "in all: peak memory")
        running.kill()


def _report(figures: Figures, cluster: CountingKubernetes, name: str, what: str) -> None:
    figures.put(f"{name}_calls", cluster.calls, "", f"{what}: calls")
    figures.put(f"{name}_mb", cluster.bytes / MEBIBYTE, "MiB", f"{what}: read")
    cluster.calls = cluster.bytes = 0


async def _listed(url: str) -> None:
    store = Store(url)
    try:
        await _until(lambda: _all_listed(store))
    finally:
        await store.aclose()


async def _all_listed(store: Store) -> bool:
    states = await Watching(store).states("default")
    return sum(bool(state.since) for state in states) >= KINDS_LISTED


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = asyncio.get_running_loop().time() + WITHIN_SECONDS
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"not within {WITHIN_SECONDS:g} s")
        await asyncio.sleep(0.1)


async def _incidents(running: Running, namespaces: list[int]) -> None:
    async with aiohttp.ClientSession(running.url) as session:
        posted = await asyncio.gather(*(_post(session, number) for number in namespaces))
        for incident in posted:
            await _until(partial(_is_complete, session, incident))


async def _post(session: aiohttp.ClientSession, number: int) -> str:
    labels = {"alertname": f"KubePodCrashLooping{number}", "namespace": f"team-{number}", "deployment": "app-7",
              "severity": "critical"}  # fmt: skip
    alert = {"status": "firing", "labels": labels, "startsAt": datetime.now(UTC).isoformat()}
    body = {"version": "4", "groupKey": f"{{}}:{{n={number}}}", "receiver": "r", "alerts": [alert]}
    async with session.post("/api/v1/webhooks/alertmanager", json=body) as answer:
        identifier: str = (await answer.json())["incidents"][0]["id"]
        return identifier


async def _is_complete(session: aiohttp.ClientSession, incident: str) -> bool:
    async with session.get(f"/api/v1/incidents/{incident}") as answer:
        return bool(json.loads(await answer.read())["enrichment"] == "complete")
