from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.domain.alert import Alert
from app.domain.evidence import Evidence, Gap, LogPattern, ObjectState
from app.domain.query import (
    ContainerLogQuery,
    EventQuery,
    LogQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    ProbeQuery,
    PromQuery,
    Query,
    QuotaQuery,
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather.plan import Plan
from app.gather.planner import Planner
from app.settings import HealthUrl
from tests.gather.cluster import Body, body, controlled_by, crashing_pod, deployment, event, replica_set, subject

NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)
CHECKOUT = subject("Deployment", "checkout")
POD = subject("Pod", "checkout-7c5f46fc47-xh86l")
REPLICA_SET = subject("ReplicaSet", "checkout-7c5f46fc47")


def seen(*bodies: Body) -> Evidence:
    states = []
    for item in bodies:
        metadata = item["metadata"]
        about = Subject("prod", metadata.get("namespace", ""), item["kind"], metadata["name"])
        states.append(ObjectState(f"e-{about.kind}-{about.name}", about, NOW, item))
    return Evidence.seen(states)


def plan(*subjects: Subject, planner: Planner | None = None) -> Plan:
    return (planner or Planner()).begin((), subjects, NOW)


def ask(about: Subject) -> ObjectQuery:
    return ObjectQuery("state", about)


def subjects_of(queries: tuple[Query, ...], kind: type[Query]) -> set[Subject]:
    return {query.subject for query in queries if type(query) is kind}


def metrics_of(queries: tuple[Query, ...]) -> set[str]:
    return {query.name for query in queries if isinstance(query, PromQuery)}


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


def test_the_worst_three_pods_of_thirty_are_looked_into() -> None:
    fine = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
    pods = [crashing_pod(f"checkout-7c5f46fc47-ok{n:03}", **fine) for n in range(27)]
    sick = [crashing_pod(f"checkout-7c5f46fc47-bad{n:02}") for n in range(3)]
    queries = plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(*pods, *sick))
    logs = [query for query in queries if isinstance(query, ContainerLogQuery)]
    assert {log.subject.name for log in logs} == {pod["metadata"]["name"] for pod in sick}
    assert {log.previous for log in logs} == {True, False}
    # Those of the others are among the events of the namespace, which are asked for anyway.
    assert subjects_of(queries, EventQuery) == {subject("Pod", "checkout-7c5f46fc47-bad00")}
    assert subjects_of(queries, ObjectQuery) == {subject("Node", "node-3", "")}


def journals_of(
    _alerts: tuple[Alert, ...], about: Subject, now: datetime, pods: Sequence[str] = ()
) -> tuple[Query, ...]:
    memory = PromQuery(f"memory of {about}", about, "memory", "up", "By", now, now)
    return (memory, LogQuery(f"errors of {about}", about, now, now, (), tuple(pods)))


def test_the_journal_of_the_worst_pods_node_is_read_and_of_no_other() -> None:
    work = plan(CHECKOUT, planner=Planner(journals_of))
    sick = [crashing_pod("checkout-7c5f46fc47-bad01"), crashing_pod("checkout-7c5f46fc47-bad02")]
    sick[1]["spec"] = {**sick[1]["spec"], "nodeName": "node-4"}
    queries = work.follow_up(PodsQuery("pods", CHECKOUT), seen(*sick))
    assert subjects_of(queries, LogQuery) == {subject("Node", "node-3", "")}
    assert not subjects_of(queries, PromQuery)
    again = work.follow_up(PodsQuery("pods", CHECKOUT), seen(crashing_pod("checkout-7c5f46fc47-bad03")))
    assert not subjects_of(again, LogQuery)


def test_the_journal_under_healthy_pods_and_under_neighbours_is_not_read() -> None:
    fine = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
    healthy = plan(CHECKOUT, planner=Planner(journals_of))
    found = healthy.follow_up(PodsQuery("pods", CHECKOUT), seen(crashing_pod("checkout-7c5f46fc47-ok001", **fine)))
    assert not subjects_of(found, LogQuery)
    beside = plan(CHECKOUT, planner=Planner(journals_of))
    neighbour = seen(crashing_pod("ledger-7c5f46fc47-bad01"))
    assert not subjects_of(beside.follow_up(PodsQuery("pods", subject("Namespace", "shop", "")), neighbour), LogQuery)


