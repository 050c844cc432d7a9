"""Each detector on what it is for, and on what it must leave alone."""

from dataclasses import replace
from typing import ClassVar

import pytest

from app.analyze.detectors.crash_loop import CrashLoop
from app.analyze.detectors.image_pull import ImagePull, classify
from app.analyze.detectors.oom_kill import OomKill
from app.analyze.detectors.probes import Probes
from app.domain.alert import Severity
from tests.analyze.judging import detect, kinds
from tests.builders import (
    case,
    container_spec,
    container_status,
    deployment,
    deployment_state,
    ended,
    event,
    node,
    node_subject,
    pod,
    pod_subject,
    replica_set,
    series,
    state,
)

CRASH_LOOP = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}


def crashed(exit_code: int, reason: str = "Error", **end: float) -> object:
    return pod(statuses=[container_status(waiting=CRASH_LOOP, last=ended(exit_code, reason, **end), restarts=5)])


class TestCrashLoop:
    def test_a_crash_loop_is_told_with_its_restarts_and_the_last_exit_code(self) -> None:
        found = detect(CrashLoop(), case(crashed(1, lasted_seconds=3), replica_set()))
        assert kinds(found) == {"container.crash_looping", "container.exited"}
        assert "exited with code 1 after 3 s" in found[1].statement
        assert found[0].subject == deployment()

    def test_restarts_of_an_old_pod_are_not_said_to_have_happened_just_now(self) -> None:
        looping = container_status(waiting=CRASH_LOOP, last=ended(1), restarts=30)
        found = detect(CrashLoop(), case(pod(statuses=[looping], age_minutes=60 * 24 * 30), replica_set()))
        assert found[0].statement == "container app crash loops in 1 pod: 30 restarts"

    def test_exit_code_137_alone_does_not_prove_a_memory_kill(self) -> None:
        found = detect(CrashLoop(), case(crashed(137), replica_set()))
        assert "container.killed" in kinds(found)
        assert "not proven" in found[1].statement
        assert not detect(OomKill(), case(crashed(137), replica_set()))

    @pytest.mark.parametrize(
        ("code", "words"), [(139, "SIGSEGV"), (134, "SIGABRT"), (143, "SIGTERM"), (2, "exited with code 2")]
    )
    def test_signals_are_called_by_their_names(self, code: int, words: str) -> None:
        assert words in detect(CrashLoop(), case(crashed(code), replica_set()))[1].statement

    def test_exit_code_127_means_that_the_command_was_not_found(self) -> None:
        assert "container.command_not_found" in kinds(detect(CrashLoop(), case(crashed(127), replica_set())))

    def test_a_command_that_the_runtime_cannot_start_is_told_in_its_words(self) -> None:
        waiting = {
            "reason": "RunContainerError",
            "message": "runc create failed: unable to start container process: "
            'exec: "serv": executable file not found in $PATH',
        }
        found = detect(CrashLoop(), case(pod(statuses=[container_status(waiting=waiting)]), replica_set()))
        assert kinds(found) == {"container.command_not_found"}
        assert 'exec: "serv": executable file not found' in found[0].statement

    def test_a_service_that_ends_without_an_error_is_a_finding_but_a_job_is_not(self) -> None:
        done = container_status(waiting=CRASH_LOOP, last=ended(0, "Completed"), restarts=5)
        assert "container.completed" in kinds(detect(CrashLoop(), case(pod(statuses=[done]), replica_set())))
        of_job = pod(statuses=[done], owner=("Job", "import"))
        assert "container.completed" not in kinds(detect(CrashLoop(), case(of_job)))

    def test_a_restart_of_last_week_is_no_finding(self) -> None:
        old = container_status(last=ended(1, minutes_ago=60 * 24 * 7), restarts=1)
        assert detect(CrashLoop(), case(pod(statuses=[old]), replica_set())) == []

    def test_a_sidecar_among_the_init_containers_is_looked_at_too(self) -> None:
        sick = pod()
        body = dict(sick.body)
        body["status"] = {
            **body["status"],
            "initContainerStatuses": [container_status("proxy", waiting=CRASH_LOOP, last=ended(1), restarts=2)],
        }
        found = detect(CrashLoop(), case(state(sick.subject, body), replica_set()))
        assert "container proxy" in found[0].statement


