"""How runs of containers ended: what an exit code proves, what it does not, and who did it where that can be told."""

from dataclasses import replace

import pytest

from app.analyze.detectors.crash_loop import CrashLoop
from app.analyze.detectors.probes import Probes
from app.domain.alert import Severity
from app.domain.evidence import ClusterEvent
from tests.analyze.ends import LOOPS, POD, crashed, how, memory, running_again
from tests.analyze.judging import detect, judge, kinds
from tests.builders import (
    case,
    container_spec,
    container_status,
    deployment_state,
    ended,
    event,
    node,
    node_subject,
    pod,
    replica_set,
    rollout,
    state,
)


def said(reason: str, message: str, *, minutes_ago: float = 1) -> ClusterEvent:
    return event(reason, message, POD, minutes_ago=minutes_ago)


LIVENESS = said("Killing", "Container app failed liveness probe, will be restarted")


@pytest.mark.parametrize("code", [137, 143, 0])
def test_a_liveness_kill_is_told_as_one_whatever_the_exit_code(code: int) -> None:
    found = how(crashed(code, "Completed" if code == 0 else "Error"), LIVENESS)
    assert (found.kind, found.severity) == ("container.killed", Severity.CRITICAL)
    assert found.statement == f"container app was killed by its liveness probe after 40 s (exit code {code})"
    assert LIVENESS.id in found.evidence


def test_a_startup_probe_kills_too() -> None:
    words = "Container app failed startup probe, will be restarted"
    assert "killed by its startup probe" in how(crashed(137), said("Killing", words)).statement


def test_the_kill_of_another_container_or_of_another_hour_does_not_count() -> None:
    other = said("Killing", "Container proxy failed liveness probe, will be restarted")
    long_ago = said("Killing", "Container app failed liveness probe, will be restarted", minutes_ago=40)
    found = how(crashed(137), other, long_ago)
    assert found.statement.endswith("by whom is unknown, a memory kill is not proven")


def test_137_with_memory_at_the_limit_is_suspected_and_not_proven_to_be_for_memory() -> None:
    used = memory(254)
    found = how(crashed(137), used)
    assert found.kind == "container.oom_suspected"
    assert (
        found.statement == "container app was killed (SIGKILL, 137) after 40 s with memory at 254Mi of its limit 256Mi"
    )
    assert used.id in found.evidence
    first = judge(case(crashed(137), replica_set(), used)).hypotheses[0]
    assert (first.cause, first.confidence) == ("memory.oom_killed", "medium")


def test_of_several_pods_it_is_said_that_another_one_may_have_been_the_fullest() -> None:
    other = pod("checkout-6d4f8b9c77-aaaaa")
    assert "with the fullest pod's memory at 254Mi" in how(crashed(137), other, memory(254)).statement


def test_a_rollout_that_lowered_the_limit_makes_the_suspicion_the_first_cause() -> None:
    change = rollout(("containers[app].resources.limits.memory", "512Mi", "256Mi"))
    first = judge(case(crashed(137), replica_set(), memory(254), change)).hypotheses[0]
    assert first.cause == "memory.limit_too_low"
    assert change.id in first.evidence


@pytest.mark.parametrize("mebibytes", [20, 200, 240])
def test_137_with_memory_to_spare_stays_unknown(mebibytes: float) -> None:
    found = how(crashed(137), memory(mebibytes))
    assert found.kind == "container.killed"
    assert "by whom is unknown" in found.statement
    judged = judge(case(crashed(137), replica_set(), memory(mebibytes)))
    assert not [one for one in judged.hypotheses if "memory" in one.cause and one.confidence != "low"]


def test_memory_at_the_limit_after_the_end_or_of_another_container_proves_nothing() -> None:
    early = pod(statuses=[container_status(waiting=LOOPS, last=ended(137, minutes_ago=30), restarts=5)])
    assert how(early, memory(254)).kind == "container.killed"
    of_proxy = replace(memory(254), labels={"container": "proxy"})
    assert how(crashed(137), of_proxy).kind == "container.killed"


def test_a_probe_that_says_it_killed_wins_over_memory_that_was_full() -> None:
    assert how(crashed(137), LIVENESS, memory(254)).kind == "container.killed"


def test_a_node_whose_kernel_killed_for_memory_at_that_time_is_named() -> None:
    oom = event("SystemOOM", "System OOM encountered, victim process: java", node_subject("node-1"), minutes_ago=1)
    found = how(crashed(137), node(), oom)
    assert found.statement == (
        "container app was killed (SIGKILL, 137) after 40 s while the kernel of node node-1 killed for memory"
    )
    assert oom.id in found.evidence


