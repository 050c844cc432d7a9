"""A change counts for the workloads that it can touch, and for no other."""

from dataclasses import replace

import pytest

from app.analyze.suspects import before_onset
from app.analyze.world import World
from app.domain.change import Change, FieldDiff
from app.domain.evidence import Item, ObjectState, evidence_id
from app.domain.subject import Subject
from tests.analyze.judging import judge
from tests.builders import (
    CLUSTER,
    NOW,
    ago,
    case,
    container_spec,
    container_status,
    deployment,
    ended,
    event,
    node,
    pod,
    replica_set,
    rollout,
    series,
    state,
)

CRASHES = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(1), restarts=5)
FROM_SETTINGS = container_spec(envFrom=[{"configMapRef": {"name": "settings"}}])
FROM_KEY = container_spec(
    env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "a"}}}],
)


def change(
    kind: str, name: str, word: str, *diffs: tuple[str, str | None, str | None], minutes_ago: float = 12
) -> Change:
    """As the journal tells of it."""
    namespace = "" if kind == "Node" else "shop"
    subject = Subject(CLUSTER, namespace, kind, name)
    diff = tuple(FieldDiff(*one) for one in diffs)
    summary = f"{word} {name}: {', '.join(one.path for one in diff)} changed"
    return Change(evidence_id("journal", subject, minutes_ago), subject, ago(minutes_ago), word, summary, diff)


CONFIG = change("ConfigMap", "settings", "config", ("data[LEVEL]", "#11111111", "#22222222"))


def workload(**spec: object) -> ObjectState:
    template = {"spec": {"containers": [container_spec()], **spec}}
    return state(deployment(), {"metadata": {"name": "checkout"}, "spec": {"replicas": 1, "template": template}})


def touches_checkout(one: Change, *items: Item) -> bool:
    world = World(case(*items, one), NOW)
    return deployment() in world.touched_by(one)


@pytest.mark.parametrize(
    ("one", "item"),
    [
        (CONFIG, workload(containers=[FROM_SETTINGS])),
        (CONFIG, workload(volumes=[{"name": "v", "configMap": {"name": "settings"}}])),
        (CONFIG, workload(volumes=[{"name": "v", "projected": {"sources": [{"configMap": {"name": "settings"}}]}}])),
        (change("Secret", "credentials", "secret"), workload(containers=[FROM_KEY])),
        (change("Secret", "tls", "secret"), workload(volumes=[{"name": "v", "secret": {"secretName": "tls"}}])),
        (change("ServiceAccount", "cart", "service account"), workload(serviceAccountName="cart")),
        (change("HorizontalPodAutoscaler", "checkout", "autoscaler", ("maxReplicas", "9", "2")), workload()),
        (change("ResourceQuota", "compute", "quota", ("hard[cpu]", "4", "2")), workload()),
        (change("Service", "shop", "service", ("selector", '{"app":"checkout"}', '{"app":"chekout"}')), pod()),
        (change("Node", "node-1", "node", ("unschedulable", None, "true")), pod(node="node-1")),
        (change("Node", "node-9", "node", ("taints[a:NoSchedule]", None, "yes")), pod(node="")),
        (change("", "checkout", "deploy"), workload()),
        (change("", "", "migration"), workload()),
    ],
)
def test_what_a_workload_refers_to_or_stands_on_touches_it(one: Change, item: ObjectState) -> None:
    assert touches_checkout(one, item, replica_set())


@pytest.mark.parametrize(
    ("one", "item"),
    [
        (CONFIG, workload()),
        (change("ConfigMap", "other", "config", ("data[a]", "#1", "#2")), workload(containers=[FROM_SETTINGS])),
        (change("Service", "cart", "service", ("selector", '{"app":"a"}', '{"app":"b"}')), pod()),
        (change("Service", "cart", "service", ("selector", "not json", None)), pod()),
        (change("Node", "node-2", "node", ("unschedulable", None, "true")), pod(node="node-1")),
        (change("HorizontalPodAutoscaler", "cart", "autoscaler", ("maxReplicas", "9", "2")), workload()),
        (change("", "cart", "deploy"), workload()),
    ],
)
def test_what_has_nothing_to_do_with_a_workload_does_not(one: Change, item: ObjectState) -> None:
    assert not touches_checkout(one, item, replica_set())


