"""What stands around a workload: which neighbours are looked at, and what is read of each."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.dependencies import CALLS, callee_of, caller_of
from app.domain.evidence import Evidence, ObjectState, Series
from app.domain.query import (
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    PromQuery,
    Query,
    ReferencesQuery,
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.plan import Plan
from app.gather.planner import Planner
from app.gather.questions import calls
from app.gather.sources.prometheus import PrometheusSource
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.gather.canned import settings
from tests.gather.cluster import NOW, Body, body, crashing_pod, deployment, kubernetes, shop, subject
from tests.gather.test_network_shapes import ACCOUNT, BUDGET, CONFIG, INGRESS, ROUTE

pytestmark = pytest.mark.anyio

CHECKOUT = subject("Deployment", "checkout")
SHOP = subject("Namespace", "shop", "")


def workload(name: str, kind: str = "Deployment", *, ready: int = 1, **spec: object) -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", **spec}]}}
    return body(
        kind,
        name,
        api="apps/v1",
        spec={"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        status={"availableReplicas": ready},
    )


def service(name: str, port: int = 8080) -> Body:
    return body("Service", name, spec={"selector": {"app": name}, "ports": [{"port": port}]})


def seen(*bodies: Body) -> Evidence:
    states = [
        ObjectState(f"e-{b['kind']}-{b['metadata']['name']}", subject(b["kind"], b["metadata"]["name"]), NOW, b)
        for b in bodies
    ]
    return Evidence.seen(states)


def listed(kind: str) -> ObjectsQuery:
    return ObjectsQuery("list", Subject("prod", "shop", kind, ""))


def learnt(work: Plan, *bodies: Body) -> tuple[Query, ...]:
    """What is asked after these became known, one kind after the other, the caller last."""
    asked: list[Query] = []
    for kind in ("Service", "Deployment", "StatefulSet", "ConfigMap"):
        about = [b for b in bodies if b["kind"] == kind and b["metadata"]["name"] != "checkout"]
        if about:
            asked += work.follow_up(listed(kind), seen(*about))
    caller = [b for b in bodies if b["metadata"]["name"] == "checkout"]
    return (*asked, *work.follow_up(ObjectQuery("state", CHECKOUT), seen(*caller)))


def begun() -> Plan:
    return Planner().begin((), (CHECKOUT,), NOW)


def rolled_out(queries: tuple[Query, ...]) -> set[str]:
    return {q.subject.name for q in queries if isinstance(q, RolloutQuery)} - {"checkout"}


def env(**variables: str) -> dict[str, object]:
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


def test_what_it_calls_is_looked_at_whatever_is_answered_first() -> None:
    caller = workload("checkout", **env(PAYMENTS_ADDR="payments:8080"))
    callees = (service("payments"), workload("payments"), service("cart"), workload("cart"))
    assert rolled_out(learnt(begun(), *callees, caller)) == {"payments"}
    late = begun()
    late.follow_up(ObjectQuery("state", CHECKOUT), seen(caller))
    late.follow_up(listed("Deployment"), seen(workload("payments"), workload("cart")))
    assert rolled_out(late.follow_up(listed("Service"), seen(service("payments"), service("cart")))) == {"payments"}


def test_a_healthy_callee_is_asked_for_its_rollouts_and_a_sick_one_for_its_pods_too() -> None:
    caller = workload("checkout", **env(A_ADDR="well:8080", B_ADDR="sick:8080"))
    around = (service("well"), workload("well"), service("sick"), workload("sick", ready=0))
    queries = learnt(begun(), *around, caller)
    assert rolled_out(queries) == {"well", "sick"}
    assert {q.subject.name for q in queries if isinstance(q, PodsQuery)} == {"checkout", "sick"}


def test_no_more_than_two_callees_that_are_well_are_looked_at_and_the_sick_ones_first() -> None:
    names = [f"a{n}" for n in range(6)]
    caller = workload("checkout", **env(**{f"{n.upper()}_ADDR": f"{n}:8080" for n in names}))
    around = [one for n in names for one in (service(n), workload(n, ready=int(n != "a5")))]
    found = rolled_out(learnt(begun(), *around, caller))
    assert "a5" in found
    assert len(found) == 3


def test_a_place_is_left_for_a_neighbour_that_is_sick() -> None:
    names = [f"a{n}" for n in range(6)]
    caller = workload("checkout", **env(**{f"{n.upper()}_ADDR": f"{n}:8080" for n in names}))
    work = begun()
    learnt(work, *[one for n in names for one in (service(n), workload(n))], caller)
    assert rolled_out(work.follow_up(listed("StatefulSet"), seen(workload("db", "StatefulSet", ready=0)))) == {"db"}


def test_a_workload_that_names_itself_has_no_callee() -> None:
    caller = workload("checkout", **env(OWN_ADDR="checkout:8080"))
    assert rolled_out(learnt(begun(), service("checkout"), caller)) == set()


def test_what_a_config_map_names_is_called_only_through_a_key_that_is_read() -> None:
    reference = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "read"}}}
    caller = workload("checkout", env=[reference])
    config = body("ConfigMap", "settings")
    config |= {"keys": ["other", "read"], "calls": {"read": ["payments.shop.svc"], "other": ["cart.shop.svc"]}}
    around = (service("payments"), workload("payments"), service("cart"), workload("cart"))
    assert rolled_out(learnt(begun(), *around, config, caller)) == {"payments"}


def test_a_service_of_another_namespace_is_looked_up_by_its_full_name() -> None:
    caller = workload("checkout", env=[{"name": "A", "calls": ["ledger.money.svc:80"]}])
    queries = learnt(begun(), service("cart"), caller)
    assert subject("Service", "ledger", "money") in {q.subject for q in queries if isinstance(q, ObjectQuery)}


@pytest.mark.parametrize(
    "labels",
    [
        {
            "source_workload": "checkout",
            "source_workload_namespace": "shop",
            "destination_workload": "payments",
            "destination_workload_namespace": "shop",
        },
        {"client": "checkout", "server": "payments"},
        {"deployment": "checkout", "namespace": "shop", "dst_deployment": "payments", "dst_namespace": "shop"},
    ],
)
def test_what_a_mesh_or_traces_have_counted_names_callees_too(labels: dict[str, str]) -> None:
    work = begun()
    learnt(work, workload("payments"), workload("cart"), workload("checkout"))
    points = ((NOW.timestamp(), 1.0),)
    counted = Series("e1", CHECKOUT, CALLS, "x", "per_second", labels, points)
    assert rolled_out(work.follow_up(calls(CHECKOUT, NOW), Evidence.seen([counted]))) == {"payments"}


def test_who_calls_it_is_no_callee_and_neither_is_what_others_call() -> None:
    work = begun()
    learnt(work, workload("payments"), workload("cart"), workload("checkout"))
    counted = [
        Series(f"e{client}", CHECKOUT, CALLS, "x", "", {"client": client, "server": server}, ((NOW.timestamp(), 1.0),))
        for client, server in (("cart", "checkout"), ("cart", "payments"), ("checkout", "unknown"))
    ]
    assert rolled_out(work.follow_up(calls(CHECKOUT, NOW), Evidence.seen(counted))) == set()


def test_a_hostile_name_stays_inside_its_quotes() -> None:
    evil = calls(Subject("prod", 'a"} or up{x="', "Deployment", 'x"} or vector(1) #\n'), datetime.now(UTC))
    assert "\n" not in evil.expr.replace("\nor\n", "")
    assert 'x\\"} or vector(1) #\\n' in evil.expr


def test_config_maps_and_the_account_are_asked_for_and_secrets_are_not() -> None:
    caller = workload("checkout", envFrom=[{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}])
    caller["spec"]["template"]["spec"] |= {
        "serviceAccountName": "robot",
        "volumes": [{"name": "ca", "configMap": {"name": "kube-root-ca.crt"}}],
    }
    queries = learnt(begun(), caller)
    (asked,) = [query for query in queries if isinstance(query, ReferencesQuery)]
    assert asked.names == (("ConfigMap", "settings"), ("ServiceAccount", "robot"))


async def gather(folder: Path, *objects: Body, forbidden: tuple[str, ...] = ()) -> tuple[Evidence, list[str]]:
    async with kubernetes(folder, *objects) as (fake, source):
        fake.forbidden.update(forbidden)
        evidence = await Gatherer([source], Planner(), 5).start((), (CHECKOUT,), NOW).finish()
        return evidence, [str(request) for request in fake.requests]


def kinds(evidence: Evidence) -> set[str]:
    return {state.subject.kind for state in evidence.of(ObjectState)}


async def test_all_that_stands_around_is_gathered_within_the_budget(tmp_path: Path) -> None:
    caller = deployment()
    caller["spec"]["template"]["spec"]["serviceAccountName"] = "cart"
    caller["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "cart"}}]
    autoscaler = body(
        "HorizontalPodAutoscaler",
        "checkout",
        api="autoscaling/v2",
        spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
        status={"currentReplicas": 3, "desiredReplicas": 3},
    )
    objects = (*shop()[1:], caller, autoscaler, INGRESS, ROUTE, BUDGET, ACCOUNT, CONFIG, service("db", 5432))
    evidence, requests = await gather(tmp_path, *objects)
    assert {"Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget"} <= kinds(evidence)
    assert {"ConfigMap", "ServiceAccount"} <= kinds(evidence)
    assert evidence.gaps == ()
    assert len(requests) <= 40
    assert "hunter2" not in repr(evidence)
    (config,) = [state for state in evidence.of(ObjectState) if state.subject.kind == "ConfigMap"]
    assert config.body["calls"] == {"DATABASE": ["db.shop.svc"]}


async def test_a_cluster_without_gateways_is_no_gap_and_is_not_asked_again(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        for _ in range(2):
            evidence = await Gatherer([source], Planner(), 5).start((), (CHECKOUT,), NOW).finish()
            assert evidence.gaps == ()
        assert sum("httproutes" in str(request) for request in fake.requests) == 1


async def test_who_may_not_see_routes_misses_nothing_and_who_may_not_see_ingresses_is_told(tmp_path: Path) -> None:
    evidence, _ = await gather(tmp_path, *shop(ROUTE), forbidden=("httproutes", "ingresses"))
    assert [gap.reason for gap in evidence.gaps] == ["no permission to list ingresses in shop (403)"]


async def test_what_is_referred_to_and_not_there_is_seen_as_absent(tmp_path: Path) -> None:
    query = ReferencesQuery("refers", CHECKOUT, (("ConfigMap", "cart"), ("ConfigMap", "no"), ("ServiceAccount", "no")))
    async with kubernetes(tmp_path, CONFIG) as (_, source):
        evidence = await source.answer(query)
    absent = {str(s.subject): s.body.get("absent") for s in evidence.of(ObjectState) if s.subject.kind == "ConfigMap"}
    assert absent == {"shop/cart": None, "shop/no": True}
    assert evidence.gaps == ()


async def test_what_may_not_be_read_is_a_gap_and_not_absent(tmp_path: Path) -> None:
    query = ReferencesQuery("refers", CHECKOUT, (("ConfigMap", "cart"), ("ServiceAccount", "cart")))
    async with kubernetes(tmp_path, CONFIG, ACCOUNT) as (fake, source):
        fake.forbidden = {"configmaps"}
        evidence = await source.answer(query)
    assert [gap.reason for gap in evidence.gaps] == ["no permission to read ConfigMap shop/cart (403)"]
    assert kinds(evidence) == {"ServiceAccount"}


async def test_of_many_ingresses_eighty_are_kept_and_that_is_said(tmp_path: Path) -> None:
    many = [body("Ingress", f"front-{n}", api="networking.k8s.io/v1", spec={"rules": []}) for n in range(90)]
    async with kubernetes(tmp_path, *many) as (_, source):
        evidence = await source.answer(listed("Ingress"))
    assert len(evidence.items) == 80
    assert [gap.reason for gap in evidence.gaps] == ["only 80 of 90 were kept"]


def test_the_volume_of_a_running_pods_claim_is_looked_at_once() -> None:
    pod = crashing_pod()
    pod["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    work = begun()
    queries = work.follow_up(PodsQuery("pods", CHECKOUT), seen(pod))
    claim = subject("PersistentVolumeClaim", "data")
    assert claim in {q.subject for q in queries if isinstance(q, ObjectQuery)}
    bound = body("PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"})
    asked = work.follow_up(ObjectQuery("state", claim), seen(bound))
    assert [query.subject for query in asked] == [Subject("prod", "", "PersistentVolume", "pv-1")]


def test_a_question_about_calls_is_one_for_all_meshes() -> None:
    query = calls(CHECKOUT, NOW)
    assert isinstance(query, PromQuery)
    for metric in ("istio_requests_total", "traces_service_graph_request_total", "response_total"):
        assert metric in query.expr


def counter(**labels: str) -> dict[str, object]:
    return {"metric": labels, "kind": "counter", "shape": [[-3600, 2.0]]}


def mesh(caller: str, called: str) -> dict[str, str]:
    return {
        "__name__": "istio_requests_total",
        "source_workload": caller,
        "source_workload_namespace": "shop",
        "destination_workload": called,
        "destination_workload_namespace": "shop",
        "response_code": "200",
    }


async def test_of_all_that_a_mesh_has_counted_only_its_own_calls_come_back() -> None:
    traced = {"__name__": "traces_service_graph_request_total", "client": "web", "server": "checkout"}
    linked = {"__name__": "response_total", "direction": "outbound", "namespace": "shop", "deployment": "checkout"}
    linked |= {"dst_namespace": "money", "dst_deployment": "ledger"}
    labels = (mesh("checkout", "payments"), mesh("cart", "checkout"), mesh("cart", "payments"), traced, linked)
    recording = Recording(now=NOW, metrics={"series": [counter(**one) for one in labels]})
    async with FakePrometheus(recording) as fake:
        source = PrometheusSource(settings(prometheus_url=fake.url))
        evidence = await source.answer(calls(CHECKOUT, NOW))
        await source.aclose()
    assert evidence.gaps == ()
    found = {(caller_of(one.labels), callee_of(one.labels)) for one in evidence.of(Series)}
    assert found == {
        (("shop", "checkout"), ("shop", "payments")),
        (("shop", "cart"), ("shop", "checkout")),
        (("", "web"), ("", "checkout")),
        (("shop", "checkout"), ("money", "ledger")),
    }


def elsewhere(name: str, *, sick: bool) -> Body:
    """A pod of money/ledger."""
    owner = [{"kind": "ReplicaSet", "name": "ledger-7c5f46fc47", "uid": "u", "controller": True}]
    one = crashing_pod(name)
    one["metadata"] |= {"namespace": "money", "labels": {"app": "ledger"}, "ownerReferences": owner}
    if not sick:
        well = {"name": "app", "ready": True, "restartCount": 0, "state": {"running": {}}}
        one["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        one["status"]["containerStatuses"] = [well]
    return one


@pytest.mark.parametrize("sick", [True, False])
async def test_a_dependency_in_another_namespace_is_looked_into_only_where_it_is_sick(
    tmp_path: Path,
    sick: bool,  # noqa: FBT001 - the case
) -> None:
    caller = deployment()
    caller["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "L", "value": "http://ledger.money.svc"}]
    ledger = service("ledger")
    ledger["metadata"]["namespace"] = "money"
    pods = [elsewhere(f"ledger-7c5f46fc47-aaaa{n}", sick=sick) for n in range(3)]
    evidence, requests = await gather(tmp_path, *shop()[1:], caller, service("cart"), ledger, *pods)
    money = [request for request in requests if "namespaces/money" in request]
    logs = [request for request in money if "/log" in request]
    assert len(requests) <= 40
    assert not [gap for gap in evidence.gaps if "too many questions" in gap.reason]
    assert len(logs) == (1 if sick else 0)
    assert all("previous=true" in log for log in logs)
    assert len(money) <= (12 if sick else 2)


async def test_in_a_namespace_where_much_is_sick_the_budget_holds(tmp_path: Path) -> None:
    names = [f"sick-{n}" for n in range(8)]
    caller = deployment()
    app = caller["spec"]["template"]["spec"]["containers"][0]
    app["env"] = [{"name": f"{name}_ADDR", "value": f"{name}:8080"} for name in names]
    objects: list[Body] = [*shop()[1:], caller]
    for name in names:
        pod = crashing_pod(f"{name}-7c5f46fc47-aaaaa")
        pod["metadata"] |= {"labels": {"app": name}}
        objects += [service(name), workload(name, ready=0), pod]
    evidence, requests = await gather(tmp_path, *objects)
    assert len(requests) <= 40
    assert not [gap for gap in evidence.gaps if "too many questions" in gap.reason]


def test_of_a_nodes_pods_the_ways_in_are_asked_for_in_the_two_namespaces_that_have_most_of_them() -> None:
    node = subject("Node", "node-3", "")
    places = ["shop"] * 3 + ["money"] * 2 + ["lone"]
    pods = [ObjectState(f"e{n}", subject("Pod", f"p{n}", place), NOW, {}) for n, place in enumerate(places)]
    work = Planner().begin((), (node,), NOW)
    asked = work.follow_up(PodsQuery("pods", node), Evidence.seen(pods))
    assert {(q.subject.namespace, q.subject.kind) for q in asked if isinstance(q, ObjectsQuery)} == {
        (place, kind) for place in ("shop", "money") for kind in ("Ingress", "HTTPRoute")
    }
    assert {q.subject.name for q in asked if isinstance(q, ServicesQuery)} == {"shop", "money"}
