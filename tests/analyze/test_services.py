"""Services that lead nowhere, addresses of none, and what limits or guards how many run."""

from dataclasses import replace

import pytest

from app.analyze.detectors.autoscalers import Autoscalers
from app.analyze.detectors.services import Services
from app.domain.alert import Severity
from app.domain.change import Change, FieldDiff
from app.domain.evidence import Gap, Item, ObjectState
from tests.analyze.around import about, autoscaler, budget, calling, service, slices, thing, workload
from tests.analyze.judging import detect, judge, kinds
from tests.builders import (
    alert,
    case,
    container_spec,
    container_status,
    deployment,
    ended,
    log_line,
    pod,
    replica_set,
    rollout,
    series,
)

MINE = (pod(), replica_set())
CRASHED = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(137, "OOMKilled"), restarts=5)


def targeting(target: object, protocol: str = "TCP", *more: dict[str, object]) -> ObjectState:
    ports = [{"port": 80, "targetPort": target, "protocol": protocol}, *more]
    return thing("Service", "checkout", spec={"selector": {"app": "checkout"}, "ports": ports})


def test_a_service_whose_selector_takes_no_pod_of_the_workload_it_is_named_after_is_told() -> None:
    (found,) = detect(Services(), case(*MINE, service("checkout", selects="chekout"), slices("checkout")))
    assert found.kind == "service.selector_mismatch"
    assert found.statement == "Service checkout selects no pods: none has app=chekout"
    assert found.subject == deployment()


@pytest.mark.parametrize(
    "one",
    [
        service("checkout"),
        service("front", selects="chekout"),
        thing("Service", "checkout", spec={"selector": {}}),
        thing("Service", "checkout", spec={"externalName": "x.test"}),
    ],
)
def test_one_that_selects_them_or_nobody_on_purpose_is_not(one: ObjectState) -> None:
    assert detect(Services(), case(*MINE, one)) == []


def test_one_that_has_back_ends_all_the_same_is_not() -> None:
    known = slices("checkout", "yes")
    assert detect(Services(), case(*MINE, service("checkout", selects="other"), known)) == []


@pytest.mark.parametrize(
    ("one", "kind", "statement"),
    [
        (targeting(9999), "port_mismatch", "Service checkout leads to port 9999, the pods declare 8080"),
        (targeting("http"), "port_mismatch", "Service checkout leads to port http, the pods declare 8080"),
        (targeting(8080, "UDP"), "protocol_mismatch", "Service checkout speaks UDP to port 8080, the pods TCP"),
    ],
)
def test_a_port_that_no_container_declares_is_told(one: ObjectState, kind: str, statement: str) -> None:
    (found,) = detect(Services(), case(*MINE, one))
    assert (found.kind, found.statement) == (f"service.{kind}", statement)
    assert one.id in found.evidence


@pytest.mark.parametrize(
    "items",
    [
        (*MINE, targeting(8080)),
        (*MINE, targeting("8080")),
        (*MINE, targeting(9999, "TCP", {"port": 8080})),
        (pod(specs=[container_spec(ports=[])]), replica_set(), targeting(9999)),
        (pod(specs=[container_spec(readinessProbe={"httpGet": {"port": 9999}})]), replica_set(), targeting(9999)),
        (pod(specs=[container_spec(ports=[{"name": "http", "containerPort": 80}])]), replica_set(), targeting("http")),
    ],
)
def test_a_port_that_is_declared_or_that_nobody_can_judge_is_not(items: tuple[ObjectState, ...]) -> None:
    assert detect(Services(), case(*items)) == []


def test_a_port_that_may_be_open_all_the_same_is_only_possible_until_somebody_cannot_reach_it() -> None:
    (found,) = detect(Services(), case(*MINE, targeting(9999)))
    assert found.severity == Severity.WARNING
    refused = log_line("upstream checkout:80: connection refused", subject=about("Deployment", "web"))
    (found,) = detect(Services(), case(*MINE, targeting(9999), refused))
    assert found.severity == Severity.CRITICAL
    assert refused.id in found.evidence
    other = log_line("upstream checkout-v2:80: connection refused", subject=about("Deployment", "web"))
    assert detect(Services(), case(*MINE, targeting(9999), other))[0].severity == Severity.WARNING
    moved = rollout(("ports[http]", "80", "9999"), subject=about("Service", "checkout"))
    assert detect(Services(), case(*MINE, targeting(9999), moved))[0].severity == Severity.CRITICAL
    assert detect(Services(), case(*MINE, targeting("http")))[0].severity == Severity.CRITICAL


