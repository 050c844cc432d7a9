"""A watch sees all that there is, then each change, whatever breaks in between; values that may be secret stay away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import SourceError
from app.domain.watched import Gone, Sight, Watched, Whole
from app.gather.sources.kubernetes import Connection
from app.gather.sources.kubernetes.watch import Watch, Way
from app.gather.sources.kubernetes.watched import Reader
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording
from tests.gather.cluster import NOW, body, deployment, subject, template

pytestmark = pytest.mark.anyio
KEY = b"k" * 32
PASSWORD = "hunter" + "2hunter2"


class Eye:
    """One watch, read step by step."""

    def __init__(self, watch: Watch) -> None:
        self._sights = watch.follow()

    async def next(self) -> Sight:
        """The next thing that it sees; bookmarks aside."""
        async with asyncio.timeout(5):
            while True:
                sight = await anext(self._sights)
                if sight != ():
                    return sight

    async def one(self) -> Watched | Gone:
        sight = await self.next()
        assert isinstance(sight, tuple)
        (item,) = sight
        return item

    async def all(self) -> list[Watched]:
        """Everything up to the end of the list."""
        found: list[Any] = []
        while not isinstance(sight := await self.next(), Whole):
            found.extend(sight)
        assert {item.subject for item in found} == sight.subjects
        return found

    async def aclose(self) -> None:
        await self._sights.aclose()


@asynccontextmanager
async def watching(
    folder: Path, kind: str, *objects: dict[str, Any], open_config: tuple[str, ...] = (), namespace: str = ""
) -> AsyncIterator[tuple[FakeKubernetes, Eye]]:
    async with FakeKubernetes(Recording(NOW, objects)) as cluster:
        config = cluster.kubeconfig(folder / "config")
        connection = await Connection.open(context="", config_file=str(config), timeout_seconds=5.0)
        assert connection
        eye = Eye(Watch(Way(connection, Reader("prod", KEY, open_config)), kind, namespace))
        async with aclosing(connection), aclosing(eye):
            yield cluster, eye


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return body("ConfigMap", name, data=data)


async def test_it_sees_everything_and_then_each_change(tmp_path: Path) -> None:
    async with watching(tmp_path, "Deployment", deployment()) as (cluster, eye):
        (first,) = await eye.all()
        assert first.subject == subject("Deployment", "checkout")
        assert first.fields["containers[app].resources.limits.memory"].shown == "256Mi"
        changed = deployment()
        changed["spec"]["template"] = template("128Mi")
        cluster.put(changed)
        second = await eye.one()
        assert isinstance(second, Watched)
        assert second.fields["containers[app].resources.limits.memory"].shown == "128Mi"
        cluster.drop(changed)
        assert isinstance(await eye.one(), Gone)


async def test_very_many_come_page_by_page(tmp_path: Path) -> None:
    many = [config_map(f"settings-{number:03}", key="x") for number in range(60)]
    async with watching(tmp_path, "ConfigMap", *many) as (_, eye):
        pages = [await eye.next() for _ in range(3)]
        assert [len(page) for page in pages if isinstance(page, tuple)] == [25, 25, 10]
        whole = await eye.next()
        assert isinstance(whole, Whole)
        assert len(whole.subjects) == 60


async def test_when_its_place_in_history_is_gone_it_lists_anew(tmp_path: Path) -> None:
    async with watching(tmp_path, "Service", body("Service", "checkout", spec={"selector": {"app": "a"}})) as (
        cluster,
        eye,
    ):
        await eye.all()
        cluster.put(body("Service", "checkout", spec={"selector": {"app": "b"}}))
        await eye.one()
        cluster.hub.forget()
        cluster.put(body("Service", "cart", spec={"selector": {"app": "c"}}))
        assert {item.subject.name for item in await eye.all()} == {"checkout", "cart"}


async def test_a_watch_that_broke_goes_on_from_where_it_was(tmp_path: Path) -> None:
    async with FakeKubernetes(Recording(NOW, [deployment()])) as cluster:
        config = cluster.kubeconfig(tmp_path / "config")
        connection = await Connection.open(context="", config_file=str(config), timeout_seconds=5.0)
        assert connection
        async with aclosing(connection):
            watch = Watch(Way(connection, Reader("prod", KEY)), "Deployment")
            async with aclosing(Eye(watch)) as eye:
                await eye.all()
                cluster.put(deployment(labels={"a": "b"}))
                await eye.one()
            cluster.drop(deployment())
            async with aclosing(Eye(watch)) as again:
                # What nobody is known to have taken in is told once more.
                assert [type(await again.one()) for _ in range(2)] == [Watched, Gone]


async def test_what_may_not_be_watched_is_named(tmp_path: Path) -> None:
    async with watching(tmp_path, "ConfigMap", namespace="shop") as (cluster, eye):
        cluster.forbidden.add("configmaps")
        with pytest.raises(SourceError, match=r"no permission to list configmaps in shop \(403\)"):
            await eye.next()


async def test_a_config_maps_values_are_marked_and_not_kept(tmp_path: Path) -> None:
    async with watching(tmp_path, "ConfigMap", config_map(level="debug", password=PASSWORD)) as (cluster, eye):
        (first,) = await eye.all()
        assert first.fields.keys() == {"data[level]", "data[password]"}
        assert "debug" not in repr(first)
        assert PASSWORD not in repr(first)
        cluster.put(config_map(level="info", password=PASSWORD))
        second = await eye.one()
        assert isinstance(second, Watched)
        assert second.fields["data[level]"] != first.fields["data[level]"]
        assert second.fields["data[password]"] == first.fields["data[password]"]


async def test_a_config_maps_value_is_shown_where_that_is_wanted(tmp_path: Path) -> None:
    allowed = ("shop/settings/level",)
    async with watching(tmp_path, "ConfigMap", config_map(level="debug", other="x"), open_config=allowed) as (_, eye):
        (only,) = await eye.all()
        assert only.fields["data[level]"].shown == "debug"
        assert only.fields["data[other]"].shown.startswith("#")


async def test_what_replicas_elect_their_leader_in_has_no_fields(tmp_path: Path) -> None:
    leader = config_map(holder="pod-1")
    leader["metadata"]["annotations"] = {"control-plane.alpha.kubernetes.io/leader": "{}"}
    async with watching(tmp_path, "ConfigMap", leader) as (_, eye):
        (only,) = await eye.all()
        assert only.fields == {}


async def test_the_environments_secrets_are_marked_and_not_kept(tmp_path: Path) -> None:
    one = deployment()
    one["spec"]["template"] = template(env=[{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "MODE", "value": "a"}])
    async with watching(tmp_path, "Deployment", one) as (_, eye):
        (only,) = await eye.all()
    assert PASSWORD not in repr(only)
    assert only.fields["containers[app].env[DB_PASSWORD]"].mark
    assert only.fields["containers[app].env[MODE]"].shown == "a"


async def test_cordon_and_taints_of_people_are_seen_and_what_a_node_feels_is_not(tmp_path: Path) -> None:
    taints = [
        {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"},
    ]
    info = {"kubeletVersion": "v1.36.1", "bootID": "b1", "machineID": "m"}
    node = body("Node", "node-3", spec={"unschedulable": True, "taints": taints}, status={"nodeInfo": info})
    async with watching(tmp_path, "Node", node) as (_, eye):
        (only,) = await eye.all()
    assert {path: one.shown for path, one in only.fields.items()} == {
        "unschedulable": "true",
        "taints[dedicated:NoSchedule]": "gpu",
        "kubeletVersion": "v1.36.1",
        "bootID": "b1",
    }


@pytest.mark.parametrize(
    ("manager", "subresource", "unmeant"),
    [("kube-controller-manager", "scale", True), ("kubectl", "scale", False), ("kube-controller-manager", "", False)],
)
async def test_who_set_the_replicas_is_known(tmp_path: Path, manager: str, subresource: str, unmeant: bool) -> None:  # noqa: FBT001
    entries = [
        {"manager": "helm", "operation": "Apply", "time": "2026-10-20T10:00:00Z"},
        {"manager": manager, "operation": "Update", "time": "2026-10-21T02:00:00Z", "subresource": subresource},
        {"manager": manager, "operation": "Update", "time": "2026-10-21T02:10:00Z", "subresource": "status"},
    ]
    async with watching(tmp_path, "Deployment", deployment(managedFields=entries)) as (_, eye):
        (only,) = await eye.all()
    assert only.actor == manager
    assert only.edited_at
    assert only.edited_at.isoformat() == "2026-10-21T02:00:00+00:00"
    assert ("replicas" in only.unmeant) is unmeant


KINDS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "StatefulSet": (
        body("StatefulSet", "db", api="apps/v1", spec={"replicas": 2, "serviceName": "db", "template": template()}),
        {"replicas", "serviceName", "containers[app].image", "containers[app].resources.limits.memory"},
    ),
    "CronJob": (
        body(
            "CronJob",
            "nightly",
            api="batch/v1",
            spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template()}}},
        ),
        {"schedule", "containers[app].image", "containers[app].resources.limits.memory"},
    ),
    "Service": (
        body("Service", "cart", spec={"selector": {"app": "cart"}, "clusterIP": "10.0.0.1", "ports": [{"port": 80}]}),
        {"selector", "ports[80]"},
    ),
    "Ingress": (
        body(
            "Ingress",
            "shop",
            api="networking.k8s.io/v1",
            spec={"rules": [{"host": "shop.test", "http": {"paths": [{"path": "/cart", "backend": {"service": {}}}]}}]},
        ),
        {"rules[shop.test/cart]"},
    ),
    "HorizontalPodAutoscaler": (
        body("HorizontalPodAutoscaler", "cart", api="autoscaling/v2", spec={"minReplicas": 1, "maxReplicas": 4}),
        {"minReplicas", "maxReplicas"},
    ),
    "PodDisruptionBudget": (
        body("PodDisruptionBudget", "cart", api="policy/v1", spec={"minAvailable": 1}),
        {"minAvailable"},
    ),
    "ResourceQuota": (body("ResourceQuota", "compute", spec={"hard": {"cpu": "4"}}), {"hard[cpu]"}),
    "NetworkPolicy": (
        body("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
        {"policyTypes"},
    ),
    "ServiceAccount": (
        body("ServiceAccount", "cart", imagePullSecrets=[{"name": "pull"}]),
        {"exists", "imagePullSecrets"},
    ),
    "PersistentVolumeClaim": (
        body("PersistentVolumeClaim", "data", spec={"storageClassName": "fast", "volumeName": "pv-1"}),
        {"storageClassName", "volumeName"},
    ),
    "Application": (
        body(
            "Application",
            "shop",
            api="argoproj.io/v1alpha1",
            spec={"source": {"repoURL": "https://git.test/shop", "targetRevision": "main"}},
            status={"history": [{"revision": "abc1"}, {"revision": "abc2"}], "sync": {"status": "Synced"}},
        ),
        {"source[0].repoURL", "source[0].targetRevision", "deployed.revision"},
    ),
    "HelmRelease": (
        body(
            "HelmRelease",
            "shop",
            api="helm.toolkit.fluxcd.io/v2",
            spec={"values": {"password": PASSWORD}},
            status={"history": [{"chartVersion": "1.2.3", "status": "deployed"}, {"chartVersion": "1.2.2"}]},
        ),
        {"values", "deployed.chartVersion"},
    ),
    "Kustomization": (
        body(
            "Kustomization",
            "shop",
            api="kustomize.toolkit.fluxcd.io/v1",
            spec={"path": "./prod"},
            status={"lastAppliedRevision": "main@sha1:abc"},
        ),
        {"path", "deployed.lastAppliedRevision"},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_of_each_kind_the_fields_that_people_set_are_known(tmp_path: Path, kind: str) -> None:
    thing, paths = KINDS[kind]
    async with watching(tmp_path, kind, thing) as (_, eye):
        (only,) = await eye.all()
    assert only.fields.keys() == paths
    assert PASSWORD not in repr(only)
