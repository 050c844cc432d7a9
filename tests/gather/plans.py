"""Plans as they stand after what the cluster answered."""

from app.domain.evidence import Evidence, ObjectState
from app.domain.query import (
    ObjectQuery,
    PromQuery,
    Query,
)
from app.domain.subject import Subject
from app.gather.plan import Plan
from app.gather.planner import Planner
from tests.gather.cluster import NOW, Body, subject

REPLICA_SET = subject("ReplicaSet", "checkout-7c5f46fc47")


def seen(*bodies: Body) -> Evidence:
    states = []
    for item in bodies:
        metadata = item["metadata"]
        about = Subject("prod", metadata.get("namespace", ""), item["kind"], metadata["name"])
        states.append(ObjectState(f"e-{about.kind}-{about.name}", about, NOW, item))
    return Evidence.seen(states)


def plan(*subjects: Subject, planner: Planner | None = None) -> Plan:
    return (planner or Planner()).begin((), subjects, NOW)


def ask(about: Subject) -> ObjectQuery:
    return ObjectQuery("state", about)


def subjects_of(queries: tuple[Query, ...], kind: type[Query]) -> set[Subject]:
    return {query.subject for query in queries if type(query) is kind}


def metrics_of(queries: tuple[Query, ...]) -> set[str]:
    return {query.name for query in queries if isinstance(query, PromQuery)}
