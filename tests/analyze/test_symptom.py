"""Plain words for what is wrong, and what stands around it."""

from dataclasses import replace

import pytest

from app.domain.evidence import Item
from app.domain.incident import BlastRadiusEntry
from app.domain.subject import Subject
from tests.analyze.judging import judge
from tests.builders import (
    CLUSTER,
    alert,
    case,
    container_status,
    deployment,
    deployment_state,
    ended,
    log_line,
    node,
    node_subject,
    pod,
    replica_set,
    series,
    state,
)

SERVICE = Subject(CLUSTER, "shop", "Service", "web")


def service(selector: dict[str, str]) -> Item:
    return state(SERVICE, {"spec": {"selector": selector}})


@pytest.mark.parametrize(
    ("alertname", "words"),
    [
        ("KubePodCrashLooping", "crash looping"),
        ("KubeNodeUnreachable", "node went away"),
        ("KubeNodeNotReady", "node not ready"),
        ("HighRequestLatency", "slow"),
        ("ErrorRateTooHigh", "errors up"),
        ("TargetDown", "down"),
        ("KubeJobFailed", "job failed"),
        ("QueueBacklogGrowing", "queue backlog growing"),
    ],
)
def test_where_nothing_was_seen_the_alerts_family_gives_the_words(alertname: str, words: str) -> None:
    assert judge(case(alerts=[alert(alertname)])).briefing.symptom == f"{words}, cause unknown"


def test_a_short_summary_is_better_than_an_unknown_name() -> None:
    told = replace(alert("XyzViolated"), annotations={"summary": "Orders are not shipped."})
    assert judge(case(alerts=[told])).briefing.symptom == "orders are not shipped, cause unknown"


def test_a_crash_loop_is_called_one_and_its_last_words_are_the_reason() -> None:
    looping = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(1), restarts=4)
    words = log_line("panic: missing required key DATABASE_URL", 1, None, origin="previous")
    assessment = judge(case(pod(statuses=[looping]), replica_set(), deployment_state(), words))
    assert assessment.briefing.symptom == "crash looping"
    assert assessment.hypotheses[0].cause == "application.crash"
    assert "1 line before it ended: panic: missing required key DATABASE_URL" in assessment.briefing.because


def test_last_words_about_a_dependency_name_it() -> None:
    looping = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(1), restarts=4)
    words = log_line("dial tcp ledger-db:5432: connect: connection refused", 1, None, origin="previous")
    first = judge(case(pod(statuses=[looping]), replica_set(), deployment_state(), words)).hypotheses[0]
    assert (first.cause, first.confidence) == ("dependency.unreachable", "medium")
    assert "cannot reach ledger-db:5432" in first.statement


def test_the_message_is_named_after_what_the_cause_is_about() -> None:
    sick = pod(node="node-3", statuses=[container_status(ready=False)])
    everything = (sick, replica_set(), deployment_state(), node("node-3", "Unknown"))
    assessment = judge(case(*everything, subjects=[deployment(), node_subject()]))
    assert assessment.subjects == (node_subject(), deployment())
    assert assessment.headline.startswith("node-3: node went away")


def test_a_service_stands_for_the_workload_behind_it() -> None:
    slow = series("latency_p95", [2.0] * 5, "seconds", subject=SERVICE)
    usual = series("latency_p95_usual", [0.2] * 5, "seconds", subject=SERVICE, days_ago=1)
    judged = case(pod(), replica_set(), service({"app": "checkout"}), slow, usual, subjects=[SERVICE])
    assert judge(judged).subjects == (deployment(),)
    assert judge(judged).briefing.facts[0] == "p95 2 s (usual 0.2 s)"


def test_a_service_that_selects_nothing_stays_itself() -> None:
    assert judge(case(pod(), replica_set(), service({}), subjects=[SERVICE])).subjects == (SERVICE,)
    assert judge(case(pod(), replica_set(), service({"app": "x"}), subjects=[SERVICE])).subjects == (SERVICE,)


def test_services_in_front_and_nodes_below_are_the_blast_radius() -> None:
    assessment = judge(case(pod(), replica_set(), node(), service({"app": "checkout"})))
    assert set(assessment.blast_radius) == {
        BlastRadiusEntry(SERVICE, "sends traffic to it", "1 of 1 pods ready"),
        BlastRadiusEntry(node_subject("node-1"), "runs its pods", "ready"),
    }


def test_the_workloads_on_a_sick_node_are_its_blast_radius() -> None:
    sick = judge(case(pod(node="node-3"), replica_set(), node("node-3", "Unknown"), subjects=[node_subject()]))
    assert sick.blast_radius == (BlastRadiusEntry(deployment(), "has pods on it", "1 of 1 pods ready there"),)
