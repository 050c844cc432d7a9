"""What may not be read is a gap in plain words, for every kind of question; and what is missing is known by name."""

from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.domain.evidence import Change, ClusterEvent, Evidence, ObjectState
from app.domain.query import (
    KUBERNETES_QUERIES,
    ContainerLogQuery,
    EventQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    Query,
    QuotaQuery,
    ReferencesQuery,
    RolloutQuery,
    ServicesQuery,
)
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.sources.kubernetes import KubernetesSource
from app.gather.sources.kubernetes.kinds import KINDS
from app.gather.sources.kubernetes.permissions import Need, missing, needs, told
from app.settings import Settings
from tests.fakes.server import Trouble
from tests.gather.cluster import NOW, body, crashing_pod, deployment, event, kubernetes, replica_set, shop, subject

pytestmark = pytest.mark.anyio
CHECKOUT, POD = subject("Deployment", "checkout"), subject("Pod", "checkout-7c5f46fc47-xh86l")
NODE, SHOP = subject("Node", "node-3", ""), subject("Namespace", "shop", "")
APP = (("app", "checkout"),)


@dataclass(frozen=True)
class Case:
    """A question, what it needs, and what a reader is told where that is not granted."""

    query: Query
    resource: str
    said: str


CASES = {
    "object": Case(ObjectQuery("q", CHECKOUT), "deployments", "read Deployment shop/checkout"),
    "node": Case(ObjectQuery("q", NODE), "nodes", "read Node node-3"),
    "objects": Case(ObjectsQuery("q", subject("Node", "", "")), "nodes", "list nodes"),
    "objects of a namespace": Case(
        ObjectsQuery("q", subject("StatefulSet", "")), "statefulsets", "list statefulsets in shop"
    ),
    "pods": Case(PodsQuery("q", CHECKOUT, APP), "pods", "list pods in shop"),
    "pods of a node": Case(PodsQuery("q", NODE), "pods", "list pods"),
    "pods of a namespace": Case(PodsQuery("q", SHOP), "pods", "list pods in shop"),
    "events": Case(EventQuery("q", POD), "events", "list events in shop"),
    "events of a node": Case(EventQuery("q", NODE), "events", "list events in default"),
    "rollouts": Case(RolloutQuery("q", CHECKOUT), "deployments", "read Deployment shop/checkout"),
    "replica sets": Case(RolloutQuery("q", CHECKOUT), "replicasets", "list replicasets in shop"),
    "revisions": Case(
        RolloutQuery("q", subject("StatefulSet", "db")), "controllerrevisions", "list controllerrevisions in shop"
    ),
    "services": Case(ServicesQuery("q", CHECKOUT, APP), "services", "list services in shop"),
    "back ends": Case(ServicesQuery("q", CHECKOUT, APP), "endpointslices", "list endpointslices in shop"),
    "quotas": Case(QuotaQuery("q", SHOP), "resourcequotas", "list resourcequotas in shop"),
    "logs": Case(ContainerLogQuery("q", POD, "app", previous=False), "pods/log", "read logs in shop"),
    "previous logs": Case(ContainerLogQuery("q", POD, "app", previous=True), "pods/log", "read logs in shop"),
    "what it refers to": Case(
        ReferencesQuery("q", CHECKOUT, (("ConfigMap", "settings"),)), "configmaps", "read ConfigMap shop/settings"
    ),
    "an object without a namespace": Case(
        ObjectQuery("q", subject("Deployment", "checkout", "")), "deployments", "list deployments"
    ),
}
OBJECTS = (
    *shop(),
    body("Service", "checkout", spec={"selector": {"app": "checkout"}, "ports": [{"port": 80}]}),
    body("ConfigMap", "settings", data={"level": "info"}),
    body("StatefulSet", "db", api="apps/v1", spec={"selector": {"matchLabels": {"app": "db"}}}, status={}),
)


async def gathered(source: KubernetesSource, query: Query) -> Evidence:
    return await Gatherer([source], Planner(), 5).ask([query], NOW)


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


@pytest.fixture
def cart() -> tuple[dict[str, object], ...]:
    """A pod of another namespace on the same node, and one of a third."""
    pods = []
    for namespace in ("cart", "secretive"):
        pod = crashing_pod(f"{namespace}-7c5f46fc47-aaaaa")
        pod["metadata"]["namespace"] = namespace
        pods.append(pod)
    return tuple(pods)


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


async def lacking(folder: Path, *namespaces: str, forbidden: tuple[str, ...] = (), granted: str = "") -> list[Need]:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.forbidden.update(forbidden)
        fake.granted = {granted} if granted else None
        found = await missing(source._connection, needs(namespaces, pod_logs=True))
        assert fake.writes == []
    return list(found)


