"""What stands around a workload: which neighbours are looked at, and what is read of each."""

from datetime import UTC, datetime

import pytest

from app.domain.dependencies import CALLS
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
from app.gather.plan import Plan
from app.gather.planner import Planner
from app.gather.questions import calls
from tests.gather.around import env, listed, service, workload
from tests.gather.cluster import CHECKOUT, NOW, Body, body, crashing_pod, subject

pytestmark = pytest.mark.anyio
SHOP = subject("Namespace", "shop", "")


def seen(*bodies: Body) -> Evidence:
    states = [
        ObjectState(f"e-{b['kind']}-{b['metadata']['name']}", subject(b["kind"], b["metadata"]["name"]), NOW, b)
        for b in bodies
    ]
    return Evidence.seen(states)


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
