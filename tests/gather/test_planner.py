"""What is asked of an alert at once, and how owners are followed from what was answered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.domain.alert import Alert
from app.domain.evidence import Evidence, Gap
from app.domain.query import (
    EventQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    PromQuery,
    Query,
    QuotaQuery,
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather.planner import Planner
from tests.gather.cluster import CHECKOUT, POD, body, controlled_by, crashing_pod, deployment, replica_set, subject
from tests.gather.plans import NOW, REPLICA_SET, ask, metrics_of, plan, seen, subjects_of


def memory_of(_alerts: tuple[Alert, ...], about: Subject, now: datetime, pods: Sequence[str] = ()) -> tuple[Query, ...]:
    return (PromQuery(f"memory of {about}", about, "memory", f"up{list(pods)}", "By", now, now),)


def test_a_workload_is_asked_for_with_its_events_and_its_neighbourhood() -> None:
    queries = Planner().plan((), (CHECKOUT,), NOW)
    assert subjects_of(queries, ObjectQuery) == {CHECKOUT}
    namespace = subject("Namespace", "shop", "")
    assert subjects_of(queries, EventQuery) == {CHECKOUT, namespace}
    assert subjects_of(queries, PodsQuery) == {namespace}
    assert subjects_of(queries, QuotaQuery) == {namespace}
    listed = {"Deployment", "StatefulSet", "DaemonSet", "Ingress", "HTTPRoute"}
    listed |= {"HorizontalPodAutoscaler", "PodDisruptionBudget"}
    assert {s.kind for s in subjects_of(queries, ObjectsQuery)} == listed


def test_no_more_than_five_subjects_are_asked_for_and_each_namespace_once() -> None:
    many = tuple(subject("Deployment", f"app-{n}") for n in range(30))
    queries = Planner().plan((), (*many, *many), NOW)
    assert len(subjects_of(queries, ObjectQuery)) == 5
    assert sum(isinstance(query, QuotaQuery) for query in queries) == 1


def test_a_node_is_asked_for_with_its_events_and_pods_and_the_cluster_for_its_nodes() -> None:
    node = subject("Node", "node-3", "")
    queries = Planner().plan((), (node,), NOW)
    assert subjects_of(queries, PodsQuery) == subjects_of(queries, EventQuery) == {node}
    cluster = Planner().plan((), (Subject("prod", "", "Cluster", "prod"),), NOW)
    assert Subject("prod", "", "Node", "") in subjects_of(cluster, ObjectsQuery)
    assert subjects_of(cluster, PodsQuery) == {subject("Namespace", "kube-system", "")}


def test_metrics_are_asked_at_once_for_the_subject_and_again_for_a_workload_found_behind_a_pod() -> None:
    work = plan(POD, planner=Planner(memory_of))
    assert subjects_of(work.first, PromQuery) == {POD}
    assert metrics_of(work.follow_up(ask(CHECKOUT), seen(deployment()))) == {"memory", "calls"}
    again = plan(CHECKOUT, planner=Planner(memory_of))
    assert metrics_of(again.follow_up(ask(CHECKOUT), seen(deployment()))) == {"calls"}


def test_metrics_are_asked_again_by_the_names_of_pods_that_are_not_named_after_their_workload() -> None:
    work = plan(CHECKOUT, planner=Planner(memory_of))
    usual = work.follow_up(PodsQuery("pods", CHECKOUT), seen(crashing_pod()))
    assert not subjects_of(usual, PromQuery)
    odd = work.follow_up(PodsQuery("pods", CHECKOUT), seen(crashing_pod(), crashing_pod("blue-7c5f46fc47-aaaaa")))
    assert [query.expr for query in odd if isinstance(query, PromQuery)] == ["up['blue-7c5f46fc47-aaaaa']"]


def test_owners_are_followed_from_pod_to_deployment() -> None:
    work = plan(POD)
    assert REPLICA_SET in subjects_of(work.follow_up(ask(POD), seen(crashing_pod())), ObjectQuery)
    made = seen(replica_set("checkout-7c5f46fc47", 2, "2026-10-21T02:00:00Z"))
    assert subjects_of(work.follow_up(ask(REPLICA_SET), made), ObjectQuery) == {CHECKOUT}
    found = work.follow_up(ask(CHECKOUT), seen(deployment()))
    assert subjects_of(found, RolloutQuery) == subjects_of(found, PodsQuery) == {CHECKOUT}
    # The namespace's Services were asked for at the start.
    assert not subjects_of(found, ServicesQuery)
    assert subjects_of(work.first, ServicesQuery) == {subject("Namespace", "shop", "")}


def test_a_workload_in_another_namespace_raises_the_question_of_its_services() -> None:
    hpa = body(
        "HorizontalPodAutoscaler", "checkout", spec={"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}}
    )
    node = plan(subject("Node", "node-3", ""))
    about = subject("HorizontalPodAutoscaler", "checkout")
    assert subjects_of(node.follow_up(ask(about), seen(hpa)), ObjectQuery) == {CHECKOUT}
    found = node.follow_up(ask(CHECKOUT), seen(deployment()))
    services = next(query for query in found if isinstance(query, ServicesQuery))
    assert services.match_labels == (("app", "checkout"),)


def test_an_owner_that_was_made_anew_under_the_same_name_is_not_followed() -> None:
    work = plan(POD)
    work.follow_up(ask(POD), seen(crashing_pod()))
    other = replica_set("checkout-7c5f46fc47", 2, "2026-10-21T02:00:00Z")
    other["metadata"]["uid"] = "uid-of-another"
    assert work.follow_up(ask(REPLICA_SET), seen(other)) == ()


def test_only_the_controlling_owner_counts_and_never_an_unknown_kind() -> None:
    pod = crashing_pod()
    pod["metadata"]["ownerReferences"] = [
        {"kind": "ReplicaSet", "name": "bystander", "uid": "1"},
        {"kind": "Tekton", "name": "strange", "uid": "2", "controller": True},
    ]
    queries = plan(POD).follow_up(ask(POD), seen(pod))
    assert {s.kind for s in subjects_of(queries, ObjectQuery)} == {"Node"}


def test_a_chain_of_owners_ends_at_depth_five() -> None:
    work = plan(subject("Job", "job-0"))
    asked: tuple[Query, ...] = ()
    for depth in range(8):
        job = body("Job", f"job-{depth}", metadata={"ownerReferences": controlled_by("Job", f"job-{depth + 1}")})
        asked = work.follow_up(ask(subject("Job", f"job-{depth}")), seen(job))
        if not subjects_of(asked, ObjectQuery):
            break
    assert depth == 4


def test_a_pod_that_is_gone_leads_to_its_workload_by_name() -> None:
    work = plan(POD)
    guesses = work.follow_up(ask(POD), Evidence())
    assert subjects_of(guesses, ObjectQuery) == {REPLICA_SET, CHECKOUT}
    ordinal = plan(subject("Pod", "ledger-2")).follow_up(ask(subject("Pod", "ledger-2")), Evidence())
    assert subjects_of(ordinal, ObjectQuery) == {subject("StatefulSet", "ledger")}
    agent = plan(subject("Pod", "agent-x7k2p")).follow_up(ask(subject("Pod", "agent-x7k2p")), Evidence())
    assert subject("DaemonSet", "agent") in subjects_of(agent, ObjectQuery)


def test_a_wrong_guess_is_tried_as_other_kinds_once_and_leaves_no_gap_when_found() -> None:
    work = plan(CHECKOUT)
    gap = Gap("kubernetes", "state", "no such Deployment (404)")
    guesses = work.follow_up(ask(CHECKOUT), Evidence())
    kinds = {s.kind for s in subjects_of(guesses, ObjectQuery)}
    assert kinds == {"StatefulSet", "DaemonSet", "Pod"}
    assert not work.is_moot(ask(CHECKOUT), gap)
    stateful = subject("StatefulSet", "checkout")
    assert work.follow_up(ask(subject("DaemonSet", "checkout")), Evidence()) == ()
    assert work.is_moot(ask(subject("DaemonSet", "checkout")), replace(gap, reason="no such DaemonSet (404)"))
    found = deployment() | {"kind": "StatefulSet"}
    assert subjects_of(work.follow_up(ask(stateful), seen(found)), RolloutQuery) == {stateful}
    assert work.is_moot(ask(CHECKOUT), gap)
    assert not work.is_moot(ask(CHECKOUT), replace(gap, reason="no permission to read deployments (403)"))
