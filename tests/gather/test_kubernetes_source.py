"""What the API tells of pods, events, rollouts, logs and lists, and what of that is kept."""

from pathlib import Path

import pytest

from app.domain.change import Change
from app.domain.evidence import ClusterEvent, LogPattern, ObjectState
from app.domain.query import (
    ContainerLogQuery,
    EventQuery,
    ObjectQuery,
    QuotaQuery,
    RolloutQuery,
    ServicesQuery,
)
from tests.gather.cluster import (
    CHECKOUT,
    POD,
    body,
    crashing_pod,
    deployment,
    event,
    kubernetes,
    replica_set,
    shop,
    subject,
    template,
)

pytestmark = pytest.mark.anyio


async def test_a_pod_keeps_the_apis_own_names_and_loses_nulls_and_environment_values(tmp_path: Path) -> None:
    secret = "hunter" + "2hunter2"
    pod = crashing_pod()
    pod["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": secret,
        "checksum/config": "a",
    }
    pod["spec"]["containers"][0]["env"] = [
        {"name": "DB_PASSWORD", "value": secret},
        {"name": "GREETING", "value": "hello there"},
        {"name": "CART_ADDR", "value": "cart:7070"},
    ]
    pod["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 80, "host": "evil.example"}}
    async with kubernetes(tmp_path, pod) as (_, source):
        (state,) = (await source.answer(ObjectQuery("state", POD))).of(ObjectState)
    status = state.body["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert status["ready"] is False
    assert "running" not in status["state"]
    assert state.body["spec"]["containers"][0]["env"] == [
        {"name": "DB_PASSWORD"},
        {"name": "GREETING"},
        {"name": "CART_ADDR", "value": "cart:7070"},
    ]
    assert state.body["metadata"]["annotations"] == {"checksum/config": "a"}
    assert secret not in repr(state)
    assert "evil" not in repr(state)


async def test_free_text_of_a_pod_is_redacted(tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    pod = crashing_pod()
    pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"] = f"cannot clone: token={token}"
    pod["spec"]["containers"][0]["args"] = ["--password", "hunter" + "2hunter2", f"--token={token}"]
    async with kubernetes(tmp_path, pod, event("Pod", POD.name, "Failed", message=f"bearer {token}")) as (_, source):
        seen = await source.answer(ObjectQuery("state", POD)) + await source.answer(EventQuery("events", POD))
    assert len(seen.items) == 2
    assert token not in repr(seen)
    assert "hunter2" not in repr(seen)


async def test_an_object_that_is_not_there_is_a_gap_and_not_an_error(tmp_path: Path) -> None:
    async with kubernetes(tmp_path) as (_, source):
        answer = await source.answer(ObjectQuery("state of shop/checkout", CHECKOUT))
    assert not answer.items
    assert [(g.source, g.question, g.reason) for g in answer.gaps] == [
        ("kubernetes", "state of shop/checkout", "no such Deployment (404)")
    ]


async def test_an_object_without_namespace_is_found_if_its_name_is_unique(tmp_path: Path) -> None:
    nameless = subject("Deployment", "checkout", "")
    async with kubernetes(tmp_path, deployment()) as (_, source):
        (state,) = (await source.answer(ObjectQuery("state", nameless))).of(ObjectState)
    assert state.subject == CHECKOUT
    async with kubernetes(tmp_path, deployment(), deployment(namespace="test")) as (_, source):
        answer = await source.answer(ObjectQuery("state", nameless))
    assert answer.gaps[0].reason == "2 of that name, in several namespaces"


async def test_events_come_oldest_first_whichever_field_holds_their_time(tmp_path: Path) -> None:
    new_style = event(
        "Pod",
        POD.name,
        "FailedScheduling",
        firstTimestamp=None,
        lastTimestamp=None,
        count=None,
        eventTime="2026-10-21T02:01:00.123456Z",
        series={"count": 9, "lastObservedTime": "2026-10-21T02:15:30.5Z"},
    )
    never = event("Pod", POD.name, "Odd", firstTimestamp=None, lastTimestamp=None)
    async with kubernetes(tmp_path, new_style, event("Pod", POD.name, "BackOff"), never) as (_, source):
        seen = (await source.answer(EventQuery("events", POD))).of(ClusterEvent)
    # The stand-in, like the API, gives every object a creation time; that is the last resort.
    told = [(e.reason, e.count, e.warning) for e in seen if e.reason != "Odd"]
    assert told == [("BackOff", 4, True), ("FailedScheduling", 9, True)]
    assert seen[-1].first_at.isoformat() == "2026-10-21T02:01:00.123456+00:00"


async def test_a_namespace_is_asked_for_all_its_events(tmp_path: Path) -> None:
    objects = (event("Pod", "a", "BackOff"), event("ReplicaSet", "b", "FailedCreate"))
    async with kubernetes(tmp_path, *objects) as (_, source):
        seen = await source.answer(EventQuery("events", subject("Namespace", "shop", "")))
    assert {e.subject.kind for e in seen.of(ClusterEvent)} == {"Pod", "ReplicaSet"}


async def test_a_rollout_tells_what_it_changed_when_and_by_whom(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        answer = await source.answer(RolloutQuery("rollouts", CHECKOUT))
    first, newest = answer.of(Change)
    assert first.summary == "first rollout 1: image shop/checkout:1.4.1"
    assert newest.summary == "rollout 2: image 1.4.1 → 1.4.2; memory limit 512Mi → 256Mi"
    assert newest.at.isoformat() == "2026-10-21T02:00:00+00:00"
    assert newest.actor == "helm"
    assert [s.subject.kind for s in answer.of(ObjectState)] == ["ReplicaSet", "ReplicaSet"]
    assert not fake.writes


async def test_a_rollback_happened_when_it_was_scaled_up_and_not_when_its_replica_set_was_made(tmp_path: Path) -> None:
    message = "Scaled up replica set checkout-6d9f7c8b5 from 0 to 1"
    objects = (
        deployment(),
        replica_set("checkout-6d9f7c8b5", 3, "2026-10-01T10:00:00Z", memory="512Mi", history="1"),
        replica_set("checkout-7c5f46fc47", 2, "2026-10-21T02:00:00Z"),
    )
    scaled = event("Deployment", "checkout", "ScalingReplicaSet", message=message, lastTimestamp="2026-10-21T02:10:00Z")
    async with kubernetes(tmp_path, *objects, scaled) as (_, source):
        changes = (await source.answer(RolloutQuery("rollouts", CHECKOUT))).of(Change)
    assert changes[-1].at.isoformat() == "2026-10-21T02:10:00+00:00"
    assert changes[-1].summary.startswith("rollout 3 (back to an earlier one): image 1.4.2 → 1.4.3")
    async with kubernetes(tmp_path, *objects) as (_, source):
        changes = (await source.answer(RolloutQuery("rollouts", CHECKOUT))).of(Change)
    # Without the event the Deployment's own progress is the next best.
    assert changes[-1].at.isoformat() == "2026-10-21T02:02:30+00:00"


async def test_replica_sets_of_another_deployment_of_that_name_do_not_count(tmp_path: Path) -> None:
    stranger = replica_set("checkout-old", 9, "2026-10-21T01:00:00Z")
    stranger["metadata"]["ownerReferences"][0]["uid"] = "uid-of-the-deleted-one"
    async with kubernetes(tmp_path, *shop(stranger)) as (_, source):
        changes = (await source.answer(RolloutQuery("rollouts", CHECKOUT))).of(Change)
    assert len(changes) == 2


async def test_a_stateful_sets_history_is_in_its_controller_revisions(tmp_path: Path) -> None:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "checkout"}}, "template": template()}
    objects = [body("StatefulSet", "ledger", api="apps/v1", spec=spec, status={})]
    for number, memory in ((1, "1Gi"), (2, "2Gi")):
        metadata = {
            "labels": {"app": "checkout"},
            "creationTimestamp": f"2026-10-2{number}T00:00:00Z",
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": "ledger",
                    "uid": "uid-ledger",
                    "controller": True,
                }
            ],
        }
        data = {"spec": {"template": {**template(memory), "$patch": "replace"}}}
        objects.append(
            body("ControllerRevision", f"ledger-{number}", api="apps/v1", revision=number, data=data, metadata=metadata)
        )
    async with kubernetes(tmp_path, *objects) as (_, source):
        changes = (await source.answer(RolloutQuery("rollouts", subject("StatefulSet", "ledger")))).of(Change)
    assert changes[-1].summary == "rollout 2: memory limit 1Gi → 2Gi"