def test_a_node_that_was_not_ready_is_named_and_one_that_fell_ill_later_is_not() -> None:
    assert "while node node-1 was not ready" in how(crashed(137), node(ready="Unknown")).statement
    pressed = node(MemoryPressure="True")
    assert "while node node-1 was under MemoryPressure" in how(crashed(143), pressed).statement
    early = pod(statuses=[container_status(waiting=LOOPS, last=ended(137, minutes_ago=30), restarts=5)])
    assert "node" not in how(early, node(ready="Unknown")).statement


@pytest.mark.parametrize(
    ("reason", "word"), [("Preempted", "preempted"), ("Evicted", "evicted"), ("TaintManagerEviction", "evicted")]
)
def test_who_was_put_out_was_stopped_for_that(reason: str, word: str) -> None:
    assert f"was stopped because its pod was {word}" in how(crashed(143), said(reason, "x")).statement


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "exited with code 1 after 40 s"),
        (2, "exited with code 2 after 40 s"),
        (255, "exited with code 255 after 40 s"),
        (134, "was ended by SIGABRT (exit code 134) after 40 s, aborted by itself or its runtime"),
        (139, "was ended by SIGSEGV (exit code 139) after 40 s, a fault in its own code"),
        (136, "was ended by SIGFPE (exit code 136) after 40 s"),
        (159, "was ended by signal 31 (exit code 159) after 40 s"),
        (143, "was ended by SIGTERM (exit code 143) after 40 s; by whom is unknown"),
    ],
)
def test_a_code_says_how_it_ended_and_no_more(code: int, words: str) -> None:
    found = how(crashed(code))
    assert found.statement == f"container app {words}"
    assert found.kind == ("container.killed" if code == 143 else "container.exited")


def test_the_signal_that_the_runtime_reports_is_believed() -> None:
    assert "SIGSEGV" in how(crashed(0, "Error", signal=11)).statement


@pytest.mark.parametrize("code", [1, 134, 143])
def test_the_termination_message_is_told(code: int) -> None:
    assert how(crashed(code, message="panic: no config\n")).statement.endswith(": panic: no config")


@pytest.mark.parametrize("code", [126, 127])
def test_a_command_that_cannot_run_is_not_called_a_crash(code: int) -> None:
    assert how(crashed(code)).kind == "container.command_not_found"


def test_who_ends_in_order_and_is_started_again_is_told_though_he_runs_at_the_moment() -> None:
    found = how(running_again(ended(0, "Completed")))
    assert (found.kind, found.severity) == ("container.completed", Severity.WARNING)
    old = running_again(ended(0, "Completed", minutes_ago=60 * 24))
    assert detect(CrashLoop(), case(old, replica_set())) == []


def test_what_runs_first_is_meant_to_end_and_a_sidecar_is_not() -> None:
    well = pod()
    done = {**container_status("first", restarts=1), "state": {"terminated": ended(0, "Completed")}}
    body = {**well.body, "status": {**well.body["status"], "initContainerStatuses": [done]}}
    assert detect(CrashLoop(), case(state(well.subject, body), replica_set())) == []
    body["spec"] = {**body["spec"], "initContainers": [{"name": "first", "restartPolicy": "Always"}]}
    assert kinds(detect(CrashLoop(), case(state(well.subject, body), replica_set()))) == {"container.completed"}


def test_a_server_that_stops_in_order_is_seen_to_be_killed_too_early() -> None:
    spec = container_spec(livenessProbe={"httpGet": {"port": 8080}, "periodSeconds": 10, "failureThreshold": 3})
    status = container_status(waiting=LOOPS, last=ended(0, "Completed", lasted_seconds=32), restarts=4)
    sick = pod(specs=[spec], statuses=[status])
    unwell = event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", POD)
    assert kinds(detect(Probes(), case(sick, replica_set(), unwell))) == {"probe.liveness_timing"}


def test_kills_by_a_probe_are_a_sign_where_its_own_complaints_are_forgotten() -> None:
    (found,) = detect(Probes(), case(crashed(137), replica_set(), LIVENESS))
    assert found.kind == "probe.liveness_failing"
    assert found.statement == (
        "the liveness probe failed and had the container killed 5 times; why it failed is not known"
    )
    assert LIVENESS.id in found.evidence
    complaint = event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", POD)
    assert len(detect(Probes(), case(crashed(137), replica_set(), LIVENESS, complaint))) == 1
    well = case(pod(), replica_set(), deployment_state(), replace(LIVENESS, count=1))
    assert detect(Probes(), well) == []
