"""What leads where: Services to workloads, hosts and paths to Services, and who calls whom; whole names only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from app.analyze.body import dig, integer, mapping, maps, text
from app.domain.addresses import Ports, service_of
from app.domain.dependencies import CALLS, callee_of, caller_of, config_uses, mentions, template_spec
from app.domain.evidence import ObjectState, Series
from app.domain.subject import Subject

if TYPE_CHECKING:
    from app.analyze.world import World

MEASURED = "requests"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.\-]{0,61}[a-z0-9])?")
_DEEPEST = 3
_STALE_SECONDS = 900.0
_SERVICE_LABEL = "kubernetes.io/service-name"
_SCALED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Rollout", "ReplicaSet"})


@dataclass(frozen=True, slots=True)
class Call:
    """One workload calls another (or a Service behind which none was seen); `via` is where that stands."""

    caller: Subject
    callee: Subject
    via: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is touched when a workload fails: directly, or through the one that it calls."""

    subject: Subject
    through: Subject | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A host and path by which users come to a Service."""

    door: Subject
    service: Subject
    address: str


class Topology:
    """Asked for the neighbours of a workload; each edge is read once, and only where it is plain."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._selections: dict[Subject, frozenset[Subject]] = {}

    def services_of(self, workload: Subject) -> tuple[ObjectState, ...]:
        """The Services that select its pods, by their labels or its template's."""
        return tuple(one for one in self._world.of_kind("Service") if workload in self._selected(one))

    def behind(self, service: Subject) -> Subject:
        """The one workload that a Service leads to; the Service itself where none is seen, or several are.

        One that leads to nobody was meant for the workload whose name it bears: so people take it, and its callers.
        """
        state = self._world.find(service)
        selected = self._selected(state) if state else frozenset()
        if state and not selected and mapping(dig(state.body, "spec", "selector")):
            same = (service.namespace, service.name)
            selected = frozenset(one for one in self._labels if (one.namespace, one.name) == same)
        return next(iter(selected)) if len(selected) == 1 else service

    def callees_of(self, workload: Subject) -> tuple[Call, ...]:
        """Whom it calls, once each."""
        return tuple(one for one in self.calls if one.caller == workload)

    def callers_of(self, workload: Subject) -> tuple[Caller, ...]:
        """Who calls it, the nearest first, at most three calls away."""
        found: dict[Subject, Caller] = {}
        edge = [workload]
        for _ in range(_DEEPEST):
            nearer = edge
            edge = []
            for callee in nearer:
                for one in self.calls:
                    if one.callee == callee and one.caller != workload and one.caller not in found:
                        found[one.caller] = Caller(one.caller, None if callee == workload else callee)
                        edge.append(one.caller)
        return tuple(found.values())

    def entries_of(self, workload: Subject) -> tuple[Entry, ...]:
        """The hosts and paths that lead to its Services."""
        services = {service.subject for service in self.services_of(workload)}
        return tuple(entry for entry in self._entries if entry.service in services)

    def entries_to(self, service: Subject) -> tuple[Entry, ...]:
        """The same of one Service."""
        return tuple(entry for entry in self._entries if entry.service == service)

    def back_ends(self, service: Subject) -> tuple[int, int]:
        """How many of its back ends are ready, and how many there are; one that says nothing counts as ready."""
        ready = known = 0
        for piece in self._world.of_kind("EndpointSlice"):
            name = text(dig(piece.body, "metadata", "labels", _SERVICE_LABEL))
            if (piece.subject.namespace, name) != (service.namespace, service.name):
                continue
            ends = maps(piece.body.get("endpoints"))
            known += len(ends)
            ready += sum(dig(end, "conditions", "ready") is not False for end in ends)
        return ready, known

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every edge once, those that were counted before those that are only written down."""
        found: dict[tuple[Subject, Subject], Call] = {}
        for call in (*self._counted(), *self._written()):
            if call.caller != call.callee:
                found.setdefault((call.caller, call.callee), call)
        return tuple(sorted(found.values(), key=lambda one: (one.caller, one.callee)))

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        doors = (*self._world.of_kind("Ingress"), *self._world.of_kind("HTTPRoute"))
        read = {"Ingress": _ingress, "HTTPRoute": _route}
        return tuple(dict.fromkeys(entry for door in doors for entry in read[door.subject.kind](door)))

    @cached_property
    def _labels(self) -> Mapping[Subject, tuple[Mapping[str, Any], ...]]:
        """The labels that each workload's pods carry, from its template and from its pods."""
        found: dict[Subject, tuple[Mapping[str, Any], ...]] = {}
        for state in self._world.objects:
            if state.subject.kind in _SCALED:
                labels = mapping(dig(state.body, "spec", "template", "metadata", "labels"))
                top = self._world.workload_of(state.subject)
                # A set that was replaced says what its pods once carried.
                if labels and top == state.subject:
                    found[top] = (*found.get(top, ()), labels)
        for pod in self._world.pods:
            labels = mapping(dig(pod.state.body, "metadata", "labels"))
            if labels and not pod.deleting and not pod.finished:
                found[pod.workload] = (*found.get(pod.workload, ()), labels)
        return found

    def _selected(self, service: ObjectState) -> frozenset[Subject]:
        """The workloads whose pods a Service selects; an empty selector matches nothing."""
        if service.subject not in self._selections:
            selector = mapping(dig(service.body, "spec", "selector"))
            self._selections[service.subject] = frozenset(
                workload
                for workload, labels in self._labels.items()
                if selector
                and workload.namespace == service.subject.namespace
                and any(all(one.get(key) == value for key, value in selector.items()) for one in labels)
            )
        return self._selections[service.subject]

    @cached_property
    def _ports(self) -> Mapping[str, Ports]:
        found: dict[str, dict[str, set[int]]] = {}
        for service in self._world.of_kind("Service"):
            ports = (integer(port.get("port")) for port in maps(dig(service.body, "spec", "ports")))
            found.setdefault(service.subject.namespace, {})[service.subject.name] = {p for p in ports if p is not None}
        return found

    def _written(self) -> Iterator[Call]:
        """From variables, arguments and ConfigMaps."""
        for state in self._world.objects:
            if state.subject.is_workload and self._world.workload_of(state.subject) == state.subject:
                yield from self._of_template(state)

    def _of_template(self, state: ObjectState) -> Iterator[Call]:
        caller, spec = state.subject, template_spec(state.body)
        for mention in mentions(spec):
            if found := service_of(mention.address, caller.namespace, self._ports):
                yield Call(caller, self._callee(caller, found), mention.where, state.id)
        for use in config_uses(spec):
            config = self._world.find(Subject(caller.cluster, caller.namespace, "ConfigMap", use.name))
            for key, hosts in mapping(dig(config.body, "calls")).items() if config else ():
                for host in hosts if isinstance(hosts, list | tuple) and use.key in {"", key} else ():
                    name = text(host).partition(".")[0]
                    if config is not None and name in self._ports.get(caller.namespace, {}):
                        where = f"ConfigMap {use.name}"
                        yield Call(caller, self._callee(caller, (caller.namespace, name)), where, config.id)

    def _callee(self, caller: Subject, named: tuple[str, str]) -> Subject:
        return self.behind(Subject(caller.cluster, named[0], "Service", named[1]))

    def _counted(self) -> Iterator[Call]:
        """From what a mesh or traces have counted; a side that nobody knows by name and namespace is no side."""
        for one in self._world.series:
            if one.name == CALLS and self._is_fresh(one):
                home = one.subject.namespace
                caller, callee = (
                    self._known(one, caller_of(one.labels), home),
                    self._known(one, callee_of(one.labels), home),
                )
                if caller and callee:
                    yield Call(caller, callee, MEASURED, one.id)

    def _known(self, series: Series, named: tuple[str, str], home: str) -> Subject | None:
        namespace, name = named
        same = [one for one in self._world.workloads if (one.namespace, one.name) == (namespace or home, name)]
        if len(same) == 1:
            return same[0]
        # Of another namespace nothing was listed: its name was measured, its kind was not. A label may hold anything.
        is_name = _NAME.fullmatch(name) and _NAME.fullmatch(namespace)
        return Subject(series.subject.cluster, namespace, "Workload", name) if is_name and namespace != home else None

    def _is_fresh(self, series: Series) -> bool:
        oldest = self._world.now.timestamp() - _STALE_SECONDS
        return any(value for at, value in series.points if value and at >= oldest)


