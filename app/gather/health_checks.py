"""Which health endpoints to ask: a workload's own probes, on its pods and through its Services."""

from app.domain.evidence import ObjectState
from app.domain.query import ProbeQuery
from app.domain.subject import Subject
from app.gather import questions
from app.gather.owners import metadata_of
from app.gather.probing import HttpCheck, checks_of, pod_urls, selects, service_urls


class HealthChecks:
    """Remembers what is probed until its Services are known, and the Services until somebody is probed."""

    def __init__(self) -> None:
        self._checks: dict[Subject, tuple[HttpCheck, ...]] = {}
        self._labels: dict[Subject, dict[str, str]] = {}
        self._services: dict[str, tuple[ObjectState, ...]] = {}

    def pods(self, subject: Subject, pods: list[ObjectState]) -> tuple[ProbeQuery, ...]:
        """The probes of a workload's pods."""
        if not pods:
            return ()
        self._checks[subject] = checks_of(pods[0].body.get("spec") or {})
        self._labels[subject] = metadata_of(pods[0]).get("labels") or {}
        urls = [*pod_urls(pods), *self._urls(subject)]
        return tuple(questions.health(subject, url) for url in urls)

    def services(self, asked: Subject, states: tuple[ObjectState, ...]) -> tuple[ProbeQuery, ...]:
        """The probes of all workloads of a namespace through these Services."""
        namespace = asked.name if asked.kind == "Namespace" else asked.namespace
        self._services[namespace] = tuple(state for state in states if state.subject.kind == "Service")
        subjects = [subject for subject in self._checks if subject.namespace == namespace]
        return tuple(questions.health(subject, url) for subject in subjects for url in self._urls(subject))

    def _urls(self, subject: Subject) -> list[str]:
        labels, checks = self._labels.get(subject, {}), self._checks.get(subject, ())
        services = [s for s in self._services.get(subject.namespace, ()) if selects(s, labels)]
        return [url for service in services for url in service_urls(service, checks)]
