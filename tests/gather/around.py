"""A shop of workloads and Services, and what a plan asks after it has seen some of them."""

from app.domain.query import (
    ObjectsQuery,
)
from app.domain.subject import Subject
from tests.gather.cluster import Body, body


def workload(name: str, kind: str = "Deployment", *, ready: int = 1, **spec: object) -> Body:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", **spec}]}}
    return body(
        kind,
        name,
        api="apps/v1",
        spec={"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        status={"availableReplicas": ready},
    )


def service(name: str, port: int = 8080) -> Body:
    return body("Service", name, spec={"selector": {"app": name}, "ports": [{"port": port}]})


def listed(kind: str) -> ObjectsQuery:
    return ObjectsQuery("list", Subject("prod", "shop", kind, ""))


def env(**variables: str) -> dict[str, object]:
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


def mesh(caller: str, called: str) -> dict[str, str]:
    return {
        "__name__": "istio_requests_total",
        "source_workload": caller,
        "source_workload_namespace": "shop",
        "destination_workload": called,
        "destination_workload_namespace": "shop",
        "response_code": "200",
    }