def test_a_crash_after_its_configuration_changed_is_laid_at_its_door() -> None:
    crashing = pod(statuses=[CRASHES], specs=[FROM_SETTINGS])
    judged = judge(case(crashing, replica_set(), workload(containers=[FROM_SETTINGS]), node(), CONFIG))
    first = judged.hypotheses[0]
    assert (first.subject, first.cause) == (deployment(), "application.crash")
    assert "began 4 min after config settings" in " ".join(first.because)
    assert judged.briefing.change
    assert judged.briefing.change.change_id == CONFIG.id
    assert "data[LEVEL]" in judged.briefing.change.text


def test_a_crash_beside_anothers_configuration_is_not() -> None:
    judged = judge(case(pod(statuses=[CRASHES]), replica_set(), workload(), node(), CONFIG))
    assert judged.briefing.change is None
    assert all(CONFIG.id not in one.evidence for one in judged.hypotheses)


def test_a_quota_that_was_lowered_explains_that_it_is_used_up() -> None:
    lowered = change("ResourceQuota", "compute", "quota", ("hard[pods]", "9", "2"))
    refused = event(
        "FailedCreate",
        'pods "checkout-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2',
        Subject(CLUSTER, "shop", "ReplicaSet", "checkout-6d4f8b9c77"),
    )
    judged = judge(case(replica_set(), workload(), refused, lowered))
    first = judged.hypotheses[0]
    assert first.cause == "quota.pods"
    assert lowered.id in first.evidence


def test_a_taint_that_somebody_set_explains_that_pods_cannot_be_scheduled() -> None:
    tainted = change("Node", "node-1", "node", ("taints[gpu:NoSchedule]", None, "yes"))
    message = "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}."
    waiting = pod(node="", statuses=[container_status(waiting={"reason": "ContainerCreating"})])
    judged = judge(case(waiting, replica_set(), workload(), node(), event("FailedScheduling", message), tainted))
    first = judged.hypotheses[0]
    assert first.cause == "schedule.taint"
    assert tainted.id in first.evidence


def test_a_secret_whose_version_rose_just_before_is_named() -> None:
    refers = workload(containers=[FROM_KEY])
    versions = replace(
        series("secret_version", [41.0] * 20 + [None, 57.0] + [57.0] * 12),
        labels={"namespace": "shop", "secret": "credentials"},
    )
    judged = judge(case(pod(statuses=[CRASHES], specs=[FROM_KEY]), replica_set(), refers, node(), versions))
    (changed,) = judged.changes
    assert (changed.subject.kind, changed.subject.name, changed.at) == ("Secret", "credentials", ago(12))
    assert changed.id in judged.hypotheses[0].evidence
    assert judged.briefing.change
    assert judged.briefing.change.text == "secret credentials: secret version 41 → 57"


def test_a_rollout_that_history_and_journal_both_know_is_one() -> None:
    diff = ("containers[app].image", "a:1", "a:2")
    from_history = rollout(diff, minutes_ago=16)
    from_journal = change("Deployment", "checkout", "rollout", diff, minutes_ago=15.5)
    older = change("Deployment", "checkout", "rollout", diff, minutes_ago=90)
    world = World(case(workload(), from_history, from_journal, older), NOW)
    assert world.changes == (older, from_history)


def test_of_very_many_changes_those_that_touch_it_are_kept() -> None:
    others = [
        change("ConfigMap", f"other-{n}", "config", ("data[a]", "#1", "#2"), minutes_ago=1 + n / 100)
        for n in range(300)
    ]
    mine = change("ConfigMap", "settings", "config", ("data[a]", "#1", "#2"), minutes_ago=600)
    world = World(case(workload(containers=[FROM_SETTINGS]), *others, mine), NOW)
    assert mine in world.changes
    assert len(world.changes) == 21
    assert before_onset(world, deployment()) == (mine,)
