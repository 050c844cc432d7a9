"""The pods of a workload, a node or a namespace, the worst first and not all of a thousand."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.domain.evidence import Evidence, Gap
from app.domain.query import ObjectsQuery, PodsQuery
from app.gather.sources.kubernetes.bodies import as_state
from app.gather.sources.kubernetes.cluster_shapes import Claim, Node
from app.gather.sources.kubernetes.connection import Connection
from app.gather.sources.kubernetes.shapes import Pod, Thing, Workload

MAX_SICK = 100
# The healthy ones are there for comparison.
MAX_WELL = 30
MAX_NAMED = 5
_FINISHED = "Succeeded"


async def pods_evidence(connection: Connection, query: PodsQuery, now: datetime) -> Evidence:
    """At most 100 sick pods and 30 healthy ones; sick ones that were left out are a gap."""
    subject = query.subject
    namespace, params = subject.namespace, _params(query)
    if subject.kind == "Namespace":
        namespace = subject.name
    if not params and subject.kind not in {"Node", "Namespace"}:
        return Evidence()
    things, cut = await connection.list_objects("Pod", namespace, params)
    found = _evidence([_slim(thing) for thing in things], query, now, cut=cut)
    if namespace or not connection.namespaces:
        return found
    return found + Evidence(gaps=(Gap("kubernetes", query.question, only_some(connection.namespaces)),))


def only_some(namespaces: Sequence[str]) -> str:
    """What a gap says of a look into all namespaces where only these may be read."""
    more = f" and {len(namespaces) - MAX_NAMED} more" if len(namespaces) > MAX_NAMED else ""
    return f"only in {', '.join(namespaces[:MAX_NAMED])}{more}: no others may be read"


async def objects_evidence(connection: Connection, query: ObjectsQuery, now: datetime) -> Evidence:
    """At most 100 sick objects of a kind and 30 healthy ones."""
    things, cut = await connection.list_objects(query.subject.kind, query.subject.namespace)
    return _evidence(things, query, now, cut=cut)


def _evidence(things: list[Thing], query: PodsQuery | ObjectsQuery, now: datetime, *, cut: bool) -> Evidence:
    kind = "Pod" if isinstance(query, PodsQuery) else query.subject.kind
    sick = [thing for thing in things if not _is_well(thing)]
    kept = [*sick[:MAX_SICK], *[thing for thing in things if _is_well(thing)][:MAX_WELL]]
    states = tuple(as_state(thing, kind, query.subject.cluster, now) for thing in kept)
    return Evidence(items=states, gaps=_left_out(query.question, len(things), len(sick), cut=cut))


def _params(query: PodsQuery) -> tuple[tuple[str, str], ...]:
    if query.subject.kind == "Node":
        return (("fieldSelector", f"spec.nodeName={query.subject.name}"),)
    if query.match_labels:
        return (("labelSelector", ",".join(f"{name}={value}" for name, value in query.match_labels)),)
    return ()


def _left_out(question: str, seen: int, sick: int, *, cut: bool) -> tuple[Gap, ...]:
    if cut:
        return (Gap("kubernetes", question, f"only the first {seen} were read"),)
    return (
        (Gap("kubernetes", question, f"only {MAX_SICK} of {sick} unhealthy ones were kept"),) if sick > MAX_SICK else ()
    )


def _is_well(thing: Thing) -> bool:
    if isinstance(thing, Pod):
        return _is_well_pod(thing)
    if isinstance(thing, Workload):
        status = thing.status
        wanted = (
            (thing.spec.replicas if thing.spec else None) or (status.desired_number_scheduled if status else 0) or 0
        )
        have = (status.available_replicas or status.number_available or 0) if status else 0
        return have >= wanted
    if isinstance(thing, Node):
        conditions = (thing.status.conditions if thing.status else None) or ()
        return all((c.status == "True") == (c.type == "Ready") for c in conditions) and not (
            thing.spec and (thing.spec.unschedulable or thing.spec.taints)
        )
    return isinstance(thing, Claim) and thing.status is not None and thing.status.phase == "Bound"


def _is_well_pod(pod: Pod) -> bool:
    status = pod.status
    if status is None or pod.metadata.deletion_timestamp:
        return False
    ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions or ())
    return status.phase == _FINISHED or (ready and all(not c.restart_count for c in status.container_statuses or ()))


def _slim(thing: Thing) -> Thing:
    """Without what the workload's template says already and no judgement reads from a pod."""
    if isinstance(thing, Pod):
        return msgspec.structs.replace(thing, metadata=msgspec.structs.replace(thing.metadata, managed_fields=None))
    return thing