def test_the_change_of_the_selector_did_it_and_a_rollout_of_the_environment_did_not() -> None:
    astray = (*MINE, service("checkout", selects="chekout"), slices("checkout"))
    env = rollout(("containers[app].env[LEVEL]", "info", "debug"), minutes_ago=12)
    (first,) = [one for one in judge(case(*astray, env)).hypotheses if one.cause == "service.selector_mismatch"]
    assert env.id not in first.evidence
    diff = FieldDiff("selector", '{"app":"checkout"}', '{"app":"chekout"}')
    at = env.at
    edit = Change("c9", about("Service", "checkout"), at, "service", "service checkout: selector changed", (diff,))
    first = judge(case(*astray, env, edit)).hypotheses[0]
    assert (first.cause, first.confidence) == ("service.selector_mismatch", "high")
    assert edit.id in first.evidence


def test_where_back_ends_could_not_be_seen_nothing_is_said_of_selectors() -> None:
    gap = Gap("kubernetes", "back ends of shop", "no permission to list endpointslices in shop (403)")
    assert detect(Services(), case(*MINE, service("checkout", selects="chekout"), gaps=[gap])) == []


CALLER = replace(calling("checkout", REDIS_ADDR="redis-typo:6379"), id="e9")
KNOWN = (*MINE, CALLER, service("redis", port=6379))


def test_an_address_that_no_service_bears_is_told_when_the_log_complains_of_it() -> None:
    said = log_line("dial tcp: lookup redis-typo: no such host")
    (found,) = detect(Services(), case(*KNOWN, said))
    assert found.kind == "service.unknown_address"
    assert found.statement == "REDIS_ADDR is redis-typo:6379, and no Service here has that name"
    assert {CALLER.id, said.id} == set(found.evidence)


def test_and_when_it_was_just_changed_and_leads_the_message() -> None:
    change = rollout(("containers[app].env[REDIS_ADDR]", "redis:6379", "redis-typo:6379"))
    judged = judge(case(*KNOWN, change))
    assert judged.hypotheses[0].cause == "service.unknown_address"
    assert judged.hypotheses[0].confidence == "high"
    assert change.id in judged.hypotheses[0].evidence


@pytest.mark.parametrize(
    "items",
    [
        KNOWN,
        (*KNOWN, log_line("cannot reach redis-typo-2")),
        (*KNOWN, log_line("cannot reach redis")),
        (*MINE, CALLER, log_line("lookup redis-typo: no such host")),
        (*MINE, service("redis"), replace(calling("checkout", A_URL="http://api.example.com"), id="e9")),
        (*KNOWN, *[service(f"other-{n}") for n in range(60)], log_line("lookup redis-typo: no such host")),
    ],
)
def test_an_address_of_which_nobody_complains_or_that_may_be_elsewhere_is_not(items: tuple[ObjectState, ...]) -> None:
    assert not kinds(detect(Services(), case(*items)))


def test_an_autoscaler_that_wants_more_than_it_may_is_told() -> None:
    (found,) = detect(Autoscalers(), case(*MINE, autoscaler("TooManyReplicas")))
    assert found.kind == "autoscaler.maxed_out"
    assert found.statement == "autoscaler checkout would run more than its maximum of 4 replicas"


@pytest.mark.parametrize("reason", ["", "TooFewReplicas", "ScaleUpLimit"])
def test_one_that_runs_as_many_as_it_may_is_not_said_to_want_more(reason: str) -> None:
    assert detect(Autoscalers(), case(*MINE, autoscaler(reason))) == []


