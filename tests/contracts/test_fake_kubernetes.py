"""The stand-in Kubernetes API keeps the rules that cost days where they are forgotten."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import SYNTHETIC_SECRETS, Object, Recording

pytestmark = pytest.mark.anyio
PODS = "/api/v1/namespaces/shop/pods"
KILLED = "checkout-7d9f8b6c5f-x2x7k"
STEADY = "checkout-7d9f8b6c5f-t4vfd"


def two_containers(name: str = "pair-6f5d-aaaaa", state: Object | None = None) -> Object:
    status = [
        {"name": c, "restartCount": 0, "state": state or {"running": {}}, "lastState": {}} for c in ("app", "side")
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "pair"}},
        "spec": {"containers": [{"name": "app"}, {"name": "side"}], "nodeName": "worker-1"},
        "status": {"phase": "Running", "containerStatuses": status},
    }


@pytest.fixture
async def kubernetes() -> AsyncIterator[FakeKubernetes]:
    async with FakeKubernetes(Recording.named("checkout_oom")) as server:
        yield server


async def get(server: FakeKubernetes, path: str, **headers: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(server.url + path, headers=headers) as response:
        text = await response.text()
        is_json = response.content_type == "application/json"
        return response.status, json.loads(text) if is_json else text


def names(listing: Object) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


@pytest.mark.parametrize(
    ("selector", "apps"),
    [
        ("app=checkout", {"checkout"}),
        ("app==checkout", {"checkout"}),
        ("app!=checkout", {"frontend", "payments"}),
        ("app in (checkout, payments)", {"checkout", "payments"}),
        ("app notin (checkout, payments)", {"frontend"}),
        ("pod-template-hash", {"checkout", "frontend", "payments"}),
        ("!pod-template-hash", set()),
        ("app,app!=frontend,app notin (payments)", {"checkout"}),
    ],
)
async def test_a_label_selector_chooses_as_the_api_does(
    kubernetes: FakeKubernetes, selector: str, apps: set[str]
) -> None:
    status, listing = await get(kubernetes, f"{PODS}?labelSelector={selector}")
    assert status == 200
    assert {item["metadata"]["labels"]["app"] for item in listing["items"]} == apps


async def test_a_label_selector_that_cannot_be_read_is_a_400(kubernetes: FakeKubernetes) -> None:
    status, body = await get(kubernetes, f"{PODS}?labelSelector=app=(")
    assert (status, body["reason"]) == (400, "BadRequest")
    assert "unable to parse requirement" in body["message"]


async def test_field_selectors_combine_and_negate(kubernetes: FakeKubernetes) -> None:
    path = "/api/v1/pods?fieldSelector=spec.nodeName=worker-1,metadata.namespace=shop,metadata.name!=" + KILLED
    _, listing = await get(kubernetes, path)
    assert names(listing)
    assert KILLED not in names(listing)
    assert {item["spec"]["nodeName"] for item in listing["items"]} == {"worker-1"}


async def test_a_field_that_the_type_cannot_be_asked_for_is_a_400(kubernetes: FakeKubernetes) -> None:
    status, body = await get(kubernetes, f"{PODS}?fieldSelector=status.reason=Evicted")
    assert status == 400
    assert "field label not supported: status.reason" in body["message"]


async def test_events_are_found_by_name_and_by_the_uid_that_the_pod_has(kubernetes: FakeKubernetes) -> None:
    _, pod = await get(kubernetes, f"{PODS}/{KILLED}")
    by_name = f"involvedObject.kind=Pod,involvedObject.name={KILLED}"
    for selector in (by_name, f"{by_name},involvedObject.uid={pod['metadata']['uid']}"):
        _, listing = await get(kubernetes, f"/api/v1/namespaces/shop/events?fieldSelector={selector}")
        assert {item["reason"] for item in listing["items"]} == {"BackOff", "Unhealthy", "Pulled"}


async def test_pages_follow_each_other_until_there_is_no_token(kubernetes: FakeKubernetes) -> None:
    _, whole = await get(kubernetes, PODS)
    found, token = [], ""
    while True:
        _, page = await get(kubernetes, f"{PODS}?limit=3" + (f"&continue={token}" if token else ""))
        found += names(page)
        assert len(page["items"]) <= 3
        if not (token := page["metadata"].get("continue", "")):
            break
    assert found == names(whole)


async def test_an_old_page_token_is_a_410_that_carries_a_fresh_one(kubernetes: FakeKubernetes) -> None:
    _, whole = await get(kubernetes, PODS)
    _, first = await get(kubernetes, f"{PODS}?limit=2")
    kubernetes.expire_pages()
    status, body = await get(kubernetes, f"{PODS}?limit=2&continue={first['metadata']['continue']}")
    assert (status, body["reason"], body["kind"]) == (410, "Expired", "Status")
    status, second = await get(kubernetes, f"{PODS}?limit=2&continue={body['metadata']['continue']}")
    assert (status, names(second)) == (200, names(whole)[2:4])


async def test_a_page_token_that_is_nonsense_is_a_400(kubernetes: FakeKubernetes) -> None:
    status, body = await get(kubernetes, f"{PODS}?continue=nonsense")
    assert (status, body["reason"]) == (400, "BadRequest")


async def test_what_is_not_there_is_told_in_the_apis_words(kubernetes: FakeKubernetes) -> None:
    status, body = await get(kubernetes, "/apis/apps/v1/namespaces/shop/deployments/nothing")
    assert (status, body["message"]) == (404, 'deployments.apps "nothing" not found')
    status, body = await get(kubernetes, "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods")
    assert (status, body) == (404, "404 page not found\n")
    status, body = await get(kubernetes, "/api/v1/namespaces/shop/gadgets")
    assert (status, body["message"]) == (404, "the server could not find the requested resource")


async def test_what_is_forbidden_is_a_403_that_names_verb_resource_and_place(kubernetes: FakeKubernetes) -> None:
    kubernetes.forbidden = {"nodes", "pods/log", "other:pods"}
    status, body = await get(kubernetes, "/api/v1/nodes/worker-1")
    assert (status, body["reason"]) == (403, "Forbidden")
    assert 'cannot get resource "nodes" in API group "" at the cluster scope' in body["message"]
    assert (await get(kubernetes, f"{PODS}/{STEADY}/log"))[0] == 403
    assert (await get(kubernetes, f"{PODS}/{STEADY}"))[0] == 200
    assert (await get(kubernetes, "/api/v1/namespaces/other/pods"))[0] == 403
    assert (await get(kubernetes, PODS))[0] == 200


async def test_a_busy_server_answers_429_as_text_with_retry_after(kubernetes: FakeKubernetes) -> None:
    kubernetes.throttled = 1
    async with aiohttp.ClientSession() as session, session.get(kubernetes.url + PODS) as response:
        assert (response.status, response.headers["Retry-After"], response.content_type) == (429, "1", "text/plain")
    assert (await get(kubernetes, PODS))[0] == 200


async def test_a_token_is_checked_and_the_kubeconfig_holds_it(tmp_path: Path) -> None:
    async with FakeKubernetes(Recording.named("checkout_oom"), token="of-the-test") as server:
        config = yaml.safe_load(server.kubeconfig(tmp_path / "config").read_text(encoding="utf-8"))
        assert config["clusters"][0]["cluster"]["server"] == server.url
        token = config["users"][0]["user"]["token"]
        assert (await get(server, PODS))[0] == 401
        assert (await get(server, PODS, Authorization=f"Bearer {token}"))[0] == 200


async def test_a_write_is_refused_and_remembered(kubernetes: FakeKubernetes) -> None:
    async with aiohttp.ClientSession() as session, session.delete(f"{kubernetes.url}{PODS}/{KILLED}") as response:
        assert response.status == 405
    assert kubernetes.writes == [("DELETE", f"{PODS}/{KILLED}")]
    assert (await get(kubernetes, f"{PODS}/{KILLED}"))[0] == 200


async def test_metadata_only_answers_hold_no_spec(kubernetes: FakeKubernetes) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    _, listing = await get(kubernetes, PODS, Accept=accept)
    assert listing["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in listing["items"])


async def test_items_of_a_list_carry_no_kind_but_a_single_object_does(kubernetes: FakeKubernetes) -> None:
    _, listing = await get(kubernetes, PODS)
    _, pod = await get(kubernetes, f"{PODS}/{KILLED}")
    assert all("kind" not in item and "apiVersion" not in item for item in listing["items"])
    assert (pod["kind"], pod["apiVersion"]) == ("Pod", "v1")


async def test_owners_lead_to_the_uid_of_the_deployment(kubernetes: FakeKubernetes) -> None:
    apps = "/apis/apps/v1/namespaces/shop"
    _, pod = await get(kubernetes, f"{PODS}/{KILLED}")
    _, owner = await get(kubernetes, f"{apps}/replicasets/{pod['metadata']['ownerReferences'][0]['name']}")
    _, root = await get(kubernetes, f"{apps}/deployments/checkout")
    assert pod["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
    assert owner["metadata"]["ownerReferences"][0]["uid"] == root["metadata"]["uid"]


async def test_endpoint_slices_are_told_from_endpoints(kubernetes: FakeKubernetes) -> None:
    path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?labelSelector=kubernetes.io/service-name=checkout"
    _, listing = await get(kubernetes, path)
    ready = {e["targetRef"]["name"]: e["conditions"]["ready"] for e in listing["items"][0]["endpoints"]}
    assert ready == {STEADY: True, KILLED: False, "checkout-7d9f8b6c5f-k9wqp": False}


async def test_a_pod_log_needs_the_containers_name_where_there_are_two(kubernetes: FakeKubernetes) -> None:
    kubernetes.put(two_containers())
    status, body = await get(kubernetes, f"{PODS}/pair-6f5d-aaaaa/log")
    message = "a container name must be specified for pod pair-6f5d-aaaaa, choose one of: [app side]"
    assert (status, body["message"]) == (400, message)
    assert (await get(kubernetes, f"{PODS}/pair-6f5d-aaaaa/log?container=side"))[0] == 200
    status, body = await get(kubernetes, f"{PODS}/pair-6f5d-aaaaa/log?container=nothing")
    assert (status, body["message"]) == (400, "container nothing is not valid for pod pair-6f5d-aaaaa")


async def test_a_previous_log_without_a_previous_run_is_a_400(kubernetes: FakeKubernetes) -> None:
    status, body = await get(kubernetes, f"{PODS}/{STEADY}/log?previous=true")
    message = f'previous terminated container "app" in pod "{STEADY}" not found'
    assert (status, body["message"]) == (400, message)


async def test_a_container_that_never_ran_is_waiting_to_start(kubernetes: FakeKubernetes) -> None:
    kubernetes.put(two_containers("pair-6f5d-bbbbb", {"waiting": {"reason": "ImagePullBackOff"}}))
    status, body = await get(kubernetes, f"{PODS}/pair-6f5d-bbbbb/log?container=app")
    said = 'container "app" in pod "pair-6f5d-bbbbb" is waiting to start: trying and failing to pull image'
    assert (status, body["message"]) == (400, said)


async def test_a_container_that_waits_after_a_run_shows_that_run(kubernetes: FakeKubernetes) -> None:
    _, previous = await get(kubernetes, f"{PODS}/{KILLED}/log?previous=true")
    assert "GC cannot keep up" in previous
    assert all(secret in previous for secret in SYNTHETIC_SECRETS.values())
    assert (await get(kubernetes, f"{PODS}/{KILLED}/log"))[1] == previous


async def test_a_log_is_cut_from_its_start_by_bytes_and_from_its_end_by_lines(kubernetes: FakeKubernetes) -> None:
    _, whole = await get(kubernetes, f"{PODS}/{STEADY}/log")
    _, tail = await get(kubernetes, f"{PODS}/{STEADY}/log?tailLines=2")
    _, cut = await get(kubernetes, f"{PODS}/{STEADY}/log?tailLines=2&limitBytes=10")
    assert tail.splitlines() == whole.splitlines()[-2:]
    assert cut == tail[:10]


async def test_a_log_can_be_asked_since_a_moment_and_with_times(kubernetes: FakeKubernetes) -> None:
    _, stamped = await get(kubernetes, f"{PODS}/{STEADY}/log?timestamps=true")
    moment, line = stamped.splitlines()[-3].split(" ", 1)
    _, since = await get(kubernetes, f"{PODS}/{STEADY}/log?sinceTime={moment}")
    assert since.splitlines()[0] == line
    assert len(since.splitlines()) == 3
    status, _ = await get(kubernetes, f"{PODS}/{STEADY}/log?sinceTime={moment}&sinceSeconds=5")
    assert status == 422


async def test_a_watch_shows_what_is_there_then_what_changes_then_a_bookmark(kubernetes: FakeKubernetes) -> None:
    path = f"{PODS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=5&labelSelector=app=pair"
    async with aiohttp.ClientSession() as session, session.get(kubernetes.url + path) as response:
        assert json.loads(await response.content.readline())["type"] == "BOOKMARK"
        added = kubernetes.put(two_containers())
        assert json.loads(await response.content.readline())["type"] == "ADDED"
        assert json.loads(await response.content.readline())["type"] == "BOOKMARK"
        kubernetes.drop(added)
        gone = json.loads(await response.content.readline())
        assert (gone["type"], gone["object"]["metadata"]["name"]) == ("DELETED", "pair-6f5d-aaaaa")


async def test_a_watch_from_a_version_that_is_forgotten_gets_a_410_in_its_stream(kubernetes: FakeKubernetes) -> None:
    _, listing = await get(kubernetes, PODS)
    kubernetes.hub.forget()
    path = f"{PODS}?watch=true&resourceVersion={listing['metadata']['resourceVersion']}"
    async with aiohttp.ClientSession() as session, session.get(kubernetes.url + path) as response:
        event = json.loads(await response.content.readline())
    assert (response.status, event["type"], event["object"]["code"]) == (200, "ERROR", 410)


async def test_a_recording_can_be_moved_to_the_present() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    before, moved = Recording.named("checkout_oom"), Recording.named("checkout_oom", now=now)
    assert moved.now == now

    def age(recording: Recording) -> float:
        pod = next(pod for pod in recording.of_kind("Pod") if pod["metadata"]["name"] == KILLED)
        created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
        return (recording.now - created).total_seconds()

    assert age(before) == age(moved)
    payload = moved.payload("checkout_oom")
    assert payload["alerts"][0]["startsAt"] == "2029-12-31T23:56:00Z"
    assert payload["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