def test_an_init_container_that_fails_is_read_and_what_never_ran_is_not() -> None:
    failing = {
        "name": "migrate",
        "restartCount": 2,
        "state": {"terminated": {"exitCode": 1, "reason": "Error"}},
        "lastState": {"terminated": {"exitCode": 1}},
    }
    waiting = {"name": "app", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
    pod = crashing_pod(phase="Pending", initContainerStatuses=[failing], containerStatuses=[waiting])
    queries = plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(pod))
    assert {query.container for query in queries if isinstance(query, ContainerLogQuery)} == {"migrate"}
    image = {"name": "app", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    other = plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(crashing_pod(containerStatuses=[image])))
    assert not [query for query in other if isinstance(query, ContainerLogQuery)]


def test_a_pod_that_nobody_scheduled_raises_the_question_of_nodes_and_claims() -> None:
    pod = crashing_pod(phase="Pending", containerStatuses=[])
    del pod["spec"]["nodeName"]
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}}]
    queries = plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(pod))
    kinds = {s.kind for s in subjects_of(queries, ObjectsQuery)}
    assert kinds == {"Node", "PersistentVolumeClaim"}
    assert subject("PersistentVolumeClaim", "data-0") in subjects_of(queries, ObjectQuery)


def test_a_claim_without_volume_raises_the_question_of_its_class_and_of_volumes() -> None:
    claim = body("PersistentVolumeClaim", "data-0", spec={"storageClassName": "fast"}, status={"phase": "Pending"})
    bound = body("PersistentVolumeClaim", "data-1", spec={}, status={"phase": "Bound"})
    query = ObjectsQuery("claims", subject("PersistentVolumeClaim", ""))
    queries = plan(CHECKOUT).follow_up(query, seen(claim, bound))
    assert subjects_of(queries, ObjectQuery) == {subject("StorageClass", "fast", "")}
    assert subjects_of(queries, EventQuery) == {subject("PersistentVolumeClaim", "data-0")}
    assert Subject("prod", "", "PersistentVolume", "") in subjects_of(queries, ObjectsQuery)


def test_an_unhealthy_neighbour_is_looked_into_and_a_healthy_one_is_not() -> None:
    sick = deployment(name="cart")
    well = deployment(name="ads") | {"status": {"availableReplicas": 3}}
    query = ObjectsQuery("Deployments of shop", subject("Deployment", ""))
    queries = plan(CHECKOUT).follow_up(query, seen(sick, well))
    cart = subject("Deployment", "cart")
    assert subjects_of(queries, RolloutQuery) == subjects_of(queries, PodsQuery) == {cart}
    # Its events are among the namespace's, which were asked for at the start.
    assert not subjects_of(queries, EventQuery)


def probed(**probe: object) -> Body:
    pod = crashing_pod()
    pod["spec"]["containers"][0] |= {
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "host": "evil.example", **probe}},
        "livenessProbe": {"tcpSocket": {"port": 9}},
    }
    return pod


def urls(queries: tuple[Query, ...]) -> list[str]:
    return [query.url for query in queries if isinstance(query, ProbeQuery)]


def test_a_workloads_own_probe_is_asked_on_its_pod_and_through_its_service() -> None:
    service = body(
        "Service",
        "checkout",
        spec={
            "selector": {"app": "checkout"},
            "clusterIP": "10.96.0.9",
            "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 9}],
        },
    )
    work = plan(CHECKOUT)
    assert urls(work.follow_up(PodsQuery("pods", CHECKOUT), seen(probed()))) == ["http://10.0.3.17:8080/ready"]
    services = ServicesQuery("services", CHECKOUT, (("app", "checkout"),))
    assert urls(work.follow_up(services, seen(service))) == ["http://10.96.0.9:80/ready"]


