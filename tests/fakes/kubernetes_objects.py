"""The objects of a stand-in cluster by resource, with what a real API server always fills in."""

import copy
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.recording import Object


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one API group version; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def prefix(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


def _resources(group: str, version: str, *kinds: str, namespaced: bool = True) -> list[Resource]:
    return [Resource(group, version, plural_of(kind), kind, namespaced) for kind in kinds]


def plural_of(kind: str) -> str:
    """The resource's name for a kind."""
    lower = kind.lower()
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    if lower == "endpoints":
        return lower
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


BUILT_IN: tuple[Resource, ...] = (
    *_resources("", "v1", "Pod", "Event", "Service", "Endpoints", "PersistentVolumeClaim", "ConfigMap", "Secret"),
    *_resources("", "v1", "ResourceQuota", "LimitRange", "ServiceAccount"),
    *_resources("", "v1", "Node", "Namespace", "PersistentVolume", namespaced=False),
    *_resources("apps", "v1", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"),
    *_resources("batch", "v1", "Job", "CronJob"),
    *_resources("autoscaling", "v2", "HorizontalPodAutoscaler"),
    *_resources("policy", "v1", "PodDisruptionBudget"),
    *_resources("discovery.k8s.io", "v1", "EndpointSlice"),
    *_resources("networking.k8s.io", "v1", "Ingress", "NetworkPolicy"),
    *_resources("storage.k8s.io", "v1", "StorageClass", namespaced=False),
)


class ObjectStore:
    """All objects by (resource, namespace, name), each change under a new resource version."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.resources: dict[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in BUILT_IN}
        self.version = 1000
        self._items: dict[Resource, dict[tuple[str, str], Object]] = {}
        for item in objects:
            self.put(item)
        self._derive_namespaces()
        self._derive_slices()

    def resource(self, prefix: str, plural: str) -> Resource | None:
        return next((r for r in self.resources.values() if r.prefix == prefix and r.plural == plural), None)

    def put(self, item: Object) -> Object:
        """Adds or replaces; gives back the stored copy."""
        stored = completed(item)
        resource = self._resource_of(stored)
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        self._items.setdefault(resource, {})[_key(stored)] = stored
        return stored

    def drop(self, item: Object) -> Object:
        """Removes; the copy handed out carries the version of the removal, as a watch shows it."""
        self.version += 1
        gone = self._items[self._resource_of(item)].pop(_key(item))
        return {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        return self._items.get(resource, {}).get((namespace, name))

    def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """In order of namespace and name, as etcd keeps them."""
        found = self._items.get(resource, {})
        return [item for key, item in sorted(found.items()) if not namespace or key[0] == namespace]

    def _resource_of(self, item: Object) -> Resource:
        key = (item["apiVersion"], item["kind"])
        if key not in self.resources:
            group, _, version = item["apiVersion"].rpartition("/")
            namespaced = "namespace" in item["metadata"]
            self.resources[key] = Resource(group, version, plural_of(item["kind"]), item["kind"], namespaced)
        return self.resources[key]

    def _derive_namespaces(self) -> None:
        names = {key[0] for found in self._items.values() for key in found if key[0]} | {"default", "kube-system"}
        namespaces = self.resources["v1", "Namespace"]
        for name in sorted(names):
            if self.get(namespaces, "", name) is None:
                body: Object = {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
                self.put({"apiVersion": "v1", "kind": "Namespace", **body, "status": {"phase": "Active"}})

    def _derive_slices(self) -> None:
        if self.list(self.resources["discovery.k8s.io/v1", "EndpointSlice"]):
            return
        pods = {pod["status"].get("podIP"): pod for pod in self.list(self.resources["v1", "Pod"])}
        for endpoints in self.list(self.resources["v1", "Endpoints"]):
            self.put(_slice_of(endpoints, pods))


def uid_of(kind: str, namespace: str, name: str) -> str:
    """A uid that is the same whenever the same object is served."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}"))


def completed(item: Object) -> Object:
    """A copy with uids on the object, its owners and what an event is about, where the recording has none."""
    stored = copy.deepcopy(item)
    stored["apiVersion"] = _RIGHT_VERSIONS.get((stored["apiVersion"], stored["kind"]), stored["apiVersion"])
    metadata = stored["metadata"]
    namespace = metadata.get("namespace", "")
    metadata.setdefault("uid", uid_of(stored["kind"], namespace, metadata["name"]))
    for owner in metadata.get("ownerReferences") or ():
        owner.setdefault("apiVersion", _OWNER_VERSIONS.get(owner["kind"], "v1"))
        owner.setdefault("uid", uid_of(owner["kind"], "" if owner["kind"] == "Node" else namespace, owner["name"]))
    if stored["kind"] == "Event" and "name" in (about := stored.get("involvedObject", {})):
        # The kubelet and the node controller put the node's name where its uid should be.
        known = about["name"] if about.get("kind") == "Node" else ""
        about.setdefault("uid", known or uid_of(about.get("kind", ""), about.get("namespace", ""), about["name"]))
    return stored


_RIGHT_VERSIONS = {("v1", "StorageClass"): "storage.k8s.io/v1"}  # recordings write all that is not apps as v1
_OWNER_VERSIONS = dict.fromkeys(("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"), "apps/v1") | {
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _slice_of(endpoints: Object, pods: Mapping[str, Object]) -> Object:
    metadata = endpoints["metadata"]
    name = metadata["name"]
    ready: list[dict[str, Any]] = []
    ports: list[dict[str, Any]] = []
    for subset in endpoints.get("subsets") or ():
        ports = subset.get("ports") or ports
        ready += [_endpoint(address, pods.get(address["ip"]), ready=True) for address in subset.get("addresses") or ()]
        ready += [
            _endpoint(address, pods.get(address["ip"]), ready=False)
            for address in subset.get("notReadyAddresses") or ()
        ]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/service-name": name}
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "controller": True}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{uid_of('EndpointSlice', '', name)[:5]}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner],
        },
        "addressType": "IPv4",
        "endpoints": ready,
        "ports": ports,
    }


def _endpoint(address: dict[str, Any], pod: Object | None, *, ready: bool) -> dict[str, Any]:
    conditions = {"ready": ready, "serving": ready, "terminating": False}
    body: dict[str, Any] = {"addresses": [address["ip"]], "conditions": conditions}
    if pod is not None:
        about = {name: pod["metadata"][name] for name in ("name", "namespace", "uid")}
        body |= {"targetRef": {"kind": "Pod", **about}, "nodeName": pod["spec"].get("nodeName", "")}
    return body