async def test_each_missing_verb_is_known_by_its_resource_and_place(folder: Path) -> None:
    for resource in ("events", "pods/log", "deployments", "resourcequotas", "persistentvolumeclaims", "nodes"):
        found = await lacking(folder, forbidden=(resource,))
        assert {need.resource.partition(".")[0] for need in found} == {resource}
        verbs = {"events": {"list"}, "pods/log": {"get"}, "resourcequotas": {"list"}}.get(resource, {"get", "list"})
        assert {need.verb for need in found} == verbs
        assert {need.namespace for need in found} == {""}
    assert await lacking(folder) == []


async def test_a_watch_that_may_not_be_made_is_known_though_lists_are_allowed(folder: Path) -> None:
    assert [(need.verb, need.resource) for need in await lacking(folder, forbidden=("watch deployments",))] == [
        ("watch", "deployments.apps")
    ]
    unlisted = await lacking(folder, forbidden=("configmaps",))
    assert {(need.verb, need.resource, need.optional) for need in unlisted} == {
        ("list", "configmaps", True),
        ("get", "configmaps", True),
    }


async def test_with_roles_in_namespaces_each_is_watched_and_nothing_else(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        everywhere = source.watches(b"key", Settings())
        source._connection.namespaces = ("shop", "cart")
        watches = source.watches(b"key", Settings())
        fake.granted = {"shop", "cart"}
        (shop_watch,) = [watch for watch in watches if (watch.kind, watch.namespace) == ("Deployment", "shop")]
        async with aclosing(shop_watch.follow()) as sights:
            first = await anext(sights)
    assert {watch.namespace for watch in everywhere} == {""}
    assert "Node" in {watch.kind for watch in everywhere}
    assert {watch.namespace for watch in watches} == {"shop", "cart"}
    assert {watch.kind for watch in watches} == {watch.kind for watch in everywhere if KINDS[watch.kind].namespaced}
    assert first, "what may be read is followed"


async def test_in_named_namespaces_each_is_tried_and_what_lies_in_none_is_no_fault(folder: Path) -> None:
    assert await lacking(folder, "shop", "cart", forbidden=("cart:events",)) == [
        Need("cart", "list", "events", "/api/v1/namespaces/cart/events?limit=1")
    ]
    found = await lacking(folder, "shop", granted="shop")
    assert {need.resource for need in found} == {"nodes", "persistentvolumes", "storageclasses.storage.k8s.io"}
    assert all(need.optional and not need.namespace for need in found)


async def test_all_that_is_asked_of_a_cluster_is_among_what_is_tried(folder: Path) -> None:
    """Else a permission could be missing that the doctor does not know of."""
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        for case in CASES.values():
            await source.answer(case.query)
        await Gatherer([source], Planner(), 5).start((), (CHECKOUT, NODE, SHOP), NOW).finish()
        asked = {_verb_and_resource(path) for _, path in fake.requests}
    tried = {(need.verb, need.resource.partition(".")[0]) for need in needs((), pod_logs=True)}
    assert len(asked) > 12
    assert asked - tried == set()


def _verb_and_resource(path: str) -> tuple[str, str]:
    parts = [part for part in path.partition("?")[0].split("/") if part]
    rest = parts[2 if parts[0] == "api" else 3 :]
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    resource = "/".join((rest[0], *rest[2:]))
    return ("get" if len(rest) > 1 else "list"), resource


def test_what_is_missing_is_told_in_lines_with_a_fix_each() -> None:
    lines = told(
        "kubernetes",
        [
            Need("shop", "list", "events", ""),
            Need("shop", "list", "deployments.apps", ""),
            Need("shop", "get", "pods/log", ""),
            Need("", "list", "nodes", "", optional=True),
        ],
    )
    assert [(line.mark, line.statement) for line in lines] == [
        ("note", "may not list nodes in the cluster"),
        ("FAIL", "may not get pods/log in namespace shop"),
        ("FAIL", "may not list events, deployments.apps in namespace shop"),
    ]
    assert "SITREP_KUBERNETES_POD_LOGS=off" in lines[1].fix
    assert "grant list on events, deployments.apps to Sitrep's service account by a Role in shop" in lines[2].fix


async def test_the_check_tells_the_version_and_a_line_for_each_lack(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (_, source):
        well = await source.check()
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.forbidden |= {"events", "pods/log", "shop:pods"}
        ill = await source.check()
    assert well.healthy
    assert well.parts == ()
    assert not ill.healthy
    assert {part.statement for part in ill.parts} == {
        "may not list events in the cluster",
        "may not get pods/log in the cluster",
    }


async def test_a_wrong_token_is_told_as_that(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.token = "another-" + "token"
        diagnosis = await source.check()
    assert (diagnosis.healthy, diagnosis.statement) == (False, "token refused (401)")
    assert "token" in diagnosis.fix
    assert diagnosis.parts == ()


async def test_a_login_page_in_place_of_the_api_server_is_told_as_that(folder: Path) -> None:
    async with kubernetes(folder, *OBJECTS) as (fake, source):
        fake.trouble = Trouble("html")
        diagnosis = await source.check()
    assert not diagnosis.healthy
    assert "login page" in diagnosis.fix


def test_the_needs_of_all_namespaces_are_bounded() -> None:
    assert len(needs((), pod_logs=True)) < 80
