"""Which workloads a change can touch: its own, those that refer to it, and those that stand on it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.analyze.body import dig, mapping, maps, text
from app.domain.change import Change
from app.domain.subject import WORKLOAD_KINDS, Subject

if TYPE_CHECKING:
    from app.analyze.world import World

MOST_NEAR, MOST_FAR = 40, 20
RECENT = timedelta(hours=2)
SAME_ROLLOUT = timedelta(minutes=2)
_NUMBERED = re.compile(r"(?:first )?rollout \d")
_REFERRED = frozenset({"ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount"})
_OF_A_NAMESPACE = frozenset({"ResourceQuota", "NetworkPolicy", "PodDisruptionBudget", "Namespace"})
_VOLUMES = (
    ("ConfigMap", "configMap", "name"),
    ("Secret", "secret", "secretName"),
    ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName"),
)
_KEYS = (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef"))
_WHOLE = (("ConfigMap", "configMapRef"), ("Secret", "secretRef"))


class Reach:
    """Asked for each change of a world; what refers to what is looked up once."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._referring: dict[tuple[str, str, str], set[Subject]] = {}
        for state in world.objects:
            spec = _pod_spec(state.subject.kind, state.body)
            for kind, name in _references(spec):
                key = (kind, state.subject.namespace, name)
                self._referring.setdefault(key, set()).add(world.workload_of(state.subject))

    def of(self, change: Change) -> frozenset[Subject]:
        """The workloads, none where nothing that was seen tells of any."""
        subject = change.subject
        if subject.kind in WORKLOAD_KINDS or subject.kind in {"Pod", "ReplicaSet"}:
            return frozenset({self._world.workload_of(subject)})
        if subject.kind in _REFERRED:
            return frozenset(self._referring.get((subject.kind, subject.namespace, subject.name), ()))
        if subject.kind == "Service":
            return frozenset({*self._selected(change), *self._named(subject)})
        if subject.kind == "Node":
            return frozenset(self._on_node(subject.name)) | {subject}
        if subject.kind in _OF_A_NAMESPACE:
            return frozenset(self._in_namespace(subject))
        return frozenset(self._named(subject) if subject.name else self._in_namespace(subject))

    def _selected(self, change: Change) -> Iterator[Subject]:
        """Whoever the Service selects, or did before its selector was changed."""
        service = self._world.find(change.subject)
        selectors = [mapping(dig(service.body, "spec", "selector"))] if service else []
        for diff in change.diff:
            selectors += [_parsed(value) for value in (diff.old, diff.new) if value and diff.path == "selector"]
        for pod in self._world.pods:
            if pod.subject.namespace == change.subject.namespace and any(s and pod.has_labels(s) for s in selectors):
                yield pod.workload

    def _named(self, subject: Subject) -> Iterator[Subject]:
        """Workloads of that name: an autoscaler or a release mostly bears its workload's."""
        for workload in self._known():
            here = not subject.namespace or workload.namespace == subject.namespace
            if here and workload.name == subject.name and workload.kind != "Node":
                yield workload

    def _on_node(self, node: str) -> Iterator[Subject]:
        """Whose pods are there; a pod without a node may want to be."""
        for pod in self._world.pods:
            if pod.node in {node, ""}:
                yield pod.workload

    def _in_namespace(self, subject: Subject) -> Iterator[Subject]:
        namespace = subject.name if subject.kind == "Namespace" else subject.namespace
        yield Subject(subject.cluster, "", "Namespace", namespace)
        for workload in self._known():
            if namespace in {"", workload.namespace}:
                yield workload

    def _known(self) -> Iterator[Subject]:
        yield from self._world.workloads
        yield from self._world.focus


def worth_keeping(
    found: Sequence[Change], reach: Reach, focus: Sequence[Subject], now: datetime
) -> list[tuple[Change, frozenset[Subject]]]:
    """Oldest first, with what each touches: all that touch what the alert is about, and a few of the rest."""
    ordered = sorted(_once(found), key=lambda change: (change.at, change.id))
    judged = [(change, reach.of(change)) for change in ordered]
    near = [one for one in judged if one[1] & set(focus)][-MOST_NEAR:]
    far = [one for one in judged if not one[1] & set(focus) and now - one[0].at <= RECENT][-MOST_FAR:]
    kept = {change.id for change, _ in (*near, *far)}
    return [one for one in judged if one[0].id in kept]


def _once(found: Sequence[Change]) -> list[Change]:
    """The history of a workload tells of a rollout that the journal saw as well: that one has a number."""
    numbered = [change for change in found if _NUMBERED.match(change.summary)]
    return [
        change
        for change in found
        if change in numbered
        or not any(
            change.change == other.change == "rollout"
            and change.subject == other.subject
            and abs(change.at - other.at) <= SAME_ROLLOUT
            for other in numbered
        )
    ]


def _pod_spec(kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(dig(body, "spec") if kind == "Pod" else dig(body, "spec", "template", "spec"))


def _references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, name) of what a pod needs beside its images."""
    if account := text(spec.get("serviceAccountName")):
        yield "ServiceAccount", account
    for volume in maps(spec.get("volumes")):
        parts = [volume, *maps(dig(volume, "projected", "sources"))]
        for part in parts:
            for kind, field, name in _VOLUMES:
                if found := text(dig(part, field, name)) or (part is not volume and text(dig(part, field, "name"))):
                    yield kind, found
    for container in (*maps(spec.get("containers")), *maps(spec.get("initContainers"))):
        yield from _of_container(container)


def _of_container(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for source in maps(container.get("envFrom")):
        for kind, field in _WHOLE:
            if found := text(dig(source, field, "name")):
                yield kind, found
    for variable in maps(container.get("env")):
        for kind, field in _KEYS:
            if found := text(dig(variable, "valueFrom", field, "name")):
                yield kind, found


def _parsed(value: str) -> Mapping[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