def test_probes_never_go_to_the_machine_itself_and_not_at_all_when_switched_off() -> None:
    for address in ("127.0.0.1", "169.254.169.254", "::1", "evil.example", ""):
        pod = probed() | {"status": {"podIP": address, "phase": "Running"}}
        assert urls(plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(pod))) == []
    off = plan(CHECKOUT, planner=Planner(probes=False))
    assert urls(off.follow_up(PodsQuery("pods", CHECKOUT), seen(probed()))) == []
    six = probed(scheme="HTTPS") | {"status": {"podIP": "fd00::17", "phase": "Running"}}
    assert urls(plan(CHECKOUT).follow_up(PodsQuery("pods", CHECKOUT), seen(six))) == ["https://[fd00::17]:8080/ready"]


def test_configured_health_endpoints_are_asked_for_their_workload_only() -> None:
    settings = [
        HealthUrl(url="http://checkout.example/healthz", namespace="shop", workload="checkout"),
        HealthUrl(url="http://cart.example/healthz", namespace="shop", workload="cart"),
    ]
    planner = Planner(health_urls=settings)
    assert urls(planner.plan((), (CHECKOUT,), NOW)) == ["http://checkout.example/healthz"]
    assert urls(Planner(health_urls=settings, probes=False).plan((), (CHECKOUT,), NOW)) == []


def test_the_newest_replica_sets_events_are_asked_for() -> None:
    sets = seen(
        replica_set("checkout-old", 1, "2026-10-01T10:00:00Z"), replica_set("checkout-new", 2, "2026-10-21T02:00:00Z")
    )
    queries = plan(CHECKOUT).follow_up(RolloutQuery("rollouts", CHECKOUT), sets)
    assert subjects_of(queries, EventQuery) == {subject("ReplicaSet", "checkout-new")}


def test_a_crash_whose_log_is_still_empty_is_worth_asking_again() -> None:
    evidence = seen(crashing_pod())
    again = Planner().retry_later(evidence)
    assert [(q.subject, q.previous) for q in again if isinstance(q, ContainerLogQuery)] == [(POD, False), (POD, True)]
    line = LogPattern("e1", POD, "out of memory", 1, None, None, None, (), container="app")
    assert Planner().retry_later(evidence + Evidence.seen([line])) == ()
    calm = crashing_pod(containerStatuses=[{"name": "app", "ready": True, "restartCount": 0, "state": {"running": {}}}])
    assert Planner().retry_later(seen(calm)) == ()


def test_events_raise_no_further_questions() -> None:
    assert plan(CHECKOUT).follow_up(EventQuery("events", CHECKOUT), seen(event("Pod", "a", "BackOff"))) == ()


def test_of_secrets_only_the_version_is_asked_for_and_never_the_secret() -> None:
    spec = {
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"name": "a", "secret": {"secretName": "tls"}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
            {"name": "c", "configMap": {"name": "settings"}},
        ],
        "containers": [
            {"name": "app", "envFrom": [{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "settings"}}]},
            {"name": "b", "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a.b", "key": "k"}}}]},
        ],
    }
    workload = deployment()
    workload["spec"]["template"]["spec"] = spec
    queries = plan(CHECKOUT).follow_up(ask(CHECKOUT), seen(workload))
    (versions,) = [query for query in queries if isinstance(query, PromQuery) and query.name == "secret_version"]
    assert versions.expr == (
        "max by (namespace, secret) (kube_secret_metadata_resource_version"
        '{namespace="shop", secret=~"a\\\\.b|all|projected|pull|tls"})'
    )
    assert versions.if_empty
    assert not any(subject.kind == "Secret" for subject in subjects_of(queries, ObjectQuery))


def test_without_secrets_nothing_is_asked_of_them() -> None:
    queries = plan(CHECKOUT).follow_up(ask(CHECKOUT), seen(deployment()))
    assert "secret_version" not in metrics_of(queries)


def test_a_set_whose_deployment_is_looked_at_already_raises_nothing_more() -> None:
    work = plan(CHECKOUT)
    work.follow_up(ask(CHECKOUT), seen(deployment()))
    assert work.follow_up(ask(REPLICA_SET), seen(replica_set(REPLICA_SET.name, 2, "2026-10-21T02:00:00Z"))) == ()
