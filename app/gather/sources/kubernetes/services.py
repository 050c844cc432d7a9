"""The Services of a namespace that matter to a workload, and how many of their back ends are ready."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
from app.domain.query import ServicesQuery
from app.gather.sources.kubernetes.bodies import as_state
from app.gather.sources.kubernetes.cluster_shapes import Service
from app.gather.sources.kubernetes.connection import Connection
from app.gather.sources.kubernetes.shapes import Thing

MAX_SERVICES = 60
MAX_SLICES = 120
_SERVICE_LABEL = "kubernetes.io/service-name"


async def services_evidence(connection: Connection, query: ServicesQuery, now: datetime) -> Evidence:
    """Services whose selector takes the pod's labels, or that bear the workload's name; all for a Namespace."""
    subject = query.subject
    namespace = subject.name if subject.kind == "Namespace" else subject.namespace
    things, _ = await connection.list_objects("Service", namespace)
    labels = dict(query.match_labels)
    kept = [thing for thing in things if isinstance(thing, Service) and _matters(thing, query, labels)][:MAX_SERVICES]
    states = [as_state(thing, "Service", subject.cluster, now) for thing in kept]
    if not kept:
        return Evidence()
    try:
        slices = await _slices(connection, namespace, [thing.metadata.name for thing in kept])
    except SourceError as error:
        return Evidence(items=tuple(states), gaps=(Gap("kubernetes", f"back ends of {subject}", str(error)),))
    return Evidence.seen([*states, *(as_state(thing, "EndpointSlice", subject.cluster, now) for thing in slices)])


def _matters(service: Service, query: ServicesQuery, labels: Mapping[str, str]) -> bool:
    # A Service whose selector is wrong selects nothing: its name is the only trace to the workload.
    if query.subject.kind == "Namespace" or service.metadata.name == query.subject.name:
        return True
    selector = (service.spec.selector if service.spec else None) or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


async def _slices(connection: Connection, namespace: str, names: Sequence[str]) -> list[Thing]:
    selector = f"{_SERVICE_LABEL} in ({','.join(names)})"
    things, _ = await connection.list_objects("EndpointSlice", namespace, (("labelSelector", selector),))
    return things[:MAX_SLICES]
