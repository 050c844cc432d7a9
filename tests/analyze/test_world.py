"""The index over the evidence: owners, living pods, what counts as whole."""

from app.analyze.world import World
from app.domain.subject import Subject
from tests.builders import (
    CLUSTER,
    NOW,
    case,
    container_status,
    deployment,
    deployment_state,
    event,
    pod,
    pod_subject,
    replica_set,
    state,
)


def owner_of(subject: Subject, *items: object) -> Subject:
    return World(case(*items, subjects=[subject]), NOW).workload_of(subject)


def test_a_pods_owner_is_found_through_its_replica_set() -> None:
    odd_name = replica_set(owner="storefront")
    assert owner_of(pod_subject("checkout-6d4f8b9c77-x2x9z"), pod(), odd_name) == deployment("storefront")


def test_a_pod_that_is_already_gone_is_known_by_its_name() -> None:
    assert owner_of(pod_subject("checkout-6d4f8b9c77-x2x9z")) == deployment()
    assert owner_of(pod_subject("check-out-api-6d4f8b9c77-x2x9z")) == deployment("check-out-api")


def test_a_pod_of_a_known_stateful_set_is_known_by_its_number() -> None:
    subject = Subject(CLUSTER, "shop", "StatefulSet", "redis")
    assert owner_of(pod_subject("redis-0"), state(subject, {})) == subject


def test_a_job_of_a_cron_job_belongs_to_it() -> None:
    job = state(
        Subject(CLUSTER, "shop", "Job", "report-29384756"),
        {"metadata": {"ownerReferences": [{"kind": "CronJob", "name": "report", "controller": True}]}},
    )
    of_job = pod("report-29384756-abcde", owner=("Job", "report-29384756"))
    assert owner_of(of_job.subject, of_job, job) == Subject(CLUSTER, "shop", "CronJob", "report")


def test_a_workload_that_an_operator_made_is_the_one_to_look_at() -> None:
    body = {"metadata": {"ownerReferences": [{"kind": "Prometheus", "name": "k8s", "controller": True}]}}
    made = state(Subject(CLUSTER, "monitoring", "StatefulSet", "prometheus-k8s"), body)
    assert owner_of(made.subject, made) == made.subject


def test_a_static_pod_belongs_to_itself() -> None:
    static = pod("etcd-node-1", owner=("Node", "node-1"))
    assert owner_of(static.subject, static) == static.subject


def test_owners_that_own_each_other_do_not_hang() -> None:
    first = replica_set("a", owner="b")
    body = {"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "a", "controller": True}]}}
    assert owner_of(first.subject, first, state(deployment("b"), body)).name in {"a", "b"}


def test_thirty_pods_of_one_deployment_are_one_subject() -> None:
    subjects = [pod_subject(f"checkout-6d4f8b9c77-x2x{number:02}") for number in range(30)]
    assert World(case(subjects=subjects), NOW).focus == (deployment(),)


def test_events_of_replaced_pods_and_old_events_are_history() -> None:
    gone = event("Failed", "Failed to pull image", pod_subject("checkout-57758fbfbc-pc7rt"))
    old = event("BackOff", "Back-off", minutes_ago=90)
    recent = event("BackOff", "Back-off restarting")
    world = World(case(pod(), replica_set(), gone, old, recent), NOW)
    assert world.events_about(deployment()) == (recent,)


def test_a_workload_is_whole_when_all_wanted_pods_are_ready() -> None:
    ready, sick = pod("checkout-6d4f8b9c77-aaaaa"), pod(statuses=[container_status(ready=False)])
    assert World(case(ready, replica_set(), deployment_state(replicas=1)), NOW).is_whole(deployment())
    assert not World(case(ready, replica_set(), deployment_state(replicas=2)), NOW).is_whole(deployment())
    assert not World(case(ready, sick, replica_set(), deployment_state(replicas=2)), NOW).is_whole(deployment())
    assert not World(case(deployment_state()), NOW).is_whole(deployment())