class TestOomKill:
    def test_a_kill_for_memory_is_told_with_the_limit(self) -> None:
        found = detect(OomKill(), case(crashed(137, "OOMKilled"), replica_set()))
        assert kinds(found) == {"container.oom_killed"}
        assert "(limit 256Mi)" in found[0].statement

    def test_the_restart_counter_and_who_waits_to_start_again_give_the_number_and_the_time(self) -> None:
        counted = series("restarts", [0, 1, 2, 3, 4, 5, 6, 6])
        found = detect(OomKill(), case(crashed(137, "OOMKilled"), replica_set(), counted))
        assert "7 times in 7 min" in found[0].statement

    def test_what_was_asked_of_a_pod_and_of_its_workload_counts_once(self) -> None:
        steps = [0, 1, 2, 3, 4, 5, 6, 6]
        of_pod = series("restarts", steps, subject=pod_subject("checkout-6d4f8b9c77-x2x7k"))
        twice = (series("restarts", steps), of_pod)
        found = detect(OomKill(), case(crashed(137, "OOMKilled"), replica_set(), *twice))
        assert "7 times in 7 min" in found[0].statement

    def test_a_limit_below_the_usual_peak_is_said_so(self) -> None:
        mebibyte = 1024.0**2
        found = detect(
            OomKill(),
            case(
                crashed(137, "OOMKilled"),
                replica_set(),
                series("memory_working_set", [250 * mebibyte] * 4, "bytes"),
                series("memory_working_set_usual", [410 * mebibyte] * 4, "bytes", days_ago=1),
            ),
        )
        assert "memory.limit_below_need" in kinds(found)

    def test_a_sidecars_memory_is_not_held_against_another_containers_limit(self) -> None:
        mebibyte = 1024.0**2
        sidecar = replace(series("memory_working_set", [400 * mebibyte] * 4, "bytes"), labels={"container": "proxy"})
        assert detect(OomKill(), case(pod(), replica_set(), sidecar)) == []
        own = replace(sidecar, labels={"container": "app"})
        assert kinds(detect(OomKill(), case(pod(), replica_set(), own))) == {"memory.near_limit"}

    def test_a_runtime_that_kills_at_start_is_believed(self) -> None:
        said = "failed to create shim task: runc create failed: container init was OOM-killed (memory limit too low?)"
        waiting = container_status(waiting={"reason": "ContainerCreating"})
        found = detect(OomKill(), case(pod(statuses=[waiting]), replica_set(), event("FailedCreatePodSandBox", said)))
        assert kinds(found) == {"container.init_oom_killed"}

    def test_a_child_process_killed_by_the_node_is_a_finding_about_the_node(self) -> None:
        system = event("SystemOOM", "System OOM encountered, victim process: java", node_subject("node-1"), count=2)
        found = detect(OomKill(), case(pod(), replica_set(), node(), system))
        assert kinds(found) == {"node.system_oom"}
        assert found[0].severity is Severity.WARNING

    def test_a_kill_of_yesterday_is_no_finding(self) -> None:
        old = container_status(last=ended(137, "OOMKilled", minutes_ago=60 * 24), restarts=1)
        assert detect(OomKill(), case(pod(statuses=[old]), replica_set())) == []


