"""Which workloads what the alert is about calls: from its template, its ConfigMaps, and what a mesh has counted."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.addresses import Ports, service_of
from app.domain.dependencies import CALLS, callee_of, caller_of, config_uses, mentions, template_spec
from app.domain.evidence import ObjectState, Series
from app.domain.subject import Subject
from app.gather.symptoms import is_unhealthy_workload

_LISTED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Rollout"})


@dataclass(frozen=True, slots=True)
class Callee:
    """A direct dependency: the workload where it was seen, else what is known by name alone."""

    subject: Subject
    state: ObjectState | None

    @property
    def is_sick(self) -> bool:
        """Whether fewer pods are available than it wants, as far as it was seen."""
        return self.state is not None and is_unhealthy_workload(self.state)


class Callees:
    """Collects answers in whatever order they come; `news` gives what has become known since."""

    def __init__(self) -> None:
        self._callers: dict[Subject, ObjectState] = {}
        self._config: dict[Subject, ObjectState] = {}
        self._services: dict[str, dict[str, ObjectState]] = {}
        self._workloads: dict[Subject, ObjectState] = {}
        self._measured: dict[tuple[str, str], None] = {}
        self._told: set[Subject] = set()

    def calls(self, workload: ObjectState) -> None:
        """Its dependencies are wanted."""
        self._callers[workload.subject] = workload

    def learn(self, states: Iterable[ObjectState]) -> None:
        """Whatever was seen; most of it says nothing here."""
        for state in states:
            if state.subject.kind == "Service":
                self._services.setdefault(state.subject.namespace, {})[state.subject.name] = state
            elif state.subject.kind == "ConfigMap":
                self._config[state.subject] = state
            elif state.subject.kind in _LISTED:
                self._workloads[state.subject] = state

    def measured(self, series: Iterable[Series]) -> None:
        """What a mesh or traces have counted."""
        for one in (one for one in series if one.name == CALLS):
            (namespace, name), (called_in, called) = caller_of(one.labels), callee_of(one.labels)
            asked = one.subject
            # Traces know no namespaces: what is called by name alone is taken for a neighbour of that name.
            if called and name == asked.name and namespace in {"", asked.namespace}:
                self._measured[called_in or asked.namespace, called] = None

    def news(self) -> list[Callee]:
        """The dependencies that have become known, never those that call themselves."""
        found = [callee for callee in self._found() if callee.subject not in {*self._callers, *self._told}]
        news = {callee.subject: callee for callee in found}
        self._told.update(news)
        return [news[subject] for subject in sorted(news)]

    def _found(self) -> Iterator[Callee]:
        for named in self._measured:
            same = [one for one in self._workloads if (one.namespace, one.name) == named]
            if len(same) == 1:
                yield Callee(same[0], self._workloads[same[0]])
        for caller in self._callers.values():
            for place, name in dict.fromkeys(self._named(caller)):
                yield from self._behind(Subject(caller.subject.cluster, place, "Service", name))

    def _named(self, caller: ObjectState) -> Iterator[tuple[str, str]]:
        """(namespace, name) of each Service that it names."""
        namespace, spec = caller.subject.namespace, template_spec(caller.body)
        if namespace not in self._services:
            return
        known = {place: _ports(services) for place, services in self._services.items()}
        for mention in mentions(spec):
            if found := service_of(mention.address, namespace, known):
                yield found
        for use in config_uses(spec):
            config = self._config.get(Subject(caller.subject.cluster, namespace, "ConfigMap", use.name))
            calls = _map((config.body if config else {}).get("calls"))
            for key, hosts in calls.items():
                if use.key in {"", key}:
                    yield from ((namespace, str(host).partition(".")[0]) for host in hosts)

    def _behind(self, service: Subject) -> Iterator[Callee]:
        seen = self._services.get(service.namespace, {}).get(service.name)
        if seen is None:
            yield Callee(service, None)
            return
        selector = _map(_map(seen.body.get("spec")).get("selector"))
        chosen = [
            state
            for state in self._workloads.values()
            if state.subject.namespace == service.namespace and selector and _carries(state, selector)
        ]
        if len(chosen) == 1:
            yield Callee(chosen[0].subject, chosen[0])


def _ports(services: Mapping[str, ObjectState]) -> Ports:
    found: dict[str, set[int]] = {}
    for name, state in services.items():
        ports = _map(state.body.get("spec")).get("ports") or ()
        found[name] = {port["port"] for port in ports if isinstance(port.get("port"), int)}
    return found


def _carries(workload: ObjectState, selector: Mapping[str, Any]) -> bool:
    template = _map(_map(workload.body.get("spec")).get("template"))
    labels = _map(_map(template.get("metadata")).get("labels"))
    return all(labels.get(name) == value for name, value in selector.items())


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
