"""Builders for made-up recordings: a clock, and Kubernetes objects as an API server would show them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

Object = dict[str, Any]
HERE = Path(__file__).parent
DAY = 86_400
SHOP_PORT = 8080


@dataclass(frozen=True, slots=True)
class Clock:
    """All times of a story are counted from its `now`, in seconds."""

    now: datetime

    def at(self, seconds: float) -> str:
        """RFC 3339, as Kubernetes writes it."""
        return (self.now + timedelta(seconds=seconds)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment's facts, from which its objects are told."""

    name: str
    image: str
    memory: str = "512Mi"
    namespace: str = "shop"
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        return {"app": self.name}

    def template(self, *, image: str = "", memory: str = "", **more: Any) -> Object:  # noqa: ANN401 - any pod field
        container = {
            "name": "app",
            "image": image or self.image,
            "ports": [{"name": "http", "containerPort": SHOP_PORT, "protocol": "TCP"}],
            "env": [{"name": name, "value": value} for name, value in self.env.items()],
            "resources": {
                "requests": {"cpu": "250m", "memory": "256Mi"},
                "limits": {"cpu": "1", "memory": memory or self.memory},
            },
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10},
            "livenessProbe": {"httpGet": {"path": "/livez", "port": "http", "scheme": "HTTP"}, "periodSeconds": 20},
        }
        spec = {"containers": [container], "serviceAccountName": self.name, "restartPolicy": "Always", **more}
        return {"metadata": {"labels": self.labels}, "spec": spec}


def _metadata(workload: Workload, name: str, created: str, **more: Any) -> Object:  # noqa: ANN401 - any field
    return {"name": name, "namespace": workload.namespace, "creationTimestamp": created, **more}


def _owner(kind: str, name: str) -> list[Object]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": True, "blockOwnerDeletion": True}]


def deployment(
    workload: Workload, template: Object, revision: int, times: tuple[str, str], *, ready: tuple[int, int]
) -> Object:
    """`times`: created and last rolled out; `ready`: how many pods are, of how many."""
    created, rolled_out = times
    is_ready, wanted = ready
    complete = is_ready == wanted
    available = {"type": "Available", "status": str(complete), "lastTransitionTime": rolled_out}
    available["reason"] = "MinimumReplicasAvailable" if complete else "MinimumReplicasUnavailable"
    progressing = {"type": "Progressing", "status": "True", "lastUpdateTime": rolled_out, "lastTransitionTime": created}
    progressing["reason"] = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
    metadata = _metadata(workload, workload.name, created, labels=workload.labels, generation=revision)
    metadata["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
    metadata["managedFields"] = [
        {
            "manager": "helm",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": rolled_out,
            "fieldsType": "FieldsV1",
        }
    ]
    status = {"observedGeneration": revision, "replicas": wanted, "updatedReplicas": wanted, "readyReplicas": is_ready}
    status |= {"availableReplicas": is_ready, "conditions": [available, progressing]}
    if not complete:
        status["unavailableReplicas"] = wanted - is_ready
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 2}}
    spec = {"replicas": wanted, "selector": {"matchLabels": workload.labels}, "template": template}
    spec |= {"strategy": strategy, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def replica_set(workload: Workload, template: Object, digest: str, facts: tuple[int, str, int, int]) -> Object:
    """`facts`: revision, created, wanted and ready replicas."""
    revision, created, wanted, ready = facts
    labels = {**workload.labels, "pod-template-hash": digest}
    metadata = _metadata(workload, f"{workload.name}-{digest}", created, labels=labels)
    metadata["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
    metadata["ownerReferences"] = _owner("Deployment", workload.name)
    hashed = {**template, "metadata": {"labels": labels}}
    spec = {"replicas": wanted, "selector": {"matchLabels": labels}, "template": hashed}
    status = {"replicas": wanted, "readyReplicas": ready, "observedGeneration": 1}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec, "status": status}


def pod(workload: Workload, template: Object, name: str, placed: tuple[str, str, str], *, status: Object) -> Object:
    """A pod of a ReplicaSet; `placed`: created, node and pod address; `status`: its container's."""
    created, node, address = placed
    set_name = name.rsplit("-", 1)[0]
    labels = {**workload.labels, "pod-template-hash": set_name.rsplit("-", 1)[1]}
    metadata = _metadata(workload, name, created, labels=labels, ownerReferences=_owner("ReplicaSet", set_name))
    ready = "True" if status.get("ready") else "False"
    kinds = {
        "PodScheduled": "True" if node else "False",
        "Initialized": "True",
        "ContainersReady": ready,
        "Ready": ready,
    }
    conditions = [{"type": kind, "status": value, "lastTransitionTime": created} for kind, value in kinds.items()]
    image = template["spec"]["containers"][0]["image"]
    whole = {"phase": "Running" if status.get("started") else "Pending", "startTime": created}
    whole |= {"conditions": conditions, "qosClass": "Burstable", "podIP": address, "hostIP": ""}
    shown = {key: value for key, value in status.items() if key != "started"}
    whole["containerStatuses"] = [{"name": "app", "image": image, "imageID": "", "lastState": {}, **shown}]
    spec = {**template["spec"], "nodeName": node}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": whole}


def running(since: str, restarts: int = 0) -> Object:
    """The container status of one that runs and is ready."""
    state = {"running": {"startedAt": since}}
    return {"ready": True, "started": True, "restartCount": restarts, "state": state}


def service(workload: Workload, created: str) -> Object:
    ports = [{"name": "http", "port": SHOP_PORT, "targetPort": "http", "protocol": "TCP"}]
    spec = {"selector": workload.labels, "ports": ports, "type": "ClusterIP", "clusterIP": "10.96.14.7"}
    metadata = _metadata(workload, workload.name, created, labels=workload.labels)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}


