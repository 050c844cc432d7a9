"""Events as the API keeps them (an hour, lossy, unsorted) → `ClusterEvent`s, newest last."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.evidence import ClusterEvent, evidence_id
from app.domain.subject import Subject
from app.gather.sources.kubernetes.bodies import clean
from app.gather.sources.kubernetes.cluster_shapes import Event
from app.gather.sources.kubernetes.kinds import KINDS
from app.gather.sources.kubernetes.shapes import Thing
from app.gather.sources.kubernetes.times import parse_time

MAX_EVENTS = 300


def selector_of(subject: Subject) -> str:
    """The field selector of the events about one object."""
    return f"involvedObject.kind={subject.kind},involvedObject.name={subject.name}"


def namespace_of(subject: Subject) -> str:
    """Where its events live: those about cluster-scoped objects in `default`; empty is everywhere."""
    if subject.kind == "Namespace":
        return subject.name
    kind = KINDS.get(subject.kind)
    return "default" if kind is not None and not kind.namespaced else subject.namespace


def as_cluster_events(things: Iterable[Thing], cluster: str) -> tuple[ClusterEvent, ...]:
    """Warnings are kept before normal ones where there are too many; then by time."""
    events = [as_cluster_event(thing, cluster) for thing in things if isinstance(thing, Event)]
    seen = [event for event in events if event is not None]
    seen.sort(key=lambda event: (event.warning, event.at))
    return tuple(sorted(seen[-MAX_EVENTS:], key=lambda event: event.at))


def as_cluster_event(event: Event, cluster: str) -> ClusterEvent | None:
    """One event; None for one without any time."""
    at = last_time(event)
    if at is None:
        return None
    involved = event.involved_object
    kind = KINDS.get(involved.kind)
    namespaced = kind.namespaced if kind else True
    subject = Subject(cluster, involved.namespace or "" if namespaced else "", involved.kind, involved.name)
    message = clean(event.message or "")
    component = (event.source.component if event.source else None) or event.reporting_component or ""
    unique = event.metadata.uid or (event.metadata.namespace, event.metadata.name, event.reason, message)
    return ClusterEvent(
        id=evidence_id("event", cluster, unique),
        subject=subject,
        at=at,
        first_at=min(at, first_time(event) or at),
        reason=(event.reason or "")[:200],
        message=message,
        warning=event.type == "Warning",
        count=_count(event),
        source=component[:100],
    )


def last_time(event: Event) -> datetime | None:
    """When it was last seen, whichever of the six fields says so."""
    series = event.series.last_observed_time if event.series else None
    candidates = (
        series,
        event.last_timestamp,
        event.event_time,
        event.first_timestamp,
        event.metadata.creation_timestamp,
    )
    return next((time for time in map(parse_time, candidates) if time is not None), None)


def first_time(event: Event) -> datetime | None:
    """When it was first seen."""
    candidates = (event.first_timestamp, event.event_time, event.metadata.creation_timestamp)
    return next((time for time in map(parse_time, candidates) if time is not None), None)


def _count(event: Event) -> int:
    return (event.series.count if event.series else None) or event.count or 1
