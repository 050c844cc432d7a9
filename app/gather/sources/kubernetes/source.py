"""The Kubernetes source: answers queries from the API server, read-only."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
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
from app.gather.sources.kubernetes.around import AROUND, around_evidence, references_evidence
from app.gather.sources.kubernetes.bodies import as_state
from app.gather.sources.kubernetes.connection import Ask, Connection
from app.gather.sources.kubernetes.events import as_cluster_events, namespace_of, selector_of
from app.gather.sources.kubernetes.kinds import KINDS, object_path
from app.gather.sources.kubernetes.logs import as_patterns, params_of, says_no_log
from app.gather.sources.kubernetes.permissions import missing, needs, told
from app.gather.sources.kubernetes.pods import objects_evidence, only_some, pods_evidence
from app.gather.sources.kubernetes.refusals import RefusedError
from app.gather.sources.kubernetes.rollouts import rollout_evidence
from app.gather.sources.kubernetes.services import services_evidence
from app.gather.sources.kubernetes.watch import Watch, Way
from app.gather.sources.kubernetes.watched import Reader
from app.gather.sources.kubernetes.watched_fields import FIELDS
from app.settings import Settings

BAD_REQUEST = 400
NO_POD_LOGS = "pod logs are switched off (SITREP_KUBERNETES_POD_LOGS)"
_NOT_THE_API = "is the address in the kubeconfig that of the API server, and not of a proxy or a login page?"

Answerer = Callable[[Any, datetime], Awaitable[Evidence]]


class KubernetesSource:
    """State, events, logs and history of objects of one cluster."""

    name = "kubernetes"

    def __init__(self, connection: Connection, *, pod_logs: bool = True) -> None:
        """`pod_logs`: whether logs may be read; where not, that is said instead of asked."""
        self._connection = connection
        self._pod_logs = pod_logs
        self._answerers: dict[type[Query], Answerer] = {
            ObjectQuery: self._object,
            ObjectsQuery: self._objects,
            ReferencesQuery: lambda query, now: references_evidence(connection, query, now),
            PodsQuery: lambda query, now: pods_evidence(connection, query, now),
            EventQuery: self._events,
            RolloutQuery: lambda query, now: rollout_evidence(connection, query, now),
            ServicesQuery: lambda query, now: services_evidence(connection, query, now),
            QuotaQuery: self._quotas,
            ContainerLogQuery: self._log,
        }

    def accepts(self, query: Query) -> bool:
        """Everything about objects, events and container logs."""
        return type(query) in self._answerers

    async def answer(self, query: Query) -> Evidence:
        """What the API server says. An object that is not there is a gap, not an error."""
        try:
            return await self._answerers[type(query)](query, datetime.now(UTC))
        except RefusedError as error:
            if not error.object_missing:
                raise
            return Evidence(gaps=(Gap(self.name, query.question, missing_reason(query)),))

    async def check(self) -> Diagnosis:
        """Asks for the version, and tries each verb on each resource that questions need."""
        connection = self._connection
        try:
            version = await connection.version()
            wanted = needs(connection.namespaces, pod_logs=self._pod_logs)
            lines = told(self.name, await missing(connection, wanted))
        except RefusedError as error:
            fix = "check the token and the context of the kubeconfig" if error.status in {401, 403} else _NOT_THE_API
            return Diagnosis(self.name, healthy=False, statement=str(error), fix=fix)
        except SourceError as error:
            fix = "check the address and the network" if error.source_is_sick else _NOT_THE_API
            return Diagnosis(self.name, healthy=False, statement=str(error), fix=fix)
        if all(line.healthy for line in lines):
            where = f" in {', '.join(connection.namespaces)}" if connection.namespaces else ""
            logs = "" if self._pod_logs else "; pod logs are switched off"
            statement = f"{version[:40]}; may read all that questions need{where}{logs}"
            return Diagnosis(self.name, healthy=True, statement=statement, parts=lines)
        statement = f"{version[:40]}; not all that questions need may be read"
        return Diagnosis(self.name, healthy=False, statement=statement, fix="see the next lines", parts=lines)

    def watches(self, key: bytes, settings: Settings) -> tuple[Watch, ...]:
        """Everything that people change."""
        way = Way(self._connection, Reader(settings.cluster, key, tuple(settings.configmap_values)))
        return tuple(Watch(way, kind, namespace) for kind in FIELDS for namespace in self._watched(kind))

    def _watched(self, kind: str) -> tuple[str, ...]:
        """Where objects of a kind are followed: everywhere, or in each namespace that may be read."""
        namespaces = self._connection.namespaces
        if KINDS[kind].namespaced:
            return namespaces or ("",)
        return () if namespaces else ("",)

    async def aclose(self) -> None:
        """Give connections back."""
        await self._connection.aclose()

    async def _object(self, query: ObjectQuery, now: datetime) -> Evidence:
        subject = query.subject
        if subject.kind not in KINDS or not subject.name:
            return Evidence()
        if KINDS[subject.kind].namespaced and not subject.namespace:
            return await self._anywhere(query, now)
        path = object_path(subject.kind, subject.namespace, subject.name)
        thing = await self._connection.get_object(subject.kind, path, f"read {subject.kind} {subject}")
        return Evidence.seen([as_state(thing, subject.kind, subject.cluster, now)])

    async def _objects(self, query: ObjectsQuery, now: datetime) -> Evidence:
        look = around_evidence if query.subject.kind in AROUND else objects_evidence
        return await look(self._connection, query, now)

    async def _anywhere(self, query: ObjectQuery, now: datetime) -> Evidence:
        """An alert may name no namespace: the object counts if there is only one of that name."""
        subject = query.subject
        things, _ = await self._connection.list_objects(
            subject.kind, "", (("fieldSelector", f"metadata.name={subject.name}"),)
        )
        if len(things) == 1:
            return Evidence.seen([as_state(things[0], subject.kind, subject.cluster, now)])
        reason = f"{len(things)} of that name, in several namespaces" if things else missing_reason(query)
        if self._connection.namespaces:
            reason = f"{reason}; {only_some(self._connection.namespaces)}"
        return Evidence(gaps=(Gap(self.name, query.question, reason),))

    async def _events(self, query: EventQuery, _now: datetime) -> Evidence:
        subject = query.subject
        params = () if subject.kind == "Namespace" else (("fieldSelector", selector_of(subject)),)
        things, _ = await self._connection.list_objects("Event", namespace_of(subject), params)
        return Evidence.seen(as_cluster_events(things, subject.cluster))

    async def _quotas(self, query: QuotaQuery, now: datetime) -> Evidence:
        subject = query.subject
        namespace = subject.name if subject.kind == "Namespace" else subject.namespace
        things, _ = await self._connection.list_objects("ResourceQuota", namespace)
        return Evidence.seen(as_state(thing, "ResourceQuota", subject.cluster, now) for thing in things)

    async def _log(self, query: ContainerLogQuery, _now: datetime) -> Evidence:
        subject = query.subject
        if not self._pod_logs:
            return Evidence(gaps=(Gap(self.name, query.question, NO_POD_LOGS),))
        path = object_path("Pod", subject.namespace, subject.name) + "/log"
        try:
            body = await self._connection.get(Ask(path, f"read logs in {subject.namespace}", params_of(query)))
        except RefusedError as error:
            if error.status == BAD_REQUEST and says_no_log(error.said):
                return Evidence()
            raise
        # Judging thousands of characters takes a while; other answers must not wait for it.
        return Evidence.seen(await asyncio.to_thread(as_patterns, body, query))


def missing_reason(query: Query) -> str:
    """What a gap says about an object that is not there."""
    return f"no such {query.subject.kind} (404)"