def endpoints(workload: Workload, pods: Sequence[Object]) -> Object:
    mine = [one for one in pods if one["metadata"]["labels"].get("app") == workload.name and one["status"]["podIP"]]
    chosen: dict[str, list[Object]] = {"addresses": [], "notReadyAddresses": []}
    for one in mine:
        ready = one["status"]["containerStatuses"][0].get("ready")
        chosen["addresses" if ready else "notReadyAddresses"].append({"ip": one["status"]["podIP"]})
    subset = {**{key: value for key, value in chosen.items() if value}, "ports": [{"name": "http", "port": SHOP_PORT}]}
    metadata = {"name": workload.name, "namespace": workload.namespace, "labels": workload.labels}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset] if mine else []}


def ingress(workload: Workload, host: str, created: str) -> Object:
    """The way in from outside, to the Service of that name."""
    backend = {"service": {"name": workload.name, "port": {"number": 8080}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec = {"ingressClassName": "nginx", "rules": [{"host": host, "http": {"paths": paths}}]}
    metadata = _metadata(workload, workload.name, created)
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def budget(workload: Workload, created: str, *, wanted: int, healthy: int) -> Object:
    """How many of its pods must stay, and how many are well."""
    status = {"currentHealthy": healthy, "desiredHealthy": wanted, "expectedPods": 3}
    status["disruptionsAllowed"] = max(healthy - wanted, 0)
    spec = {"minAvailable": wanted, "selector": {"matchLabels": {"app": workload.name}}}
    metadata = _metadata(workload, workload.name, created)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def node(name: str, address: str, created: str, *, heard: str = "", gone_since: str = "") -> Object:
    """A worker: healthy, or unreachable since a time."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastTransitionTime": created}
    if gone_since:
        message = "Kubelet stopped posting node status."
        ready |= {
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": message,
            "lastTransitionTime": gone_since,
        }
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure")
    quiet = "Unknown" if gone_since else "False"
    conditions: list[Object] = [{"type": kind, "status": quiet, "lastTransitionTime": created} for kind in kinds]
    taints = ["node.kubernetes.io/unreachable"] if gone_since else []
    capacity = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{name[-1]}"}
    status = {"conditions": [*conditions, {**ready, "lastHeartbeatTime": heard}], "capacity": capacity}
    status |= {"allocatable": {**capacity, "memory": "30Gi"}, "addresses": [{"type": "InternalIP", "address": address}]}
    spec = {"taints": [{"key": key, "effect": "NoExecute", "timeAdded": gone_since} for key in taints]}
    metadata = {"name": name, "labels": labels, "creationTimestamp": created}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec if taints else {}, "status": status}


def event(about: tuple[str, str, str], reason: str, message: str, seen: tuple[str, str, int], *, source: str) -> Object:
    """`about`: kind, namespace, name. `seen`: first, last, how often. Warnings are told by their reason."""
    kind, namespace, name = about
    first, last, count = seen
    normal = reason in {"ScalingReplicaSet", "Scheduled", "Pulled", "Started", "Created", "Killing", "SuccessfulCreate"}
    suffix = f"{abs(hash_of(reason + message + last)):x}"[:12]
    metadata = {"name": f"{name}.{suffix}", "namespace": namespace or "default", "creationTimestamp": first}
    involved = {"kind": kind, "name": name, **({"namespace": namespace} if namespace else {})}
    body = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": involved}
    body |= {"reason": reason, "message": message, "type": "Normal" if normal else "Warning", "count": count}
    return {**body, "firstTimestamp": first, "lastTimestamp": last, "source": {"component": source}}


def hash_of(text: str) -> int:
    """FNV-1a, 64 bits."""
    return _fnv(text.encode())


def _fnv(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def alert_payload(
    clock: Clock, labels: Mapping[str, str], told: Mapping[str, str], expr: str, *, since: float
) -> Object:
    """What Alertmanager posts for one firing alert, grouped by name and namespace."""
    marked = b"".join(n.encode() + b"\xff" + labels[n].encode() + b"\xff" for n in sorted(labels))
    alert = {"status": "firing", "labels": dict(labels), "annotations": dict(told), "startsAt": clock.at(since)}
    alert |= {"endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{_fnv(marked):016x}"}
    alert["generatorURL"] = f"http://prometheus.example:9090/graph?g0.expr={quote_plus(expr)}&g0.tab=1"
    group = {name: labels[name] for name in ("alertname", "namespace") if name in labels}
    key = ", ".join(f'{name}="{value}"' for name, value in group.items())
    body = {"version": "4", "groupKey": f'{{}}/{{severity=~"warning|critical"}}:{{{key}}}', "truncatedAlerts": 0}
    body |= {"status": "firing", "receiver": "sitrep", "notification_reason": "first notification"}
    body |= {"groupLabels": group, "commonLabels": dict(labels), "commonAnnotations": dict(told), "routeLabels": {}}
    return {**body, "externalURL": "http://alertmanager.example:9093", "alerts": [alert]}


def write(name: str, recording: Object, payload: Object, *, folder: Path = HERE) -> None:
    """Both files of a story, one entry a line where that reads well."""
    (folder / f"{name}.json").write_text(_readable(recording), encoding="utf-8")
    told = json.dumps(payload, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{name}_alert.json").write_text(told, encoding="utf-8")


def _readable(recording: Object) -> str:
    parts = []
    for name, value in recording.items():
        if isinstance(value, list) and value:
            rows = ",\n".join("  " + json.dumps(item, ensure_ascii=False) for item in value)
            parts.append(f" {json.dumps(name)}: [\n{rows}\n ]")
        elif isinstance(value, dict) and any(isinstance(item, list) for item in value.values()):
            rows = ",\n".join(f"  {json.dumps(key)}: {_rows(item)}" for key, item in value.items())
            parts.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(items: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(items, list) or not items:
        return json.dumps(items, ensure_ascii=False)
    return "[\n" + ",\n".join("   " + json.dumps(item, ensure_ascii=False) for item in items) + "\n  ]"
