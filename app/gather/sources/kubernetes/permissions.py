"""What Sitrep must be allowed to do in a cluster, and which of it is not allowed: every verb is tried, by reading.

A SelfSubjectAccessReview would tell as well, but it is a POST, and we send no cluster what it could take for a write.
A list is asked for one object. One object is asked for by a name that nobody has: 404 says that it may be read.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from app.domain.diagnosis import Diagnosis
from app.gather.sources.kubernetes.cluster_shapes import Page
from app.gather.sources.kubernetes.connection import Ask, Connection, decoded
from app.gather.sources.kubernetes.kinds import KINDS, collection_path, object_path
from app.gather.sources.kubernetes.refusals import RefusedError
from app.gather.sources.kubernetes.watched_fields import FIELDS

FORBIDDEN, NOT_FOUND = 403, 404
AT_ONCE = 8
NOBODY = "sitrep-asks-whether-it-may"
# Where no namespace is named, one stands for all: what is granted in the whole cluster is granted there.
ANY_NAMESPACE = "default"
POD_LOGS = "pods/log"
_NEVER_LISTED = frozenset({"Namespace", "StorageClass"})
_ONLY_LISTED = frozenset({"Event", "ResourceQuota", "EndpointSlice", "ControllerRevision", "HTTPRoute"})
_ONLY_WATCHED = frozenset(
    {"Ingress", "NetworkPolicy", "PodDisruptionBudget", "Application", "HelmRelease", "Kustomization"}
)
# What few clusters have, or a policy may well withhold: that it is missing is worth a word and no more.
_OPTIONAL = frozenset({"ConfigMap", "HTTPRoute", "Rollout", "Application", "HelmRelease", "Kustomization"})


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One verb on one resource; `namespace` is empty for the whole cluster. `path` is how it is tried."""

    namespace: str
    verb: str
    resource: str
    path: str
    optional: bool = False


def needs(namespaces: tuple[str, ...], *, pod_logs: bool) -> tuple[Need, ...]:
    """All that is asked for: in these namespaces, or in the whole cluster where none is named."""
    found: list[Need] = []
    for namespace in namespaces or ("",):
        for kind in KINDS:
            found.extend(_of_kind(kind, namespace, limited=bool(namespaces)))
        if pod_logs:
            path = object_path("Pod", namespace or ANY_NAMESPACE, NOBODY) + "/log"
            found.append(Need(namespace, "get", POD_LOGS, path))
    return tuple(dict.fromkeys(found))


def _of_kind(kind: str, namespace: str, *, limited: bool) -> Iterator[Need]:
    """Whoever may read some namespaces only is not expected to read what lies in none."""
    entry = KINDS[kind]
    resource = f"{entry.plural}.{entry.group}" if entry.group else entry.plural
    optional = kind in _OPTIONAL or (limited and not entry.namespaced and kind != "Namespace")
    place = namespace if entry.namespaced or kind == "Namespace" else ""
    if kind not in _NEVER_LISTED:
        yield Need(place, "list", resource, collection_path(kind, namespace) + "?limit=1", optional)
    if kind in FIELDS and (entry.namespaced or not limited):
        yield Need(place, "watch", resource, collection_path(kind, namespace) + "?limit=1", optional)
    if kind not in _ONLY_LISTED | _ONLY_WATCHED:
        name = place if place and kind == "Namespace" else NOBODY
        yield Need(place, "get", resource, object_path(kind, namespace or ANY_NAMESPACE, name), optional)


async def missing(connection: Connection, wanted: Iterable[Need]) -> tuple[Need, ...]:
    """Those that are refused. Raises `SourceError` where the API server does not even answer that."""
    places = asyncio.Semaphore(AT_ONCE)

    async def refused(need: Need) -> bool:
        async with places:
            try:
                await _try(connection, need)
            except RefusedError as error:
                if error.status not in {FORBIDDEN, NOT_FOUND}:
                    raise
                return error.status == FORBIDDEN
        return False

    asked = tuple(wanted)
    answers = await asyncio.gather(*(refused(need) for need in asked))
    lacking = [need for need, is_refused in zip(asked, answers, strict=True) if is_refused]
    # What may not even be listed is told once.
    unlisted = {(need.namespace, need.resource) for need in lacking if need.verb == "list"}
    return tuple(need for need in lacking if need.verb != "watch" or (need.namespace, need.resource) not in unlisted)


async def _try(connection: Connection, need: Need) -> None:
    """One request. Raises `RefusedError`; a watch begins now, so that it has nothing to tell, and is not waited for."""
    path, _, limit = need.path.partition("?limit=")
    ask = Ask(path, f"{need.verb} {need.resource}", (("limit", limit),) if limit else ())
    body = await connection.get(ask)
    if need.verb == "watch":
        metadata = decoded(body, Page).metadata
        version = (metadata.resource_version if metadata else None) or ""
        watch = (("watch", "true"), ("resourceVersion", version), ("timeoutSeconds", "1"))
        await connection.begin(replace(ask, params=watch))


def told(source: str, lacking: Iterable[Need]) -> tuple[Diagnosis, ...]:
    """A line for each verb in each place, with the resources that it is missing on and the fix."""

    def line_of(need: Need) -> tuple[str, bool, str, bool]:
        return need.namespace, need.optional, need.verb, need.resource == POD_LOGS

    groups = groupby(sorted(lacking, key=line_of), key=line_of)
    return tuple(_line(source, list(group)) for _, group in groups)


def _line(source: str, lacking: list[Need]) -> Diagnosis:
    first = lacking[0]
    resources = ", ".join(need.resource for need in lacking)
    where = f"in namespace {first.namespace}" if first.namespace else "in the cluster"
    statement = f"may not {first.verb} {resources} {where}"
    role = f"a Role in {first.namespace}" if first.namespace else "a ClusterRole"
    fix = f"grant {first.verb} on {resources} to Sitrep's service account by {role}, as the chart does"
    if first.resource == POD_LOGS:
        fix += "; if that is meant so, set SITREP_KUBERNETES_POD_LOGS=off (chart: rbac.podLogs)"
    elif first.optional:
        fix = f"if that is meant so, nothing; it stays unseen. Else {fix}"
    elif not first.namespace:
        fix += "; or name the namespaces that may be read in SITREP_KUBERNETES_NAMESPACES (chart: namespaces)"
    return Diagnosis(source, healthy=first.optional, statement=statement, fix=fix)
