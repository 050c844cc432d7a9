"""Who calls whom and which hosts lead where, and who is touched when a workload fails."""

from dataclasses import replace

import pytest

from app.analyze.blast_radius import blast_radius
from app.analyze.world import World
from app.domain.dependencies import CALLS
from app.domain.evidence import Item, Series
from app.domain.subject import Subject
from tests.analyze.around import (
    about,
    autoscaler,
    budget,
    calling,
    ingress,
    pod_with_claim,
    route,
    service,
    slices,
    thing,
    workload,
)
from tests.builders import NOW, case, container_status, deployment, pod, replica_set, series

CHECKOUT = deployment()
MINE = (pod(), replica_set(), workload("checkout"), service("checkout"))


def around(*items: Item, subjects: tuple[Subject, ...] | None = None) -> list[str]:
    world = World(case(*items, subjects=subjects), NOW)
    return [f"{one.subject.kind} {one.subject}: {one.relation}, {one.state}" for one in blast_radius(world)]


def counted(*values: float | None, **labels: str) -> Series:
    return replace(series(CALLS, list(values) or [1.0]), labels=labels, id=str(labels))


def mesh(caller: str, callee: str, *, of: str = "shop", to: str = "shop") -> dict[str, str]:
    return {
        "source_workload": caller,
        "source_workload_namespace": of,
        "destination_workload": callee,
        "destination_workload_namespace": to,
    }


def test_who_names_it_calls_it_and_what_it_names_is_called_by_it() -> None:
    told = around(
        *MINE,
        calling("web", CHECKOUT_ADDR="checkout:8080"),
        replace(calling("checkout", PAYMENTS_URL="http://payments:8080"), id="e9"),
        service("payments"),
        workload("payments", ready=0),
    )
    assert "Deployment shop/web: calls it, 1 of 1 pods ready" in told
    assert "Deployment shop/payments: is called by it, 0 of 1 pods ready" in told


def test_people_reach_it_by_the_hosts_and_paths_that_lead_to_its_service() -> None:
    told = around(*MINE, ingress("shop.test", ("/cart", "checkout"), ("/", "web"), ("/pay", "checkout")))
    assert "Ingress shop/front: leads shop.test/cart, shop.test/pay to it, 1 of 1 pods ready" in told


def test_a_door_to_who_calls_it_leads_to_it_through_that_one() -> None:
    web = (calling("web", CHECKOUT_ADDR="checkout:8080"), service("web"))
    told = around(*MINE, *web, ingress("shop.test", ("/", "web")))
    assert "Ingress shop/front: leads shop.test to it through web, 1 of 1 pods ready" in told


def test_callers_of_callers_are_told_with_whom_they_call() -> None:
    chain = (calling("web", CART_ADDR="cart:8080"), calling("cart", CHECKOUT_ADDR="checkout:8080"), service("cart"))
    told = around(*MINE, *chain)
    assert "Deployment shop/cart: calls it, 1 of 1 pods ready" in told
    assert "Deployment shop/web: calls it through cart, 1 of 1 pods ready" in told


def test_those_who_call_each_other_in_a_circle_are_told_once() -> None:
    circle = (
        replace(calling("checkout", CART_ADDR="cart:8080"), id="e9"),
        calling("cart", CHECKOUT_ADDR="checkout:8080"),
        service("cart"),
    )
    told = around(*MINE, *circle)
    assert len([line for line in told if "shop/cart" in line]) == 2
    assert not [line for line in told if "Deployment shop/checkout:" in line]


@pytest.mark.parametrize(
    ("backend", "leads"),
    [
        ({"name": "checkout", "port": 80}, ["leads shop.test/cart to it"]),
        ({"name": "checkout", "kind": "Service", "weight": 1}, ["leads shop.test/cart to it"]),
        ({"name": "checkout", "weight": 0}, []),
        ({"name": "checkout", "kind": "Bucket", "group": "storage.test"}, []),
        ({"name": "checkout", "namespace": "other"}, []),
        ({"name": "web"}, []),
    ],
)
def test_a_gateways_route_counts_where_it_sends_traffic_to_its_service(
    backend: dict[str, object], leads: list[str]
) -> None:
    told = around(*MINE, route(["shop.test"], backend, path="/cart"))
    routes = [line for line in told if line.startswith("HTTPRoute")]
    assert routes == [f"HTTPRoute shop/front: {words}, 1 of 1 pods ready" for words in leads]


def test_what_a_mesh_has_counted_is_believed_and_so_is_a_caller_of_another_namespace() -> None:
    told = around(
        *MINE, workload("cart"), counted(**mesh("cart", "checkout")), counted(**mesh("portal", "checkout", of="web"))
    )
    assert "Deployment shop/cart: calls it, 1 of 1 pods ready" in told
    assert "Workload web/portal: calls it, unknown" in told


@pytest.mark.parametrize(
    "one",
    [
        counted(**mesh("unknown", "checkout")),
        counted(**mesh("stranger", "checkout")),
        counted(client="stranger", server="checkout"),
        counted(0.0, **mesh("cart", "checkout")),
        counted(None, **mesh("cart", "checkout")),
        counted(**mesh("checkout", "checkout")),
        counted(odd="cart"),
        counted(**mesh("<!channel>", "checkout", of="web")),
        counted(**mesh("x" * 300, "checkout", of="web")),
        counted(**mesh("portal", "checkout", of="a b")),
    ],
)
def test_what_was_counted_of_nobody_known_or_not_lately_is_no_edge(one: Series) -> None:
    assert not [line for line in around(*MINE, workload("cart"), one) if "calls it" in line]