class TestImagePull:
    @pytest.mark.parametrize(
        ("message", "reading"),
        [
            ('failed to pull image "x/y:1": rpc error: code = NotFound desc = x/y:1: not found', "not_found"),
            ('failed to resolve reference "denied/y:1": denied/y:1: not found', "not_found"),
            ("manifest for x/y:1 not found: manifest unknown", "not_found"),
            ("pull access denied, repository does not exist or may require authorization", "pull_denied"),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
                "pull_denied",
            ),
            ('Head "https://r.example/v2/": dial tcp: lookup r.example: no such host', "registry_dns"),
            ("dial tcp 10.0.0.1:443: connect: connection refused", "registry_unreachable"),
            ("dial tcp 10.0.0.1:443: i/o timeout", "registry_unreachable"),
            ("x509: certificate signed by unknown authority", "registry_unreachable"),
            ("toomanyrequests: You have reached your pull rate limit", "rate_limited"),
            ('InvalidImageName couldn\'t parse image name "x::y": invalid reference format', "invalid_name"),
            ("ErrImageNeverPull", "never_pull"),
            ('ImagePullBackOff Back-off pulling image "not found"', "pull_failed"),
        ],
    )
    def test_the_reason_is_read_from_the_words(self, message: str, reading: str) -> None:
        assert classify([message]) == reading

    def test_the_back_off_gets_its_reason_from_the_event(self) -> None:
        waiting = container_status(waiting={"reason": "ImagePullBackOff", "message": "Back-off pulling image"})
        failed = event("Failed", 'Failed to pull image "shop/checkout:1.4.2": not found')
        found = detect(ImagePull(), case(pod(statuses=[waiting]), replica_set(), failed))
        assert [one.kind for one in found] == ["image.not_found"]
        assert found[0].statement == "image shop/checkout:1.4.2 does not exist in its registry"

    def test_a_pull_that_failed_and_then_worked_is_no_finding(self) -> None:
        failed = event("Failed", 'Failed to pull image "shop/checkout:1.4.2": not found')
        assert detect(ImagePull(), case(pod(), replica_set(), failed)) == []

    def test_thirty_pods_of_one_workload_are_one_finding(self) -> None:
        waiting = container_status(waiting={"reason": "ErrImagePull", "message": "not found"})
        pods = [pod(f"checkout-6d4f8b9c77-x2x{number:02}", statuses=[waiting]) for number in range(30)]
        found = detect(ImagePull(), case(*pods, replica_set()))
        assert len(found) == 1
        assert len(found[0].evidence) == 30


class TestProbes:
    LIVENESS: ClassVar = {"periodSeconds": 5, "failureThreshold": 3}

    def test_a_port_that_the_container_does_not_declare_is_named(self) -> None:
        spec = container_spec(livenessProbe={**self.LIVENESS, "httpGet": {"path": "/", "port": 8081}})
        refused = event("Unhealthy", 'Liveness probe failed: Get "http://10.1.1.1:8081/": connect: connection refused')
        found = detect(
            Probes(), case(pod(specs=[spec], statuses=[container_status(ready=False)]), replica_set(), refused)
        )
        assert [one.kind for one in found] == ["probe.liveness_port"]
        assert "port 8081" in found[0].statement
        assert "8080" in found[0].statement

    def test_a_named_port_is_served(self) -> None:
        ports = [{"containerPort": 8080, "name": "http"}]
        spec = container_spec(ports=ports, readinessProbe={"httpGet": {"port": "http"}})
        refused = event("Unhealthy", "Readiness probe failed: connect: connection refused")
        found = detect(
            Probes(), case(pod(specs=[spec], statuses=[container_status(ready=False)]), replica_set(), refused)
        )
        assert [one.kind for one in found] == ["probe.readiness_failing"]

    def test_another_protocol_on_the_port_is_recognised(self) -> None:
        spec = container_spec(readinessProbe={"httpGet": {"port": 8080}})
        said = event(
            "Unhealthy", "Readiness probe failed: net/http: HTTP/1.x transport connection broken: malformed HTTP"
        )
        found = detect(Probes(), case(pod(specs=[spec], statuses=[container_status(ready=False)]), replica_set(), said))
        assert [one.kind for one in found] == ["probe.readiness_protocol"]

    def test_a_liveness_probe_that_kills_before_the_start_is_over_is_recognised(self) -> None:
        spec = container_spec(livenessProbe={**self.LIVENESS, "httpGet": {"port": 8080}})
        killed = container_status(waiting=CRASH_LOOP, last=ended(143, lasted_seconds=20), restarts=4)
        said = event("Unhealthy", "Liveness probe failed: connect: connection refused")
        found = detect(Probes(), case(pod(specs=[spec], statuses=[killed]), replica_set(), said))
        assert [one.kind for one in found] == ["probe.liveness_timing"]

    def test_a_probe_that_failed_once_while_the_pod_came_up_is_no_finding(self) -> None:
        said = event("Unhealthy", "Readiness probe failed: connection refused", count=1)
        assert detect(Probes(), case(pod(), replica_set(), deployment_state(), said)) == []
