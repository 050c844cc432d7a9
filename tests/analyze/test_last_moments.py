"""The last lines, the numbers up to the end, the rhythm of restarts and what else ended are told."""

from dataclasses import replace

import pytest

from app.analyze.detectors.evictions import Evictions
from app.analyze.detectors.last_moments import LastMoments
from app.analyze.detectors.restart_pattern import RestartPattern
from app.domain.alert import Severity
from app.domain.evidence import Item, LogPattern, ObjectState
from tests.analyze.ends import LOOPS, MEBIBYTE, POD, crashed, how, memory, running_again
from tests.analyze.judging import detect, kinds
from tests.builders import (
    ago,
    case,
    container_status,
    deployment,
    deployment_state,
    ended,
    event,
    node_subject,
    pod,
    pod_subject,
    replica_set,
    series,
    state,
)


def spoken(line: str, minutes_ago: float, *, origin: str = "previous", container: str = "app") -> LogPattern:
    at = ago(minutes_ago)
    return LogPattern(f"log-{line}", POD, line, 1, None, at, at, (line,), container, origin)


def test_the_last_three_lines_are_told_in_their_order_whatever_they_say() -> None:
    lines = [spoken(f"line {n}", 10 - n) for n in range(6)]
    other = (spoken("of now", 0.5, origin="current"), spoken("of the proxy", 1, container="proxy"))
    (found,) = detect(LastMoments(), case(crashed(1), replica_set(), *reversed(lines), *other))
    assert found.statement == "last 3 lines of container app before it ended: line 3 | line 4 | line 5"
    assert found.severity == Severity.INFO
    assert set(found.evidence) == {"log-line 3", "log-line 4", "log-line 5"}


def test_a_container_that_waits_shows_its_last_run_as_the_current_one_and_one_that_runs_does_not() -> None:
    current = spoken("still there", 3, origin="current")
    assert kinds(detect(LastMoments(), case(crashed(1), replica_set(), current))) == {"container.last_lines"}
    assert not detect(LastMoments(), case(running_again(ended(1)), replica_set(), current))


def test_memory_and_cpu_up_to_the_end_stand_beside_limit_and_request() -> None:
    cpu = series("cpu_usage", [0.2] * 10, "cores")
    throttled = series("cpu_throttled_ratio", [0.6] * 10, "ratio")
    (found,) = detect(LastMoments(), case(crashed(137), replica_set(), memory(254), cpu, throttled))
    assert found.statement == (
        "up to the end of container app: memory 254Mi (limit 256Mi, request 128Mi), CPU 0.2 cores (no limit), "
        "CPU throttled 60 % of the time"
    )
    assert {memory(254).id, cpu.id, throttled.id} <= set(found.evidence)


def test_what_nobody_measured_then_is_not_told() -> None:
    later = series("memory_working_set", [254 * MEBIBYTE], "bytes")
    early = pod(statuses=[container_status(waiting=LOOPS, last=ended(137, minutes_ago=30), restarts=5)])
    assert not detect(LastMoments(), case(early, replica_set(), later))


def pattern(*items: Item) -> str:
    (found,) = [one for one in detect(RestartPattern(), case(*items)) if one.kind == "container.restart_pattern"]
    assert found.severity == Severity.INFO
    return found.statement


def numbered(index: int, on: str = "node-1", *, sick: bool = True, owner: str = "checkout") -> ObjectState:
    status = container_status(waiting=LOOPS, last=ended(1), restarts=5) if sick else container_status()
    name = f"{owner}-6d4f8b9c77-aaaa{index}"
    return pod(name, statuses=[status], node=on, owner=("ReplicaSet", f"{owner}-6d4f8b9c77"))


def test_the_rhythm_is_told_with_since_when_and_the_pause_before_the_next_start() -> None:
    counted = series("restarts", [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4])
    assert pattern(crashed(1), replica_set(), counted) == (
        "restarts every 3 min, first 9 min ago, in its only pod, on node-1, back-off 2m40s"
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5], "ever further apart"),
        ([0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4], "without a rhythm"),
    ],
)
def test_a_backoff_is_told_from_chance(values: list[float], words: str) -> None:
    assert f"restarts {words}, " in pattern(crashed(1), replica_set(), series("restarts", values))


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([numbered(1), numbered(2), numbered(3, "node-2")], "in all 3 pods, on 2 nodes"),
        ([numbered(1), numbered(2), numbered(3, "node-2", sick=False)], "in 2 of 3 pods, on node-1, none elsewhere"),
        ([numbered(1), numbered(2, sick=False)], "in 1 of 2 pods, on node-1"),
    ],
)
def test_which_pods_on_which_nodes_is_told(pods: list[ObjectState], words: str) -> None:
    assert pattern(*pods, replica_set()).endswith(f" in 2 h, {words}, back-off 2m40s")


def test_without_a_counter_the_pods_own_counts_are_told_over_their_life() -> None:
    assert pattern(numbered(1), numbered(2), replica_set()).startswith("restarts 10 times in 2 h, in all 2 pods")


def test_what_else_ended_on_the_node_at_that_time_is_told() -> None:
    others = [numbered(n, owner=name) for n, name in enumerate(("cart", "payments"), start=4)]
    sets = [replica_set(f"{name}-6d4f8b9c77", name) for name in ("cart", "payments")]
    found = detect(RestartPattern(), case(numbered(1), replica_set(), *others, *sets))
    (together,) = [one for one in found if one.kind == "node.ended_together"]
    assert together.statement == "on node node-1 also ended within 2 min: cart, payments"
    assert together.subject == node_subject("node-1")
    assert {one.id for one in others} < set(together.evidence)
    elsewhere = [numbered(n, "node-2", owner=name) for n, name in enumerate(("cart", "payments"), start=4)]
    alone = detect(RestartPattern(), case(numbered(1), replica_set(), *elsewhere, *sets))
    assert kinds(alone) == {"container.restart_pattern"}


def test_a_workload_that_is_well_has_no_pattern_and_no_last_moments() -> None:
    well = case(pod(), replica_set(), deployment_state(), memory(254))
    assert detect(RestartPattern(), well) == detect(LastMoments(), well) == []


@pytest.mark.parametrize(("reason", "word"), [("Preempted", "preempted"), ("TaintManagerEviction", "evicted")])
def test_a_pod_that_was_put_out_and_is_gone_is_still_told_by_its_events(reason: str, word: str) -> None:
    gone = event(reason, "Preempted by pod 1f on node node-1. More", pod_subject("checkout-6d4f8b9c77-zzzzz"))
    (found,) = detect(Evictions(), case(pod(), replica_set(), deployment_state(), gone))
    assert (found.kind, found.subject, found.severity) == ("pod.evicted", deployment(), Severity.WARNING)
    assert found.statement == f"1 pod {word}: Preempted by pod 1f on node node-1"
    undone = replace(gone, message="Cancelling deletion of Pod shop/checkout")
    assert detect(Evictions(), case(pod(), replica_set(), undone)) == []


def test_a_container_whose_pod_was_disrupted_was_stopped_with_it() -> None:
    sick = crashed(143)
    conditions = [
        {"type": "Ready", "status": "False"},
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"},
    ]
    body = {**sick.body, "status": {**sick.body["status"], "conditions": conditions}}
    assert "was stopped with its pod (PreemptionByScheduler)" in how(state(sick.subject, body)).statement
