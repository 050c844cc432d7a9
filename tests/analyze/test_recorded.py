"""Recorded incidents of a real cluster: how many get the right object and the right cause."""

import pytest

from app.analyze.assess import analyze
from app.domain.incident import Recollection
from tests.analyze.judging import DETECTORS
from tests.analyze.recorded_case import SCENARIOS, load

pytestmark = pytest.mark.usefixtures("shared")

CAUSES_OF = {
    "missing_service_account": {"admission.service_account"},
    "namespace_cpu_quota_exceeded": {"quota.cpu"},
    "namespace_memory_quota_exceeded": {"quota.memory"},
    "namespace_pod_quota_exceeded": {"quota.pods"},
    "containerd_unavailable": {"node.runtime_down"},
    "kubelet_unavailable": {"node.unreachable"},
    "kube_scheduler_unavailable": {"schedule.scheduler_down"},
    "liveness_probe_incorrect_protocol": {"probe.liveness_protocol"},
    "liveness_probe_incorrect_timing": {"probe.liveness_timing"},
    "liveness_probe_incorrect_port": {"probe.liveness_port"},
    "readiness_probe_incorrect_protocol": {"probe.readiness_protocol"},
    "readiness_probe_incorrect_port": {"probe.readiness_port"},
    "oom_killed": {"memory.oom_killed", "memory.limit_too_low"},
    "node_cordon_mismatch": {"schedule.cordon"},
    "pod_anti_affinity_conflict": {"schedule.pod_anti_affinity"},
    "taint_toleration_mismatch": {"schedule.taint"},
    "cpu_capacity_mismatch": {"schedule.insufficient_cpu"},
    "memory_capacity_mismatch": {"schedule.insufficient_memory"},
    "node_affinity_mismatch": {"schedule.node_affinity"},
    "node_selector_mismatch": {"schedule.node_selector"},
    "pvc_storage_class_mismatch": {"storage.class_missing"},
    "image_registry_dns_failure": {"image.registry_dns"},
    "incorrect_image_reference": {"image.not_found"},
    "missing_image_pull_secret": {"image.pull_denied"},
    "service_selector_mismatch": {"service.selector_mismatch"},
    "service_port_mapping_mismatch": {"service.port_mismatch"},
    "service_protocol_mismatch": {"service.protocol_mismatch"},
    "service_env_var_address_mismatch": {"service.unknown_address"},
}
FLOOR = 27


def test_what_this_judge_is_for_is_judged_right() -> None:
    right: list[str] = []
    wrong: list[str] = []
    for path in sorted(SCENARIOS.glob("*.json.gz")):
        recorded, now, label = load(path)
        if label["root_cause"] not in CAUSES_OF:
            continue
        hypotheses = analyze(recorded, Recollection(), now, DETECTORS).hypotheses
        first = hypotheses[0] if hypotheses else None
        hit = (
            first is not None
            and first.cause in CAUSES_OF[label["root_cause"]]
            and (
                first.subject.name == label["fault_object"].partition("/")[2]
                or first.cause == "schedule.scheduler_down"
            )
        )
        (right if hit else wrong).append(f"{path.stem}: {first.cause if first else 'abstained'}")
    assert len(right) >= FLOOR, wrong


def test_where_nothing_was_found_nothing_is_claimed_with_confidence() -> None:
    for path in sorted(SCENARIOS.glob("boutique_performance_*.json.gz")):
        recorded, now, _ = load(path)
        hypotheses = analyze(recorded, Recollection(), now, DETECTORS).hypotheses
        assert not [one for one in hypotheses if one.confidence == "high"], path
