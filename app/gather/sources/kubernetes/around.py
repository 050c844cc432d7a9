"""What stands around a workload: what leads to it and binds it, by namespace; what it refers to, by name."""

import asyncio
from datetime import datetime

import msgspec

from app.domain.addresses import Ports, addresses_in, service_of
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap, ObjectState, evidence_id
from app.domain.query import ObjectsQuery, ReferencesQuery
from app.domain.subject import Subject
from app.gather.sources.kubernetes.bodies import as_state
from app.gather.sources.kubernetes.cluster_shapes import Service
from app.gather.sources.kubernetes.connection import Ask, Connection, decoded
from app.gather.sources.kubernetes.kinds import KINDS, object_path
from app.gather.sources.kubernetes.policy_shapes import ConfigMap, ConfigMapText
from app.gather.sources.kubernetes.refusals import RefusedError
from app.gather.sources.kubernetes.shapes import Thing

AROUND = frozenset({"Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget"})
# Installed by choice: who has them not, or may not see them, misses nothing that anybody promised.
_BY_CHOICE = frozenset({"HTTPRoute"})
MAX_THINGS = 80
MAX_KEYS_READ = 60
_NOT_FOUND, _FORBIDDEN = 404, 403


async def around_evidence(connection: Connection, query: ObjectsQuery, now: datetime) -> Evidence:
    """At most eighty of a namespace; nothing, and no gap, where the kind is not installed."""
    kind = query.subject.kind
    if connection.lacks(kind):
        return Evidence()
    try:
        things, _ = await connection.list_objects(kind, query.subject.namespace)
    except RefusedError as error:
        if kind not in _BY_CHOICE or error.status not in {_NOT_FOUND, _FORBIDDEN}:
            raise
        if error.status == _NOT_FOUND:
            connection.found_lacking(kind)
        return Evidence()
    states = tuple(as_state(_slim(thing), kind, query.subject.cluster, now) for thing in things[:MAX_THINGS])
    left_out = Gap("kubernetes", query.question, f"only {MAX_THINGS} of {len(things)} were kept")
    return Evidence(items=states, gaps=(left_out,) if len(things) > MAX_THINGS else ())


async def references_evidence(connection: Connection, query: ReferencesQuery, now: datetime) -> Evidence:
    """Each that is there, and `absent` for each that is not; what may not be seen is a gap of its own."""
    found = await asyncio.gather(*(_reference(connection, query, one, now) for one in query.names))
    return sum(found, Evidence())


async def _reference(connection: Connection, query: ReferencesQuery, named: tuple[str, str], now: datetime) -> Evidence:
    kind, name = named
    about = Subject(query.subject.cluster, query.subject.namespace, kind, name)
    path = object_path(kind, about.namespace, name)
    try:
        body = await connection.get(Ask(path, f"read {kind} {about}"))
        thing = await _config_map(connection, body, about) if kind == "ConfigMap" else decoded(body, KINDS[kind].shape)
    except RefusedError as error:
        if error.object_missing:
            return Evidence.seen([_absent(about, now)])
        return Evidence(gaps=(Gap("kubernetes", query.question, str(error)),))
    except SourceError as error:
        return Evidence(gaps=(Gap("kubernetes", query.question, str(error)),))
    return Evidence.seen([as_state(_slim(thing), kind, about.cluster, now)])


def _absent(about: Subject, now: datetime) -> ObjectState:
    """What was asked for by name and is not there: a thing to know, not a thing that could not be seen."""
    identity = evidence_id("object", about.cluster, about.namespace, about.kind, about.name)
    return ObjectState(identity, about, now, {"kind": about.kind, "absent": True})


async def _config_map(connection: Connection, body: bytes, about: Subject) -> ConfigMap:
    """Its keys, and which Services of its namespace their values name: the values end here."""
    text = decoded(body, ConfigMapText)
    thing = decoded(body, ConfigMap)
    try:
        services, _ = await connection.list_objects("Service", about.namespace)
    except SourceError:
        return thing
    ports = {about.namespace: _ports(services)}
    thing.calls = await asyncio.to_thread(_calls, text, about.namespace, ports) or None
    return thing


def _calls(text: ConfigMapText, namespace: str, services: dict[str, Ports]) -> dict[str, list[str]]:
    calls: dict[str, list[str]] = {}
    for key, value in list((text.data or {}).items())[:MAX_KEYS_READ]:
        found = (service_of(address, namespace, services) for address in addresses_in(value, key))
        named = [f"{name}.{place}.svc" for place, name in filter(None, found) if place in services]
        if named:
            calls[key] = list(dict.fromkeys(named))
    return calls


def _ports(services: list[Thing]) -> Ports:
    return {
        thing.metadata.name: {port.port for port in (thing.spec.ports if thing.spec else None) or () if port.port}
        for thing in services
        if isinstance(thing, Service)
    }


def _slim(thing: Thing) -> Thing:
    """Without what tells who wrote it: the journal knows."""
    thing.metadata = msgspec.structs.replace(thing.metadata, managed_fields=None)
    return thing