def test_what_a_config_map_names_is_an_edge_only_through_a_key_that_is_read() -> None:
    reads = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "urls", "key": "checkout"}}}
    config = thing("ConfigMap", "urls", calls={"checkout": ["checkout.shop.svc"], "cart": ["cart.shop.svc"]})
    told = around(*MINE, workload("web", env=[reads]), config, service("cart"), workload("cart"))
    assert "Deployment shop/web: calls it, 1 of 1 pods ready" in told
    only_web = around(*MINE, workload("web", env=[reads]), config, subjects=(about("Deployment", "web"),))
    assert not [line for line in only_web if "shop/cart" in line]


def test_a_service_with_two_workloads_behind_it_is_named_itself() -> None:
    split = (service("pay", selects="x"), workload("blue"), workload("green"))
    labelled = []
    for one in split[1:]:
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}}
        labelled.append(replace(one, body={**one.body, "spec": {"replicas": 1, "template": template}}))
    caller = replace(calling("checkout", PAY_ADDR="pay:8080"), id="e9")
    told = around(*MINE, caller, split[0], *labelled, slices("pay", "yes", "no", "unsaid"))
    assert "Service shop/pay: is called by it, 2 of 3 back ends ready" in told


@pytest.mark.parametrize("value", ["checkout", "my-checkout:8080", "http://checkout.example.com", "checkout:1"])
def test_a_name_that_only_resembles_its_service_is_no_edge(value: str) -> None:
    assert not [line for line in around(*MINE, calling("web", NAME=value)) if "calls it" in line]


def test_a_service_without_a_selector_leads_nowhere() -> None:
    empty = replace(service("checkout"), body={"spec": {"selector": {}}})
    assert not [line for line in around(pod(), replica_set(), empty) if "Service" in line]


def test_what_scales_guards_and_holds_it_stands_there_with_its_state() -> None:
    claim = thing("PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"})
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-1a"]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}}
    volume = thing("PersistentVolume", "pv-1", "", spec={"nodeAffinity": affinity})
    told = around(pod_with_claim(), replica_set(), autoscaler("TooManyReplicas"), budget(0), claim, volume)
    assert told == [
        "HorizontalPodAutoscaler shop/checkout: scales it, at its maximum of 4",
        "PodDisruptionBudget shop/checkout: guards it, allows no disruption (1 healthy, wants 1)",
        "PersistentVolumeClaim shop/data: holds its data, bound to pv-1 in zone eu-1a",
    ]


def test_an_autoscaler_that_has_as_many_as_it_may_is_not_said_to_want_more() -> None:
    assert "HorizontalPodAutoscaler shop/checkout: scales it, 4 of at most 4" in around(*MINE, autoscaler())


def test_a_neighbour_whose_callers_get_errors_is_told_with_them() -> None:
    errors = series("error_ratio", [0.2] * 5, "ratio", subject=about("Deployment", "web"))
    told = around(*MINE, calling("web", CHECKOUT_ADDR="checkout:8080"), errors)
    assert "Deployment shop/web: calls it, 1 of 1 pods ready, 5xx 20 %" in told


def test_of_a_crowd_twenty_are_told_and_who_is_touched_comes_first() -> None:
    crowd = [calling(f"web-{n:02}", CHECKOUT_ADDR="checkout:8080") for n in range(40)]
    told = around(*MINE, *crowd, budget(1))
    assert len(told) == 20
    assert told[0].startswith("Service shop/checkout")
    assert all("calls it" in line for line in told[1:])


def test_pods_that_are_not_ready_are_counted_where_they_were_seen() -> None:
    sick = pod(statuses=[container_status(ready=False)])
    told = around(sick, replica_set(), service("checkout"))
    assert told == ["Service shop/checkout: sends traffic to it, 0 of 1 pods ready"]


def test_who_names_a_service_that_leads_to_nobody_meant_the_workload_of_that_name() -> None:
    astray = service("checkout", selects="chekout")
    told = around(pod(), replica_set(), workload("checkout"), astray, calling("web", CHECKOUT_ADDR="checkout:8080"))
    assert told == ["Deployment shop/web: calls it, 1 of 1 pods ready"]


def test_one_door_to_many_who_call_it_is_told_once() -> None:
    callers = [one for n in range(5) for one in (calling(f"web-{n}", A_ADDR="checkout:8080"), service(f"web-{n}"))]
    front = ingress("shop.test", *[(f"/{n}", f"web-{n}") for n in range(5)])
    doors = [line for line in around(*MINE, *callers, front) if line.startswith("Ingress")]
    words = "leads shop.test/0, shop.test/1, shop.test/2 and 2 more to it through those who call it"
    assert doors == [f"Ingress shop/front: {words}, 5 of them"]


def test_an_endless_host_is_cut() -> None:
    (line,) = [line for line in around(*MINE, ingress("x" * 900, ("/", "checkout"))) if line.startswith("Ingress")]
    assert len(line) < 150


def test_of_a_node_it_is_told_which_services_and_doors_still_have_somebody_to_answer() -> None:
    node = about("Node", "node-1", "")
    front = ingress("shop.test", ("/cart", "checkout"), ("/", "web"))
    ends = slices("checkout", "no", "yes")
    told = around(pod(), replica_set(), service("checkout"), service("web"), ends, front, subjects=(node,))
    assert told == [
        "Deployment shop/checkout: has pods on it, 1 of 1 pods ready there",
        "Service shop/checkout: sends traffic to pods on it, 1 of 2 back ends ready",
        "Ingress shop/front: leads shop.test/cart to checkout, 1 of 2 back ends ready",
    ]