async def test_distinct_log_lines_are_counted_and_redacted(tmp_path: Path) -> None:
    secret = "hunter" + "2hunter2"
    lines = [
        ["2026-10-21T02:10:00Z", "2026-10-21 02:10:00,1 ERROR ledger refused"],
        ["2026-10-21T02:11:00Z", "2026-10-21 02:11:00,2 ERROR ledger refused"],
        ["2026-10-21T02:12:00Z", f"DB_PASSWORD={secret} is wrong"],
    ]
    query = ContainerLogQuery("log", POD, "app", previous=True)
    async with kubernetes(tmp_path, crashing_pod(), logs={f"{POD.name}/app/previous": lines}) as (_, source):
        patterns = (await source.answer(query)).of(LogPattern)
    assert (patterns[0].template, patterns[0].count) == ("ERROR ledger refused", 2)
    assert patterns[0].origin == "previous"
    assert patterns[0].first_seen is not None
    assert patterns[0].first_seen.isoformat() == "2026-10-21T02:10:00+00:00"
    assert len(patterns[0].examples) == 2
    assert secret not in repr(patterns)


async def test_a_container_that_never_ran_before_has_no_previous_log_and_that_is_no_gap(tmp_path: Path) -> None:
    pod = crashing_pod(containerStatuses=[{"name": "app", "restartCount": 0, "state": {"running": {}}}])
    async with kubernetes(tmp_path, pod) as (_, source):
        answer = await source.answer(ContainerLogQuery("log", POD, "app", previous=True))
    assert (answer.items, answer.gaps) == ((), ())


async def test_a_service_of_the_workloads_name_is_seen_although_it_selects_nothing(tmp_path: Path) -> None:
    wrong = body("Service", "checkout", spec={"selector": {"app": "chekout"}, "ports": [{"port": 80}]})
    right = body("Service", "checkout-metrics", spec={"selector": {"app": "checkout"}, "ports": [{"port": 9}]})
    other = body("Service", "cart", spec={"selector": {"app": "cart"}, "ports": [{"port": 80}]})
    headless = body("Service", "external", spec={"ports": [{"port": 80}]})
    async with kubernetes(tmp_path, wrong, right, other, headless) as (_, source):
        answer = await source.answer(ServicesQuery("services", CHECKOUT, (("app", "checkout"),)))
    names = {s.subject.name for s in answer.of(ObjectState) if s.subject.kind == "Service"}
    assert names == {"checkout", "checkout-metrics"}


async def test_quotas_say_what_is_used(tmp_path: Path) -> None:
    quota = body("ResourceQuota", "compute", status={"hard": {"pods": "10"}, "used": {"pods": "10"}})
    async with kubernetes(tmp_path, quota) as (_, source):
        (state,) = (await source.answer(QuotaQuery("quotas", CHECKOUT))).of(ObjectState)
    assert state.body["status"] == {"hard": {"pods": "10"}, "used": {"pods": "10"}}
