"""Detectors about what stands around a container: positive and negative cases for each."""

from dataclasses import replace

import pytest

from app.analyze.detectors.admission import Admission, quota_kind
from app.analyze.detectors.evictions import Evictions
from app.analyze.detectors.health import Health
from app.analyze.detectors.log_errors import LogErrors
from app.analyze.detectors.missing_config import MissingConfig
from app.analyze.detectors.nodes import Nodes
from app.analyze.detectors.rollout import Rollout
from app.analyze.detectors.storage import Storage
from app.analyze.detectors.symptoms import Symptoms
from app.domain.alert import Severity
from app.domain.evidence import ObjectState, Probe
from app.domain.subject import Subject
from tests.analyze.judging import detect, kinds
from tests.builders import (
    CLUSTER,
    NOW,
    ago,
    case,
    container_status,
    deployment,
    deployment_state,
    event,
    log_line,
    node,
    node_subject,
    pod,
    replica_set,
    rollout,
    series,
    state,
)

CRASH_LOOP = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}


class TestMissingConfig:
    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            ('configmap "settings" not found', "config.missing_configmap"),
            ('secret "database" not found', "config.missing_secret"),
            ("couldn't find key url in ConfigMap shop/settings", "config.missing_key"),
        ],
    )
    def test_what_a_container_waits_for_is_named(self, message: str, kind: str) -> None:
        waiting = container_status(waiting={"reason": "CreateContainerConfigError", "message": message})
        found = detect(MissingConfig(), case(pod(statuses=[waiting]), replica_set()))
        assert [one.kind for one in found] == [kind]

    def test_a_volume_of_a_secret_that_is_not_there_is_named(self) -> None:
        said = event("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found')
        creating = container_status(waiting={"reason": "ContainerCreating"})
        found = detect(MissingConfig(), case(pod(statuses=[creating]), replica_set(), said))
        assert [one.statement for one in found] == ["Secret tls does not exist"]

    def test_a_mount_that_worked_in_the_end_is_no_finding(self) -> None:
        said = event("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found')
        assert detect(MissingConfig(), case(pod(), replica_set(), deployment_state(), said)) == []


class TestAdmission:
    EXCEEDED = (
        'Error creating: pods "checkout-x" is forbidden: exceeded quota: compute, requested: requests.cpu=1,pods=1, '
        "used: requests.cpu=10,pods=3, limited: requests.cpu=10,pods=20"
    )
    SET = Subject(CLUSTER, "shop", "ReplicaSet", "checkout-6d4f8b9c77")

    def test_a_used_up_quota_is_about_the_namespace_and_names_the_resource(self) -> None:
        refused = event("FailedCreate", self.EXCEEDED, self.SET)
        found = detect(Admission(), case(replica_set(), deployment_state(replicas=2), refused))
        assert [one.kind for one in found] == ["quota.cpu"]
        assert found[0].subject == Subject(CLUSTER, "", "Namespace", "shop")
        assert found[0].statement == "quota compute is used up: requests.cpu 10 of 10"

    def test_a_refusal_that_was_overcome_is_no_finding(self) -> None:
        refused = event("FailedCreate", self.EXCEEDED, self.SET)
        assert detect(Admission(), case(pod(), replica_set(), deployment_state(), refused)) == []

    def test_a_missing_service_account_is_told(self) -> None:
        said = 'pods "x-" is forbidden: error looking up service account shop/a: serviceaccount "a" not found'
        found = detect(Admission(), case(replica_set(), deployment_state(), event("FailedCreate", said, self.SET)))
        assert [one.kind for one in found] == ["admission.service_account"]

    def test_a_quota_without_room_is_a_warning_where_nothing_was_refused(self) -> None:
        quota = Subject(CLUSTER, "shop", "ResourceQuota", "objects")
        body = {"status": {"hard": {"services": "5", "pods": "10"}, "used": {"services": "5", "pods": "1"}}}
        found = detect(Admission(), case(pod(), replica_set(), state(quota, body)))
        assert [(one.kind, one.severity) for one in found] == [("quota.services", Severity.WARNING)]

    @pytest.mark.parametrize(
        ("resource", "kind"),
        [("limits.memory", "memory"), ("pods", "pods"), ("requests.storage", "storage"), ("secrets", "objects")],
    )
    def test_resources_have_their_kind(self, resource: str, kind: str) -> None:
        assert quota_kind(resource) == kind


class TestNodes:
    def test_a_node_that_stopped_reporting_counts_its_pods(self) -> None:
        pods = [pod(f"checkout-6d4f8b9c77-x2x{number:02}", node="node-3") for number in range(12)]
        found = detect(Nodes(), case(*pods, replica_set(), node("node-3", "Unknown"), subjects=[node_subject()]))
        assert [one.kind for one in found] == ["node.unreachable"]
        assert found[0].statement == "node node-3 stopped reporting (machine, network or kubelet): 12 pods on it"
        assert found[0].onset_at == ago(10)

    def test_not_ready_and_pressure_are_told_apart(self) -> None:
        found = detect(Nodes(), case(node("node-1", "False"), node("node-2", MemoryPressure="True")))
        assert kinds(found) == {"node.not_ready", "node.memory_pressure"}

    def test_a_healthy_node_is_no_finding_and_a_cordon_only_a_note(self) -> None:
        found = detect(Nodes(), case(node(), node("node-2", cordoned=True)))
        assert [(one.kind, one.severity) for one in found] == [("node.cordoned", Severity.INFO)]


class TestStorage:
    def test_a_claim_without_a_class_is_told_with_both_names(self) -> None:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        claim = Subject(CLUSTER, "shop", "PersistentVolumeClaim", "data")
        said = event("ProvisioningFailed", 'storageclass.storage.k8s.io "fats" not found', claim)
        pending = state(claim, {"status": {"phase": "Pending"}})
        found = detect(Storage(), case(pod(node="", volumes=volumes), replica_set(), pending, said))
        assert [one.kind for one in found] == ["storage.class_missing"]
        assert "fats" in found[0].statement

    def test_a_bound_claim_is_no_finding(self) -> None:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        claim = Subject(CLUSTER, "shop", "PersistentVolumeClaim", "data")
        bound = state(claim, {"status": {"phase": "Bound"}})
        assert detect(Storage(), case(pod(node="", volumes=volumes), replica_set(), bound)) == []


class TestRollout:
    def test_a_change_of_the_image_within_the_hour_is_a_suspect(self) -> None:
        found = detect(Rollout(), case(rollout(("containers[app].image", "a:1", "a:2"), minutes_ago=20)))
        assert [one.kind for one in found] == ["change.suspect"]

    def test_a_change_after_the_onset_is_not_told(self) -> None:
        assert detect(Rollout(), case(rollout(("containers[app].image", "a:1", "a:2"), minutes_ago=2))) == []

    def test_an_old_change_or_one_of_another_workload_is_only_noted(self) -> None:
        image = ("containers[app].image", "a:1", "a:2")
        found = detect(Rollout(), case(rollout(image, minutes_ago=300), rollout(image, subject=deployment("cart"))))
        assert kinds(found) == {"change.recent"}


class TestLogErrors:
    def test_a_new_error_names_its_count_and_what_is_usual(self) -> None:
        found = detect(LogErrors(), case(log_line("dial tcp 10.0.0.9:5432: connect: connection refused")))
        assert [one.kind for one in found] == ["log.dependency_unreachable"]
        assert found[0].statement.startswith("cannot reach 10.0.0.9:5432 (4 lines in the log, usually 0): ")

    def test_an_error_that_is_as_frequent_as_usual_is_no_finding(self) -> None:
        assert detect(LogErrors(), case(log_line("error: cache miss", 10, 9))) == []

    def test_without_a_usual_hour_nothing_is_called_new(self) -> None:
        assert detect(LogErrors(), case(log_line("error: cache miss", 10, None))) == []

    def test_the_last_words_of_a_run_that_ended_count_without_a_usual_hour(self) -> None:
        found = detect(LogErrors(), case(log_line("open /data/x: permission denied", 1, None, origin="previous")))
        assert [one.kind for one in found] == ["log.permission_denied"]

    def test_ordinary_lines_are_no_finding(self) -> None:
        assert detect(LogErrors(), case(log_line("served 200 in 3 ms", 100, 0))) == []

    def test_a_nodes_journal_tells_what_is_new_but_names_no_cause_of_the_node(self) -> None:
        line = log_line("Probe failed: dial tcp 10.0.0.9:8080: connect: connection refused", subject=node_subject())
        (found,) = detect(LogErrors(), case(replace(line, container="kubelet")))
        assert (found.kind, found.subject) == ("log.new_errors", node_subject())
        assert found.statement.startswith("4 lines in the log of kubelet, usually 0: Probe failed")


class TestSymptoms:
    def test_latency_and_errors_are_told_against_usual(self) -> None:
        found = detect(
            Symptoms(),
            case(
                series("latency_p95", [2.9] * 5, "seconds"),
                series("latency_p95_usual", [0.4] * 5, "seconds", days_ago=1),
                series("error_ratio", [0.084] * 5, "ratio"),
                series("error_ratio_usual", [0.003] * 5, "ratio", days_ago=1),
            ),
        )
        assert {one.statement for one in found} == {"p95 2.9 s (usual 0.4 s)", "5xx 8.4 % (usual 0.3 %)"}

    def test_usual_values_are_no_finding(self) -> None:
        usual = series("latency_p95_usual", [0.4] * 5, "seconds", days_ago=1)
        assert detect(Symptoms(), case(series("latency_p95", [0.42] * 5, "seconds"), usual)) == []

    def test_throttling_is_a_warning(self) -> None:
        found = detect(Symptoms(), case(series("cpu_throttled_ratio", [0.6] * 5, "ratio")))
        assert [(one.kind, one.severity) for one in found] == [("cpu.throttled", Severity.WARNING)]


class TestEvictions:
    @staticmethod
    def evicted() -> ObjectState:
        lingering = pod("checkout-6d4f8b9c77-aaaaa", age_minutes=30)
        said = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. Threshold…"}
        return state(lingering.subject, {**lingering.body, "status": said})

    def test_an_evicted_pod_is_told_with_its_reason(self) -> None:
        (found,) = detect(Evictions(), case(self.evicted(), replica_set(), deployment_state()))
        assert found.statement == "1 pod evicted: The node was low on resource: memory"
        assert found.severity is Severity.CRITICAL

    def test_an_evicted_pod_that_was_replaced_is_only_a_warning(self) -> None:
        (found,) = detect(Evictions(), case(self.evicted(), pod(), replica_set(), deployment_state()))
        assert found.severity is Severity.WARNING

    def test_running_pods_are_no_finding(self) -> None:
        assert detect(Evictions(), case(pod(), replica_set())) == []


class TestHealth:
    @staticmethod
    def probe(status: int | None, milliseconds: float = 12) -> Probe:
        return Probe("e1", deployment(), NOW, "http://10.0.0.7:8080/healthz", status, milliseconds, "timed out")

    def test_an_error_or_no_answer_is_told(self) -> None:
        assert detect(Health(), case(self.probe(503)))[0].statement == "health check answered 503 in 12 ms"
        assert detect(Health(), case(self.probe(None)))[0].statement == "health check got no answer: timed out"

    def test_a_slow_answer_is_told_as_slow(self) -> None:
        assert [one.kind for one in detect(Health(), case(self.probe(200, 2500)))] == ["health.slow"]

    def test_a_good_answer_and_a_refused_look_are_no_finding(self) -> None:
        assert detect(Health(), case(self.probe(200))) == []
        assert detect(Health(), case(self.probe(403))) == []