def _ingress(door: ObjectState) -> Iterator[Entry]:
    default = dig(door.body, "spec", "defaultBackend", "service", "name")
    if text(default):
        yield Entry(door.subject, _service(door, text(default)), "any host")
    for rule in maps(dig(door.body, "spec", "rules")):
        host = text(rule.get("host")) or "any host"
        for path in maps(dig(rule, "http", "paths")):
            if name := text(dig(path, "backend", "service", "name")):
                yield Entry(door.subject, _service(door, name), _address(host, text(path.get("path"))))


def _route(door: ObjectState) -> Iterator[Entry]:
    names = dig(door.body, "spec", "hostnames")
    hosts = [text(one) for one in names if text(one)] if isinstance(names, list | tuple) else []
    for rule in maps(dig(door.body, "spec", "rules")):
        paths = [text(dig(match, "path", "value")) for match in maps(rule.get("matches"))] or [""]
        for backend in maps(rule.get("backendRefs")):
            is_service = text(backend.get("kind")) in {"", "Service"} and not text(backend.get("group"))
            if not is_service or backend.get("weight") == 0 or not text(backend.get("name")):
                continue
            service = _service(door, text(backend.get("name")), text(backend.get("namespace")))
            for host in hosts or ["any host"]:
                yield from (Entry(door.subject, service, _address(host, path)) for path in paths)


def _service(door: ObjectState, name: str, namespace: str = "") -> Subject:
    return Subject(door.subject.cluster, namespace or door.subject.namespace, "Service", name)


def _address(host: str, path: str) -> str:
    return f"{host}{path}" if path not in {"", "/"} else host
