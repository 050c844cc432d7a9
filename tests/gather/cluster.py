"""A small cluster for gather's tests, as the API spells it, and a source that talks to its stand-in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.subject import Subject
from app.gather.sources.kubernetes import KubernetesSource
from app.gather.sources.kubernetes.connection import Connection
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording

NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)
Body = dict[str, Any]


def subject(kind: str, name: str, namespace: str = "shop") -> Subject:
    return Subject("prod", namespace, kind, name)


CHECKOUT = subject("Deployment", "checkout")
POD = subject("Pod", "checkout-7c5f46fc47-xh86l")


def controlled_by(kind: str, name: str) -> list[Body]:
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def body(kind: str, name: str, *, api: str = "v1", **parts: object) -> Body:
    """`metadata` is added to name, namespace and uid; the other parts stand as they are."""
    metadata = {"name": name, "uid": f"uid-{name}", **parts.pop("metadata", {})}
    if kind not in {"Node", "PersistentVolume"}:
        metadata.setdefault("namespace", "shop")
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}


def template(memory: str = "256Mi", image: str = "shop/checkout:1.4.2", **container: object) -> Body:
    app = {"name": "app", "image": image, "resources": {"limits": {"memory": memory}}, **container}
    return {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [app]}}


def deployment(**metadata: object) -> Body:
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}}, "template": template()}
    status = {
        "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "True", "lastUpdateTime": "2026-10-21T02:02:30Z"}],
    }
    return body("Deployment", "checkout", api="apps/v1", spec=spec, status=status, metadata=metadata)


def replica_set(name: str, revision: int, created: str, *, memory: str = "256Mi", history: str = "") -> Body:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    if history:
        annotations["deployment.kubernetes.io/revision-history"] = history
    metadata = {
        "labels": {"app": "checkout"},
        "annotations": annotations,
        "creationTimestamp": created,
        "ownerReferences": controlled_by("Deployment", "checkout"),
    }
    image = f"shop/checkout:1.4.{revision}"
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "checkout"}}, "template": template(memory, image)}
    return body("ReplicaSet", name, api="apps/v1", spec=spec, status={}, metadata=metadata)


def crashing_pod(name: str = "checkout-7c5f46fc47-xh86l", **status: object) -> Body:
    metadata = {
        "labels": {"app": "checkout"},
        "ownerReferences": controlled_by("ReplicaSet", name.rpartition("-")[0]),
    }
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-10-21T02:14:00Z"}
    container = {
        "name": "app",
        "ready": False,
        "restartCount": 6,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": {"terminated": ended},
    }
    spec = {**template()["spec"], "nodeName": "node-3"}
    full = {"phase": "Running", "podIP": "10.0.3.17", "containerStatuses": [container], **status}
    return body("Pod", name, spec=spec, status=full, metadata=metadata)


def event(kind: str, name: str, reason: str, **fields: object) -> Body:
    involved = {"kind": kind, "name": name, "namespace": "shop"}
    times = {"firstTimestamp": "2026-10-21T02:04:00Z", "lastTimestamp": "2026-10-21T02:15:00Z", "count": 4}
    base = {"type": "Warning", "reason": reason, "message": f"{reason} of {name}", **times, **fields}
    return body("Event", f"{name}.{reason}", involvedObject=involved, **base)


def shop(*more: Body) -> tuple[Body, ...]:
    """A Deployment whose second rollout halved its memory limit, and one of its pods."""
    return (
        deployment(managedFields=[{"manager": "helm", "operation": "Update", "time": "2026-10-21T02:00:00Z"}]),
        replica_set("checkout-6d9f7c8b5", 1, "2026-10-01T10:00:00Z", memory="512Mi"),
        replica_set("checkout-7c5f46fc47", 2, "2026-10-21T02:00:00Z"),
        crashing_pod(),
        body("Node", "node-3", spec={}, status={"conditions": [{"type": "Ready", "status": "True"}]}),
        event("Pod", "checkout-7c5f46fc47-xh86l", "BackOff"),
        *more,
    )


@asynccontextmanager
async def kubernetes(
    folder: Path, *objects: Body, logs: object = None, timeout_seconds: float = 5
) -> AsyncIterator[tuple[FakeKubernetes, KubernetesSource]]:
    """The stand-in and a source connected to it."""
    async with FakeKubernetes(Recording(now=NOW, objects=objects, logs=logs or {})) as fake:
        config = str(fake.kubeconfig(folder / "kubeconfig"))
        connection = await Connection.open(context="", config_file=config, timeout_seconds=timeout_seconds)
        assert connection is not None
        source = KubernetesSource(connection)
        try:
            yield fake, source
        finally:
            await source.aclose()
