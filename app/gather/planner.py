"""What to ask: first questions from the alerts, and the next ones from each answer. Pure, no input or output."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.domain.alert import Alert
from app.domain.evidence import Evidence, LogPattern, ObjectState
from app.domain.query import Query
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject
from app.gather import questions
from app.gather.plan import Plan
from app.gather.symptoms import containers_of, worst_first
from app.settings import HealthUrl

MAX_SUBJECTS = 5
MAX_NAMESPACES = 2
MAX_RETRIED_PODS = 3
# Where the control plane runs.
SYSTEM_NAMESPACE = "kube-system"


class MoreQuestions(Protocol):
    """The metric and log questions for a subject; `pods` are the names of its pods where they are known and odd."""

    def __call__(
        self, alerts: tuple[Alert, ...], subject: Subject, now: datetime, pods: Sequence[str] = ()
    ) -> tuple[Query, ...]:
        """Queries that sources other than Kubernetes answer."""
        ...


def _nothing_more(
    _alerts: tuple[Alert, ...], _subject: Subject, _now: datetime, pods: Sequence[str] = ()
) -> tuple[Query, ...]:
    del pods
    return ()


class Planner:
    """Knows what is configured. `more` gives the metric and log questions of the playbooks for a subject."""

    def __init__(
        self, more: MoreQuestions | None = None, *, health_urls: Sequence[HealthUrl] = (), probes: bool = True
    ) -> None:
        self._more = more or _nothing_more
        self._health_urls = tuple(health_urls) if probes else ()
        self._probes = probes

    def begin(self, alerts: tuple[Alert, ...], subjects: tuple[Subject, ...], now: datetime) -> Plan:
        """The plan of one incident: it remembers what it has asked for and why."""

        def about(subject: Subject, pods: Sequence[str]) -> tuple[Query, ...]:
            return self._more(alerts, subject, now, pods) if pods else self._about(alerts, subject, now)

        return Plan(self.plan(alerts, subjects, now), about, now, probes=self._probes)

    def plan(self, alerts: tuple[Alert, ...], subjects: tuple[Subject, ...], now: datetime) -> tuple[Query, ...]:
        """The first questions: about each subject, then about its surroundings."""
        chosen = tuple(dict.fromkeys(subjects))[:MAX_SUBJECTS]
        queries = [query for subject in chosen for query in (*_own(subject), *self._about(alerts, subject, now))]
        namespaces = _namespaces(chosen)
        for namespace in namespaces:
            queries.extend(questions.neighbourhood(namespace))
        queries.extend(questions.changes(place, now) for place in namespaces or _whole_clusters(chosen))
        return tuple(dict.fromkeys(queries))

    def _about(self, alerts: tuple[Alert, ...], subject: Subject, now: datetime) -> tuple[Query, ...]:
        """Metrics, log stores and configured health endpoints of a subject."""
        probes = [
            questions.health(subject, entry.url)
            for entry in self._health_urls
            if entry.namespace in {"", subject.namespace}
            and entry.workload in {"", subject.name}
            and entry.cluster in {"", subject.cluster}
        ]
        return (*self._more(alerts, subject, now), *probes)

    def retry_later(self, evidence: Evidence) -> tuple[Query, ...]:
        """Logs of crashed containers that were still empty; the kubelet may only just have written them."""
        logged = {(pattern.subject, pattern.container) for pattern in evidence.of(LogPattern)}
        pods = [state for state in evidence.of(ObjectState) if state.subject.kind == "Pod"]
        queries: list[Query] = []
        for pod in worst_first(pods)[:MAX_RETRIED_PODS]:
            for look in containers_of(pod):
                if look.crashed and (pod.subject, look.name) not in logged:
                    queries.append(questions.log(pod.subject, look.name, previous=False))
                    queries.append(questions.log(pod.subject, look.name, previous=True))
        return tuple(queries)


def _own(subject: Subject) -> tuple[Query, ...]:
    match subject.kind:
        case "Cluster":
            system = Subject(subject.cluster, "", "Namespace", SYSTEM_NAMESPACE)
            return (questions.nodes(subject.cluster), questions.pods(system), questions.events(system))
        case "Namespace":
            return (questions.state(subject),)
        case "Node":
            return (questions.state(subject), questions.events(subject), questions.pods(subject))
    return (questions.state(subject), questions.events(subject))


def _namespaces(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    found = dict.fromkeys(
        Subject(s.cluster, "", "Namespace", s.name if s.kind == "Namespace" else s.namespace)
        for s in subjects
        if s.kind == "Namespace" or (s.namespace and s.kind not in CLUSTER_SCOPED_KINDS)
    )
    return tuple(found)[:MAX_NAMESPACES]


def _whole_clusters(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Where what lives in no namespace lives."""
    return tuple(dict.fromkeys(Subject(s.cluster, "", "Namespace", "") for s in subjects))[:1]
