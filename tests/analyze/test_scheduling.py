"""The scheduler's sentence, predicate by predicate."""

import pytest

from app.analyze.detectors.scheduling import Scheduling, read_reasons
from tests.analyze.judging import detect
from tests.builders import case, container_spec, event, pod, replica_set

TAIL = " preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."


def judged(message: str, **spec: object) -> tuple[str, str]:
    waiting = pod(node="", **spec)
    (found,) = detect(Scheduling(), case(waiting, replica_set(), event("FailedScheduling", message)))
    return found.kind, found.statement


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        ("1 node(s) were unschedulable, 3 Insufficient cpu.", "schedule.insufficient_cpu"),
        ("1 node(s) were unschedulable, 3 Insufficient memory.", "schedule.insufficient_memory"),
        ("4 Insufficient nvidia.com/gpu.", "schedule.insufficient_resource"),
        ("4 node(s) were unschedulable.", "schedule.cordon"),
        ("1 node(s) were unschedulable, 3 node(s) had untolerated taint {critical: true}.", "schedule.taint"),
        ("3 node(s) had taint {critical: true}, that the pod didn't tolerate, 1 Insufficient cpu.", "schedule.taint"),
        ("3 node(s) didn't match pod anti-affinity rules, 1 node(s) were unschedulable.", "schedule.pod_anti_affinity"),
        ("4 node(s) didn't match pod affinity rules.", "schedule.pod_affinity"),
        ("4 node(s) didn't match pod topology spread constraints.", "schedule.topology_spread"),
        ("4 node(s) didn't have free ports for the requested pod ports.", "schedule.host_port"),
        ("4 node(s) had volume node affinity conflict.", "schedule.volume"),
        ("4 Too many pods.", "schedule.too_many_pods"),
        ("pod has unbound immediate PersistentVolumeClaims.", "schedule.volume"),
        ("something nobody has read before.", "schedule.unschedulable"),
    ],
)
def test_the_predicate_that_keeps_most_nodes_out_is_the_reason(reasons: str, kind: str) -> None:
    assert judged(f"0/4 nodes are available: {reasons}{TAIL}")[0] == kind


def test_a_cordoned_node_beside_a_real_reason_does_not_win() -> None:
    kind, statement = judged("0/4 nodes are available: 3 node(s) were unschedulable, 1 Insufficient memory." + TAIL)
    assert kind == "schedule.insufficient_memory"
    assert statement == "1 pod cannot be scheduled: not enough free memory for 128Mi (1 of 4 nodes)"


def test_the_pods_spec_tells_a_selector_from_an_affinity() -> None:
    message = "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector." + TAIL
    assert judged(message, nodeSelector={"disk": "ssd"}) == (
        "schedule.node_selector",
        "1 pod cannot be scheduled: no node has label disk=ssd (4 of 4 nodes)",
    )
    assert judged(message, affinity={"nodeAffinity": {"x": []}})[0] == "schedule.node_affinity"


def test_a_scheduler_that_says_nothing_is_suspected_itself() -> None:
    (found,) = detect(Scheduling(), case(pod(node="", age_minutes=5), replica_set()))
    assert found.kind == "schedule.scheduler_down"


def test_a_pod_that_has_a_node_is_left_alone() -> None:
    message = "0/4 nodes are available: 4 Insufficient cpu." + TAIL
    assert detect(Scheduling(), case(pod(), replica_set(), event("FailedScheduling", message))) == []


def test_every_predicate_is_read_with_its_number_of_nodes() -> None:
    message = "0/9 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu, 5 Insufficient memory." + TAIL
    nodes = {kind: count for kind, (count, _) in read_reasons(message).items()}
    assert nodes == {"cordon": 1, "insufficient_cpu": 3, "insufficient_memory": 5}


def test_the_request_stands_in_the_statement() -> None:
    big = container_spec(resources={"requests": {"cpu": "8"}})
    assert "for 8 (" in judged("0/4 nodes are available: 4 Insufficient cpu." + TAIL, specs=[big])[1]
