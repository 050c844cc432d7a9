"""Everything that was seen, indexed once: detectors judge this and fetch nothing."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.analyze.body import dig, mapping, maps, text
from app.analyze.log_templates import fold
from app.analyze.pod import Pod, read_pod
from app.analyze.reach import Reach, worth_keeping
from app.analyze.secret_changes import secret_changes
from app.analyze.topology import Topology
from app.analyze.wording import STATEMENT_LIMIT, cut
from app.domain.alert import Severity
from app.domain.change import Change
from app.domain.evidence import ClusterEvent, LogPattern, ObjectState, Probe, Series
from app.domain.incident import Case, Finding
from app.domain.subject import WORKLOAD_KINDS, Subject

# A Deployment's pods are named <deployment>-<template hash>-<random>; the alphabet has no vowels.
_TEMPLATE_HASH = re.compile(r"^(?P<name>.+)-[bcdfghjklmnpqrstvwxz0-9a-f]{6,10}$")
_POD_OF_SET = re.compile(r"^(?P<name>.+)-(?:[0-9]+|[a-z0-9]{5})$")
_OWNER_DEPTH = 5
_BY_POD = frozenset({"current", "previous"})
RECENT = timedelta(hours=1)


class World:
    """The evidence of a case by object, workload and name. Its order never depends on who answered first."""

    def __init__(self, case: Case, now: datetime) -> None:
        self.case = case
        self.now = now
        self.onset_at: datetime | None = None
        items = sorted(case.evidence.items, key=lambda item: (item.kind, item.id))
        self.objects = tuple(item for item in items if isinstance(item, ObjectState))
        self._by_subject = {(o.subject.kind, o.subject.namespace, o.subject.name): o for o in self.objects}
        self._tops: dict[Subject, Subject] = {}
        events = [item for item in items if isinstance(item, ClusterEvent)]
        self.events = tuple(sorted(events, key=lambda event: (event.at, event.id)))
        self.series = tuple(item for item in items if isinstance(item, Series))
        self.probes = tuple(item for item in items if isinstance(item, Probe))
        self.pods = tuple(read_pod(o, self.workload_of(o.subject)) for o in self.objects if o.subject.kind == "Pod")
        self.logs = fold(self._lines([item for item in items if isinstance(item, LogPattern)]))
        self._pod_names = {(pod.subject.namespace, pod.subject.name) for pod in self.pods}
        self.focus = tuple(dict.fromkeys(self.workload_of(subject) for subject in case.subjects))
        reach = Reach(self)
        found = [*(item for item in items if isinstance(item, Change)), *secret_changes(self.series)]
        changes = worth_keeping(found, reach, self.focus, now)
        self.changes = tuple(change for change, _ in changes)
        self._touched = {change.id: workloads for change, workloads in changes}
        self.topology = Topology(self)

    def touched_by(self, change: Change) -> frozenset[Subject]:
        """The workloads (and the node) that a change can have touched."""
        return self._touched.get(change.id, frozenset())

    def _lines(self, found: list[LogPattern]) -> Iterator[LogPattern]:
        """Log lines by workload. A log store is asked about a pod and its workload: the wider answer counts alone."""
        stored = {one.subject for one in found if one.origin not in _BY_POD}
        for one in found:
            workload = self.workload_of(one.subject)
            if one.origin in _BY_POD or workload == one.subject or workload not in stored:
                yield replace(one, subject=workload)

    @property
    def is_waiting(self) -> bool:
        """Whether questions are still open: what is not known may be known in a moment."""
        return any(gap.is_pending for gap in self.case.evidence.gaps)

    def lead_with(self, subject: Subject) -> None:
        """Put the subject that the first cause is about first, if the alert is about it: the message names it."""
        if subject in self.focus:
            self.focus = (subject, *(other for other in self.focus if other != subject))

    def of_kind(self, kind: str) -> tuple[ObjectState, ...]:
        """The objects of one kind."""
        return tuple(state for state in self.objects if state.subject.kind == kind)

    def find(self, subject: Subject) -> ObjectState | None:
        """The object itself, None where it was not seen."""
        return self._by_subject.get((subject.kind, subject.namespace, subject.name))

    def pods_of(self, workload: Subject) -> tuple[Pod, ...]:
        """The living pods of a workload; on a node, for a Node."""
        if workload.kind == "Node":
            return tuple(pod for pod in self.pods if pod.node == workload.name and not pod.deleting)
        return tuple(pod for pod in self.pods if pod.workload == workload and not pod.deleting and not pod.finished)

    @property
    def workloads(self) -> tuple[Subject, ...]:
        """Every workload that a pod, an object or a focus names, in a fixed order."""
        owners = {pod.workload for pod in self.pods} | {subject for subject in self.focus if subject.is_workload}
        owners |= {self.workload_of(state.subject) for state in self.objects if state.subject.is_workload}
        return tuple(sorted(owners))

    def workload_of(self, subject: Subject) -> Subject:
        """The top of the owner chain: Pod → ReplicaSet → Deployment, also where the pod is already gone."""
        if subject not in self._tops:
            self._tops[subject] = self._climb(subject)
        return self._tops[subject]

    def _climb(self, subject: Subject) -> Subject:
        for _ in range(_OWNER_DEPTH):
            owner = self._owner(subject)
            # What owns a workload (an operator's Prometheus, say) is a kind that nobody here looks at.
            if owner is None or owner.kind not in WORKLOAD_KINDS:
                return subject
            subject = owner
        return subject

    def _owner(self, subject: Subject) -> Subject | None:
        state = self.find(subject)
        for reference in maps(dig(state.body, "metadata", "ownerReferences")) if state else ():
            kind, name = text(reference.get("kind")), text(reference.get("name"))
            if reference.get("controller") is True and kind and name:
                return Subject(subject.cluster, subject.namespace, kind, name)
        if subject.kind == "Service" and state is not None:
            return self._behind(state)
        return self._owner_by_name(subject)

    def _behind(self, service: ObjectState) -> Subject | None:
        """The one workload whose pods a Service selects; an empty selector matches nothing."""
        selector = mapping(dig(service.body, "spec", "selector"))
        selected = {
            pod.workload
            for pod in self.pods
            if selector and pod.subject.namespace == service.subject.namespace and pod.has_labels(selector)
        }
        return selected.pop() if len(selected) == 1 else None

    def _owner_by_name(self, subject: Subject) -> Subject | None:
        """Names tell where the object is gone: `checkout-6d4f8b9c77-x2x9z` was checkout's."""
        if subject.kind == "ReplicaSet" and (match := _TEMPLATE_HASH.match(subject.name)):
            return Subject(subject.cluster, subject.namespace, "Deployment", match["name"])
        if subject.kind != "Pod" or self.find(subject) is not None or not (match := _POD_OF_SET.match(subject.name)):
            return None
        stem = match["name"]
        hashed = _TEMPLATE_HASH.match(stem)
        for kind, name in (
            ("StatefulSet", stem),
            ("DaemonSet", stem),
            ("Job", stem),
            ("Deployment", hashed and hashed["name"]),
        ):
            if name and self._knows(Subject(subject.cluster, subject.namespace, kind, name)):
                return Subject(subject.cluster, subject.namespace, kind, name)
        return Subject(subject.cluster, subject.namespace, "Deployment", hashed["name"]) if hashed else None

    def _knows(self, subject: Subject) -> bool:
        return subject in self.case.subjects or self.find(subject) is not None

    def events_about(self, subject: Subject, *reasons: str) -> tuple[ClusterEvent, ...]:
        """Recent events about a workload, its pods and sets, oldest first; pods that were replaced are left out."""
        return tuple(
            event
            for event in self.events
            if (not reasons or event.reason in reasons)
            and event.at >= self.now - RECENT
            and not self._is_of_a_replaced_pod(event)
            and self.workload_of(event.subject) == subject
        )

    def _is_of_a_replaced_pod(self, event: ClusterEvent) -> bool:
        if event.subject.kind != "Pod" or (event.subject.namespace, event.subject.name) in self._pod_names:
            return False
        return bool(self.pods_of(self.workload_of(event.subject)))

    def wanted_pods(self, workload: Subject) -> int | None:
        """How many pods the workload should have, None where its object was not seen."""
        state = self.find(workload)
        path = ("status", "desiredNumberScheduled") if workload.kind == "DaemonSet" else ("spec", "replicas")
        value = dig(state.body, *path) if state else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def is_whole(self, workload: Subject) -> bool:
        """Whether all wanted pods are there and ready: what ailed it has healed."""
        pods = self.pods_of(workload)
        wanted = self.wanted_pods(workload)
        return bool(pods) and all(pod.ready for pod in pods) and len(pods) >= (wanted or 0)

    def alert_names(self) -> tuple[str, ...]:
        """The alerts' names, once each, in a fixed order."""
        return tuple(sorted({alert.name for alert in self.case.alerts}))


def finding(  # noqa: PLR0913 - the fields of a finding, said once here for all detectors
    kind: str,
    subject: Subject,
    severity: Severity,
    statement: str,
    *,
    onset_at: datetime | None = None,
    evidence: Iterable[str] = (),
) -> Finding:
    """A finding that has no number yet; the runner gives one. Evidence is named once each, in a fixed order."""
    return Finding("", kind, subject, severity, cut(statement, STATEMENT_LIMIT), onset_at, tuple(sorted(set(evidence))))
