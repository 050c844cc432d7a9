"""Whose pods, journals and claims are looked into, and what is asked of health and of secrets."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.alert import Alert
from app.domain.evidence import Evidence, LogPattern
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
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather.planner import Planner
from app.settings import HealthUrl
from tests.gather.cluster import CHECKOUT, POD, Body, body, crashing_pod, deployment, event, replica_set, subject
from tests.gather.plans import NOW, REPLICA_SET, ask, metrics_of, plan, seen, subjects_of


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
