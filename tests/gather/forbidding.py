"""A cluster that forbids, and what is then said of it."""

from dataclasses import dataclass

from app.domain.query import (
    ContainerLogQuery,
    EventQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    Query,
    QuotaQuery,
    ReferencesQuery,
    RolloutQuery,
    ServicesQuery,
)
from tests.gather.cluster import CHECKOUT, POD, body, shop, subject

NODE, SHOP = subject("Node", "node-3", ""), subject("Namespace", "shop", "")
APP = (("app", "checkout"),)


@dataclass(frozen=True)
class Case:
    """A question, what it needs, and what a reader is told where that is not granted."""

    query: Query
    resource: str
    said: str


CASES = {
    "object": Case(ObjectQuery("q", CHECKOUT), "deployments", "read Deployment shop/checkout"),
    "node": Case(ObjectQuery("q", NODE), "nodes", "read Node node-3"),
    "objects": Case(ObjectsQuery("q", subject("Node", "", "")), "nodes", "list nodes"),
    "objects of a namespace": Case(
        ObjectsQuery("q", subject("StatefulSet", "")), "statefulsets", "list statefulsets in shop"
    ),
    "pods": Case(PodsQuery("q", CHECKOUT, APP), "pods", "list pods in shop"),
    "pods of a node": Case(PodsQuery("q", NODE), "pods", "list pods"),
    "pods of a namespace": Case(PodsQuery("q", SHOP), "pods", "list pods in shop"),
    "events": Case(EventQuery("q", POD), "events", "list events in shop"),
    "events of a node": Case(EventQuery("q", NODE), "events", "list events in default"),
    "rollouts": Case(RolloutQuery("q", CHECKOUT), "deployments", "read Deployment shop/checkout"),
    "replica sets": Case(RolloutQuery("q", CHECKOUT), "replicasets", "list replicasets in shop"),
    "revisions": Case(
        RolloutQuery("q", subject("StatefulSet", "db")), "controllerrevisions", "list controllerrevisions in shop"
    ),
    "services": Case(ServicesQuery("q", CHECKOUT, APP), "services", "list services in shop"),
    "back ends": Case(ServicesQuery("q", CHECKOUT, APP), "endpointslices", "list endpointslices in shop"),
    "quotas": Case(QuotaQuery("q", SHOP), "resourcequotas", "list resourcequotas in shop"),
    "logs": Case(ContainerLogQuery("q", POD, "app", previous=False), "pods/log", "read logs in shop"),
    "previous logs": Case(ContainerLogQuery("q", POD, "app", previous=True), "pods/log", "read logs in shop"),
    "what it refers to": Case(
        ReferencesQuery("q", CHECKOUT, (("ConfigMap", "settings"),)), "configmaps", "read ConfigMap shop/settings"
    ),
    "an object without a namespace": Case(
        ObjectQuery("q", subject("Deployment", "checkout", "")), "deployments", "list deployments"
    ),
}
OBJECTS = (
    *shop(),
    body("Service", "checkout", spec={"selector": {"app": "checkout"}, "ports": [{"port": 80}]}),
    body("ConfigMap", "settings", data={"level": "info"}),
    body("StatefulSet", "db", api="apps/v1", spec={"selector": {"matchLabels": {"app": "db"}}}, status={}),
)
