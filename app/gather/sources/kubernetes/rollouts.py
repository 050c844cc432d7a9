"""Rollout history: ReplicaSets or ControllerRevisions in their order → `Change`s with a diff."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from app.domain.change import Change
from app.domain.evidence import Evidence, Gap, evidence_id
from app.domain.query import RolloutQuery
from app.domain.subject import Subject
from app.domain.summary import summarize
from app.gather.sources.kubernetes.bodies import as_state, clean
from app.gather.sources.kubernetes.cluster_shapes import ControllerRevision, Event
from app.gather.sources.kubernetes.connection import Connection
from app.gather.sources.kubernetes.events import last_time, selector_of
from app.gather.sources.kubernetes.kinds import object_path
from app.gather.sources.kubernetes.refusals import RefusedError
from app.gather.sources.kubernetes.shapes import PodTemplate, Thing, Workload
from app.gather.sources.kubernetes.templates import diff_templates
from app.gather.sources.kubernetes.times import parse_time

MAX_CHANGES = 3
KEPT_REPLICA_SETS = 2
_REVISION = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")
_REUSED = "deployment.kubernetes.io/revision-history"


@dataclass(frozen=True, slots=True)
class Revision:
    """One generation of a pod template. `reused`: it was rolled back to, so its creation is not its rollout."""

    number: int
    thing: Thing
    template: PodTemplate | None
    created_at: datetime | None
    reused: bool


async def rollout_evidence(connection: Connection, query: RolloutQuery, now: datetime) -> Evidence:
    """The newest three rollouts of a workload, and its newest ReplicaSets."""
    subject = query.subject
    path = object_path(subject.kind, subject.namespace, subject.name)
    workload = await connection.get_object(subject.kind, path, f"read {subject.kind} {subject}")
    if not isinstance(workload, Workload):
        return Evidence()
    labels = dict(query.match_labels) or _match_labels(workload)
    kind = "ReplicaSet" if subject.kind in {"Deployment", "Rollout"} else "ControllerRevision"
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    things, _ = await connection.list_objects(
        kind, subject.namespace, (("labelSelector", selector),) if selector else ()
    )
    revisions = _in_order([thing for thing in things if _is_owned(thing, workload, subject)])
    scaled, unseen = await _scaled(connection, query) if _needs_events(revisions) else ({}, ())
    changes = _changes(revisions, workload, subject, scaled)
    states = [
        as_state(_without_template(revision.thing), "ReplicaSet", subject.cluster, now)
        for revision in revisions[-KEPT_REPLICA_SETS:]
        if kind == "ReplicaSet"
    ]
    return Evidence((*states, *changes), unseen)


def _match_labels(workload: Workload) -> dict[str, str]:
    selector = workload.spec.selector if workload.spec else None
    return dict((selector.match_labels if selector else None) or {})


def _is_owned(thing: Thing, workload: Workload, subject: Subject) -> bool:
    for owner in thing.metadata.owner_references or ():
        if owner.controller and owner.kind == subject.kind and owner.name == subject.name:
            return not (owner.uid and workload.metadata.uid) or owner.uid == workload.metadata.uid
    return False


def _in_order(things: Sequence[Thing]) -> list[Revision]:
    revisions = sorted((_revision(thing) for thing in things), key=lambda revision: revision.number)
    newest: datetime | None = None
    marked = []
    for revision in revisions:
        # Made before a lower revision was: this one was there already, and was rolled back to.
        older = newest is not None and revision.created_at is not None and revision.created_at < newest
        marked.append(replace(revision, reused=revision.reused or older))
        newest = max(filter(None, (newest, revision.created_at)), default=None)
    return marked


def _revision(thing: Thing) -> Revision:
    annotations = thing.metadata.annotations or {}
    created_at = parse_time(thing.metadata.creation_timestamp)
    if isinstance(thing, ControllerRevision):
        spec = thing.data.spec if thing.data else None
        return Revision(thing.revision or 0, thing, spec.template if spec else None, created_at, reused=False)
    text = next((annotations[name] for name in _REVISION if name in annotations), "0")
    template = thing.spec.template if isinstance(thing, Workload) and thing.spec else None
    number = int(text) if text.isascii() and text.isdigit() else 0
    return Revision(number, thing, template, created_at, reused=_REUSED in annotations)


def _needs_events(revisions: Sequence[Revision]) -> bool:
    return any(revision.reused or revision.created_at is None for revision in revisions[-MAX_CHANGES:])


async def _scaled(connection: Connection, query: RolloutQuery) -> tuple[dict[str, list[datetime]], tuple[Gap, ...]]:
    """The scalings; where events may not be read, the rollouts are told all the same."""
    try:
        return await _scalings(connection, query.subject), ()
    except RefusedError as error:
        return {}, (Gap("kubernetes", query.question, f"{error}: times of rollouts back are not sure"),)


async def _scalings(connection: Connection, subject: Subject) -> dict[str, list[datetime]]:
    """When each ReplicaSet was scaled up, by its name, as far as events still tell."""
    things, _ = await connection.list_objects(
        "Event", subject.namespace, (("fieldSelector", selector_of(subject) + ",reason=ScalingReplicaSet"),)
    )
    times: dict[str, list[datetime]] = {}
    for event in things:
        if not isinstance(event, Event) or "caled up replica set " not in (event.message or ""):
            continue
        name = (event.message or "").partition("caled up replica set ")[2].split(" ", 1)[0]
        at = last_time(event)
        if at is not None:
            times.setdefault(name, []).append(at)
    return times


def _changes(
    revisions: Sequence[Revision], workload: Workload, subject: Subject, scaled: dict[str, list[datetime]]
) -> list[Change]:
    changes = []
    for index in range(max(0, len(revisions) - MAX_CHANGES), len(revisions)):
        revision = revisions[index]
        previous = revisions[index - 1] if index else None
        newest = index == len(revisions) - 1
        at = _rolled_out_at(revision, previous, workload if newest else None, scaled)
        if at is not None:
            change = _change(revision, previous, subject, at)
            changes.append(replace(change, actor=_actor(workload)) if newest else change)
    return changes


def _change(revision: Revision, previous: Revision | None, subject: Subject, at: datetime) -> Change:
    diff = diff_templates(previous.template, revision.template) if previous else ()
    back = " (back to an earlier one)" if revision.reused and previous else ""
    title = f"rollout {revision.number}{back}" if revision.number else "rollout"
    summary = summarize(title, diff) if previous else f"first {title}: image {_images(revision.template)}"
    identity = evidence_id("rollout", subject, subject.kind, revision.number, revision.thing.metadata.name)
    return Change(identity, subject, at, "rollout", summary, diff)


def _images(template: PodTemplate | None) -> str:
    containers = (template.spec.containers if template and template.spec else None) or ()
    return clean(", ".join(container.image or "" for container in containers))[:120]


def _rolled_out_at(
    revision: Revision, previous: Revision | None, workload: Workload | None, scaled: dict[str, list[datetime]]
) -> datetime | None:
    """A new one: its creation. A reused one: the first scale-up since the one before, else what the workload says."""
    if revision.created_at is not None and not revision.reused:
        return revision.created_at
    since = previous.created_at if previous else None
    times = sorted(time for time in scaled.get(revision.thing.metadata.name, ()) if since is None or time >= since)
    if times:
        return times[0]
    if workload is None:
        return None if revision.reused else revision.created_at
    return _progressed_at(workload) or _edited_at(workload) or revision.created_at


def _progressed_at(workload: Workload) -> datetime | None:
    conditions = (workload.status.conditions if workload.status else None) or ()
    return next((parse_time(c.last_update_time) for c in conditions if c.type == "Progressing"), None)


def _edits(workload: Workload) -> list[tuple[datetime, str]]:
    edits = []
    for entry in workload.metadata.managed_fields or ():
        at = parse_time(entry.time)
        if at is not None and not entry.subresource and entry.manager != "kube-controller-manager":
            edits.append((at, entry.manager or ""))
    return sorted(edits)


def _edited_at(workload: Workload) -> datetime | None:
    edits = _edits(workload)
    return edits[-1][0] if edits else None


def _actor(workload: Workload) -> str:
    edits = _edits(workload)
    return edits[-1][1][:100] if edits else ""


def _without_template(thing: Thing) -> Thing:
    if isinstance(thing, Workload) and thing.spec is not None:
        return msgspec.structs.replace(thing, spec=msgspec.structs.replace(thing.spec, template=None))
    return thing
