"""What a question costs, and whose it is when nobody takes it."""

from app.domain.dependencies import CALLS
from app.domain.query import (
    ChangesQuery,
    LogQuery,
    ProbeQuery,
    PromQuery,
    Query,
    ReferencesQuery,
    RolloutQuery,
    ServicesQuery,
)

# Requests to the API server; a rollout's history reads the workload, its revisions and perhaps events.
NOT_CONFIGURED = "not configured"
LOG_STORE = "logs"
"""Whichever log store would answer, where none is configured."""
_CALLS: dict[type[Query], int] = {
    RolloutQuery: 3,
    ServicesQuery: 2,
    PromQuery: 0,
    LogQuery: 0,
    ProbeQuery: 0,
    ChangesQuery: 0,
}
_OTHER_SOURCES: dict[type[Query], str] = {
    PromQuery: "prometheus",
    LogQuery: LOG_STORE,
    ProbeQuery: "",
    ChangesQuery: "",
}


def calls_of(query: Query) -> int:
    """How many requests to the Kubernetes API it makes."""
    return len(query.names) if isinstance(query, ReferencesQuery) else _CALLS.get(type(query), 1)


def kind_of_source(query: Query) -> str:
    """The source that would answer it; empty where nobody misses it.

    Probes are off because somebody wants that, few ship the journals of nodes or count who calls whom, and the journal
    of changes is missing in a single look without a database only.
    """
    if isinstance(query, PromQuery) and query.name == CALLS:
        return ""
    if isinstance(query, LogQuery) and query.subject.kind == "Node":
        return ""
    return _OTHER_SOURCES.get(type(query), "kubernetes")