def test_an_autoscaler_without_metrics_is_told_and_one_that_is_switched_off_is_not() -> None:
    assert kinds(detect(Autoscalers(), case(*MINE, autoscaler(active="False")))) == {"autoscaler.no_metrics"}
    off = autoscaler(active="False")
    disabled = [{"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}]
    off = replace(off, body={**off.body, "status": {"conditions": disabled}})
    assert detect(Autoscalers(), case(*MINE, off)) == []


def test_a_budget_that_lets_no_pod_go_is_a_note_and_no_cause() -> None:
    (found,) = detect(Autoscalers(), case(*MINE, budget(0)))
    assert (found.kind, found.severity) == ("disruption.none_allowed", Severity.INFO)
    assert judge(case(*MINE, budget(0))).hypotheses == ()
    assert detect(Autoscalers(), case(*MINE, budget(1))) == []
    sick = pod(statuses=[container_status(ready=False)])
    assert detect(Autoscalers(), case(sick, replica_set(), budget(0))) == []


def test_an_alert_about_an_autoscaler_is_about_what_it_says() -> None:
    about_it = (about("HorizontalPodAutoscaler", "checkout"),)
    (found,) = detect(Autoscalers(), case(*MINE, autoscaler("TooManyReplicas"), subjects=about_it))
    assert (found.kind, found.subject) == ("autoscaler.maxed_out", about_it[0])


def sick_payments() -> tuple[ObjectState, ...]:
    """Its one pod is killed for memory again and again."""
    sick = pod(statuses=[CRASHED], name="payments-5d4f8b9c77-aaaaa", owner=("ReplicaSet", "payments-5d4f8b9c77"))
    labelled = replace(sick, body={**sick.body, "metadata": {**sick.body["metadata"], "labels": {"app": "payments"}}})
    return labelled, replica_set("payments-5d4f8b9c77", "payments"), workload("payments"), service("payments")


SLOW = (series("latency_p95", [3.0] * 5, "seconds"), series("latency_p95_usual", [0.4] * 5, "seconds", days_ago=1))


def test_what_ails_a_dependency_explains_why_its_caller_is_slow_and_is_named() -> None:
    caller = replace(calling("checkout", PAYMENTS_ADDR="payments:8080"), id="e9")
    judged = judge(case(*MINE, caller, *sick_payments(), *SLOW, alerts=[alert("LatencyHigh")]))
    first = judged.hypotheses[0]
    assert (first.cause, first.subject) == ("memory.oom_killed", deployment("payments"))
    assert first.confidence == "medium"
    said = judged.briefing.cause_line
    assert said.startswith("Possibly: payments, which it calls: container app was killed for memory")


def test_the_same_of_a_stranger_explains_nothing() -> None:
    judged = judge(case(*MINE, *sick_payments(), *SLOW, alerts=[alert("LatencyHigh")]))
    assert not [one for one in judged.hypotheses if one.confidence != "low"]


PAYMENTS = deployment("payments")
WELL = (workload("payments"), service("payments"))
CALLS_PAYMENTS = replace(calling("checkout", PAYMENTS_ADDR="payments:8080"), id="e9")


def payments_rollout(minutes_ago: float) -> Change:
    return rollout(("containers[app].image", "pay:1", "pay:2"), minutes_ago=minutes_ago, subject=PAYMENTS, revision=8)


def test_what_was_rolled_out_at_a_dependency_just_before_is_a_hint_and_no_cause() -> None:
    judged = judge(case(*MINE, CALLS_PAYMENTS, *WELL, *SLOW, payments_rollout(12), alerts=[alert("LatencyHigh")]))
    (hint,) = judged.hypotheses
    assert (hint.cause, hint.subject, hint.confidence) == ("rollout.regression", PAYMENTS, "low")
    assert judged.briefing.cause_line == "I don't know why."
    assert judged.briefing.odd == "payments, which it calls: rollout 8, just before it began"


@pytest.mark.parametrize(
    "items",
    [
        (CALLS_PAYMENTS, payments_rollout(60)),
        (payments_rollout(12),),
        (CALLS_PAYMENTS, rollout(("replicas", "2", "3"), minutes_ago=12, subject=PAYMENTS)),
    ],
)
def test_what_was_done_long_before_or_to_a_stranger_or_changes_nothing_that_runs_is_no_hint(
    items: tuple[Item, ...],
) -> None:
    assert judge(case(*MINE, *WELL, *SLOW, *items, alerts=[alert("LatencyHigh")])).hypotheses == ()


def test_beside_a_cause_of_its_own_the_rollout_of_a_dependency_is_not_told() -> None:
    killed = pod(statuses=[CRASHED])
    judged = judge(case(killed, replica_set(), CALLS_PAYMENTS, *WELL, payments_rollout(12)))
    assert {one.subject for one in judged.hypotheses} == {deployment()}
