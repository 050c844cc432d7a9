"""What may not be read is a gap in plain words, for every kind of question; and what is missing is known by name."""

from pathlib import Path

import pytest

from app.domain.evidence import Change, ClusterEvent, Evidence, ObjectState
from app.domain.query import (
    KUBERNETES_QUERIES,
    ContainerLogQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    Query,
    RolloutQuery,
    ServicesQuery,
)
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.sources.kubernetes import KubernetesSource
from tests.gather.cluster import NOW, crashing_pod, deployment, event, kubernetes, replica_set, subject
from tests.gather.forbidding import APP, CASES, CHECKOUT, NODE, OBJECTS, POD

pytestmark = pytest.mark.anyio


async def gathered(source: KubernetesSource, query: Query) -> Evidence:
    return await Gatherer([source], Planner(), 5).ask([query], NOW)


@pytest.fixture
def cart() -> tuple[dict[str, object], ...]:
    """A pod of another namespace on the same node, and one of a third."""
    pods = []
    for namespace in ("cart", "secretive"):
        pod = crashing_pod(f"{namespace}-7c5f46fc47-aaaaa")
        pod["metadata"]["namespace"] = namespace
        pods.append(pod)
    return tuple(pods)


def test_every_kind_of_question_has_a_case() -> None:
    assert {type(case.query) for case in CASES.values()} == set(KUBERNETES_QUERIES)


@pytest.mark.parametrize("name", CASES)
async def test_what_may_not_be_read_is_a_gap_and_never_an_error(folder: Path, name: str) -> None:
    case = CASES[name]
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        before = await gathered(source, case.query)
        assert [gap for gap in before.gaps if "403" in gap.reason] == []
        fake.forbidden.add(case.resource)
        source._connection._recent._kept.clear()  # the answer of a moment ago
        (gap,) = (await gathered(source, case.query)).gaps
    assert gap.reason == f"no permission to {case.said} (403)"
    assert fake.writes == []


async def test_rollouts_are_told_where_events_may_not_be_read(folder: Path) -> None:
    """Only the time of a rollout back needs them."""
    back = replica_set("checkout-6d9f7c8b5", 3, "2026-10-01T10:00:00Z", memory="512Mi", history="1")
    between = replica_set("checkout-7c5f46fc47", 2, "2026-10-21T02:00:00Z")
    async with kubernetes(folder, deployment(), back, between) as (fake, source):
        fake.forbidden.add("events")
        evidence = await source.answer(RolloutQuery("rollouts of shop/checkout", CHECKOUT))
    assert evidence.of(Change)
    assert [gap.reason for gap in evidence.gaps] == [
        "no permission to list events in shop (403): times of rollouts back are not sure"
    ]


async def test_services_are_told_where_their_back_ends_may_not_be_read(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.forbidden.add("endpointslices")
        evidence = await source.answer(ServicesQuery("q", CHECKOUT, APP))
    assert [state.subject.kind for state in evidence.of(ObjectState)] == ["Service"]
    assert len(evidence.gaps) == 1


async def test_roles_in_some_namespaces_are_enough_for_those(folder: Path, cart: tuple[dict[str, object], ...]) -> None:
    """What is asked of all namespaces is asked of each that may be read, and the answer says that it is not all."""
    async with kubernetes(folder, *OBJECTS, *cart) as (fake, source):
        fake.granted = {"shop", "cart"}
        source._connection.namespaces = ("shop", "cart")
        on_node = await gathered(source, PodsQuery("pods of node node-3", NODE))
        nameless = await gathered(source, ObjectQuery("state", subject("Deployment", "checkout", "")))
        nowhere = await gathered(source, ObjectQuery("state", subject("Deployment", "ledger", "")))
        nodes = await gathered(source, ObjectsQuery("state of the nodes", subject("Node", "", "")))
    assert {state.subject.namespace for state in on_node.of(ObjectState)} == {"shop", "cart"}
    assert [gap.reason for gap in on_node.gaps] == ["only in shop, cart: no others may be read"]
    assert [state.subject.namespace for state in nameless.of(ObjectState)] == ["shop"]
    assert [gap.reason for gap in nowhere.gaps] == [
        "no such Deployment (404); only in shop, cart: no others may be read"
    ]
    assert [gap.reason for gap in nodes.gaps] == ["no permission to list nodes (403)"]
    assert not [path for _, path in fake.requests if path.startswith("/api/v1/pods")]


async def test_an_incident_is_gathered_with_roles_in_one_namespace_only(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS, event("Deployment", "checkout", "ScalingReplicaSet")) as (fake, source):
        fake.granted = {"shop"}
        source._connection.namespaces = ("shop",)
        evidence = await Gatherer([source], Planner(), 5).start((), (CHECKOUT,), NOW).finish()
    assert evidence.of(ClusterEvent)
    assert {"Deployment", "Pod", "ReplicaSet"} <= {state.subject.kind for state in evidence.of(ObjectState)}
    assert [gap.reason for gap in evidence.gaps] == ["no permission to read Node node-3 (403)"]


async def test_logs_that_are_switched_off_are_told_and_not_asked_for(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        quiet = KubernetesSource(source._connection, pod_logs=False)
        (gap,) = (await gathered(quiet, ContainerLogQuery("log of the pod", POD, "app", previous=False))).gaps
        assert gap.reason == "pod logs are switched off (SITREP_KUBERNETES_POD_LOGS)"
        assert fake.requests == []
        assert (await quiet.check()).healthy
