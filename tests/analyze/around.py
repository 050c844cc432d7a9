"""Builders of what stands around shop/checkout: Services, doors, callers, guards."""

from collections.abc import Sequence
from typing import Any

from app.domain.evidence import ObjectState
from app.domain.subject import Subject
from tests.builders import CLUSTER, Body, pod, state


def about(kind: str, name: str, namespace: str = "shop") -> Subject:
    return Subject(CLUSTER, namespace, kind, name)


def thing(kind: str, name: str, namespace: str = "shop", **parts: Any) -> ObjectState:  # noqa: ANN401 - JSON
    return state(about(kind, name, namespace), {"metadata": {"name": name}, **parts})


def service(name: str, *, port: int = 8080, namespace: str = "shop", selects: str | None = None) -> ObjectState:
    spec = {"selector": {"app": selects or name}, "ports": [{"port": port}]}
    return thing("Service", name, namespace, spec=spec)


def workload(name: str, *, kind: str = "Deployment", ready: int = 1, **container: object) -> ObjectState:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", **container}]}}
    return thing(kind, name, spec={"replicas": 1, "template": template}, status={"readyReplicas": ready})


def calling(name: str, **variables: str) -> ObjectState:
    return workload(name, env=[{"name": key, "value": value} for key, value in variables.items()])


def ingress(host: str, *leads: tuple[str, str], name: str = "front") -> ObjectState:
    paths = [{"path": path, "backend": {"service": {"name": service}}} for path, service in leads]
    return thing("Ingress", name, spec={"rules": [{"host": host, "http": {"paths": paths}}]})


def route(hosts: Sequence[str], *backends: Body, path: str = "/") -> ObjectState:
    rules = [{"matches": [{"path": {"value": path}}], "backendRefs": list(backends)}]
    return thing("HTTPRoute", "front", spec={"hostnames": list(hosts), "rules": rules})


def autoscaler(reason: str = "", *, active: str = "True", now: int = 4, most: int = 4) -> ObjectState:
    limited = {
        "type": "ScalingLimited",
        "status": "True" if reason else "False",
        "reason": reason or "DesiredWithinRange",
    }
    conditions = [limited, {"type": "ScalingActive", "status": active, "reason": "FailedGetResourceMetric"}]
    return thing(
        "HorizontalPodAutoscaler",
        "checkout",
        spec={"maxReplicas": most, "scaleTargetRef": {"kind": "Deployment", "name": "checkout"}},
        status={"currentReplicas": now, "desiredReplicas": now, "conditions": conditions},
    )


def budget(allowed: int, *, healthy: int = 1, wanted: int = 1) -> ObjectState:
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": wanted}
    return thing(
        "PodDisruptionBudget", "checkout", spec={"selector": {"matchLabels": {"app": "checkout"}}}, status=status
    )


def slices(name: str, *ready: str) -> ObjectState:
    """`ready` in words: yes, no, or unsaid."""
    said = {"yes": True, "no": False, "unsaid": None}
    ends = [{"addresses": ["10.0.0.1"], "conditions": {"ready": said[one]}} for one in ready]
    body = {"metadata": {"labels": {"kubernetes.io/service-name": name}}, "endpoints": ends}
    return state(about("EndpointSlice", f"{name}-x2x9z"), body)


def pod_with_claim() -> ObjectState:
    return pod(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
