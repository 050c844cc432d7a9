"""The gatherer, the planner and the source together, over HTTP."""

from pathlib import Path

import pytest

from app.domain.change import Change
from app.domain.evidence import ClusterEvent, Evidence, LogPattern, ObjectState
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.sources.kubernetes import KubernetesSource
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.gather.cluster import CHECKOUT, NOW, POD, Body, kubernetes, shop, subject

pytestmark = pytest.mark.anyio


async def gather(source: KubernetesSource, about: Subject, deadline_seconds: float = 5) -> Evidence:
    return await Gatherer([source], Planner(), deadline_seconds).start((), (about,), NOW).finish()


async def test_a_crashing_pod_leads_to_its_deployment_its_rollout_its_log_and_its_node(tmp_path: Path) -> None:
    logs = {f"{POD.name}/app/previous": [["2026-10-21T02:13:59Z", "allocating 300 MiB"]]}
    async with kubernetes(tmp_path, *shop(), logs=logs) as (fake, source):
        evidence = await gather(source, POD)
    states = {item.subject for item in evidence.of(ObjectState)}
    assert {POD, CHECKOUT, subject("ReplicaSet", "checkout-7c5f46fc47"), subject("Node", "node-3", "")} <= states
    assert [change.summary for change in evidence.of(Change)][-1].endswith("memory limit 512Mi → 256Mi")
    assert {event.reason for event in evidence.of(ClusterEvent)} == {"BackOff"}
    assert "allocating 300 MiB" in {pattern.template for pattern in evidence.of(LogPattern)}
    assert evidence.gaps == ()
    assert len(fake.requests) <= 40
    assert not fake.writes


async def test_a_pod_that_is_gone_still_leads_to_its_deployment(tmp_path: Path) -> None:
    gone = subject("Pod", "checkout-7c5f46fc47-zzzzz")
    async with kubernetes(tmp_path, *shop()) as (_, source):
        evidence = await gather(source, gone)
    assert CHECKOUT in {item.subject for item in evidence.of(ObjectState)}
    assert evidence.of(Change)
    assert evidence.gaps == ()


async def test_a_name_that_nothing_bears_is_one_gap(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (_, source):
        evidence = await gather(source, subject("Deployment", "no-such"))
    assert [(g.question, g.reason) for g in evidence.gaps] == [("state of shop/no-such", "no such Deployment (404)")]


async def test_what_rbac_forbids_costs_only_that(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.forbidden = {"events", "resourcequotas"}
        evidence = await gather(source, CHECKOUT)
    assert {gap.reason for gap in evidence.gaps} == {
        "no permission to list events in shop (403)",
        "no permission to list events in default (403)",
        "no permission to list resourcequotas in shop (403)",
    }
    assert evidence.of(Change)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Trouble("hang"), "no answer in 0.3 s"),
        (Trouble("status", status=500), "answered 500"),
        (Trouble("html"), "not what the Kubernetes API sends"),
        (Trouble("garbage"), "not what the Kubernetes API sends"),
        (Trouble("reset"), "connection broke"),
    ],
)
async def test_a_sick_api_server_is_named_in_the_gaps(tmp_path: Path, trouble: Trouble, reason: str) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.trouble = trouble
        evidence = await gather(source, CHECKOUT, deadline_seconds=0.3)
    assert evidence.items == ()
    assert evidence.gaps
    assert all(reason in gap.reason for gap in evidence.gaps)


FAULTS = {"app": "Deployment", "node": "Node", "namespace": "Namespace"}


def fault_of(recording: Recording) -> Subject:
    kind, name = recording.label["result"]["fault_object"].split("/")
    namespace = recording.label["namespace"] if kind == "app" else ""
    return Subject("prod", namespace, FAULTS[kind], name)


def made_of(objects: tuple[Body, ...], fault: Subject) -> tuple[set[str], set[str]]:
    """Names of the workload's pods, and whether and which events were recorded about them."""
    mine = [o for o in objects if o["metadata"].get("namespace") == fault.namespace]
    pods = {
        o["metadata"]["name"]
        for o in mine
        if o["kind"] == "Pod" and (o["metadata"].get("labels") or {}).get("app") == fault.name
    }
    about = {fault.name, *pods}
    return pods, {o["reason"] for o in mine if o["kind"] == "Event" and o["involvedObject"]["name"] in about}


async def test_of_every_recorded_fault_the_workloads_pods_events_and_rollout_are_seen(
    shared: Path, tmp_path: Path
) -> None:
    paths = sorted((shared / "scenarios").glob("*.json.gz"))
    assert len(paths) == 40
    for path in paths:
        recording = Recording.load(path)
        fault = fault_of(recording)
        async with kubernetes(tmp_path, *recording.objects, logs=recording.logs) as (fake, source):
            evidence = await gather(source, fault)
        seen = {item.subject for item in evidence.of(ObjectState)}
        assert len(fake.requests) <= 45, path.name
        if fault.kind != "Deployment":
            recorded = any(o["kind"] == fault.kind and o["metadata"]["name"] == fault.name for o in recording.objects)
            assert fault in seen or not recorded, path.name
            continue
        pods, reasons = made_of(recording.objects, fault)
        assert {fault, *(Subject("prod", fault.namespace, "Pod", name) for name in pods)} <= seen, path.name
        about = {fault.name, *pods}
        assert reasons <= {e.reason for e in evidence.of(ClusterEvent) if e.subject.name in about}, path.name
        assert [change for change in evidence.of(Change) if change.subject == fault], path.name
