"""What stands around a workload is gathered from a cluster within the budget, and what may not be seen is said."""

from pathlib import Path

import pytest

from app.domain.dependencies import callee_of, caller_of
from app.domain.evidence import Evidence, ObjectState, Series
from app.domain.query import (
    ReferencesQuery,
)
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.questions import calls
from app.gather.sources.prometheus import PrometheusSource
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.gather.around import listed, mesh, service, workload
from tests.gather.canned import settings
from tests.gather.cluster import CHECKOUT, NOW, Body, body, crashing_pod, deployment, kubernetes, shop
from tests.gather.test_network_shapes import ACCOUNT, BUDGET, CONFIG, INGRESS, ROUTE

pytestmark = pytest.mark.anyio


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


def counter(**labels: str) -> dict[str, object]:
    return {"metric": labels, "kind": "counter", "shape": [[-3600, 2.0]]}


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
