"""The plan of one incident: follows owners, picks the worst pods, and asks nothing twice."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from app.domain.evidence import Evidence, Gap, ObjectState, Series
from app.domain.query import (
    LogQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    Query,
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather import questions
from app.gather.callees import Callee, Callees
from app.gather.claims import CLAIM, about_claim, states_of_claims, unbound
from app.gather.health_checks import HealthChecks
from app.gather.owners import controller_of, metadata_of, others_by_name
from app.gather.pod_logs import logs_of
from app.gather.symptoms import badness, is_unhealthy_workload, is_unscheduled, worst_first

MAX_DEPTH = 5
MAX_PODS_OF_A_QUESTION = 3
MAX_PODS_LOOKED_INTO = 6
MAX_LOGS = 12
MAX_JOURNALS = 1
MAX_NEIGHBOURS = 3
MAX_OTHERS_MEASURED = 3
MAX_WELL_CALLEES = 2
MAX_PODS_WITH_CLAIMS = 1
MAX_NAMED_PODS = 30
_LISTED = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet"})
_WITH_HISTORY = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Rollout"})

About = Callable[[Subject, Sequence[str]], tuple[Query, ...]]


class Plan:
    """`first` are the first questions; `follow_up` gives those that an answer raises."""

    def __init__(self, first: tuple[Query, ...], about: About, now: datetime, *, probes: bool) -> None:
        self.first = first
        self._about = about
        self._now = now
        self._health = HealthChecks() if probes else None
        self._asked_about = {query.subject for query in first if isinstance(query, ObjectQuery)}
        self._depth: dict[Subject, int] = {}
        self._uids: dict[Subject, str] = {}
        self._instead_of: dict[Subject, Subject] = {}
        self._settled: set[Subject] = set()
        self._unfolded: set[Subject] = set()
        self._looked_into: set[Subject] = set()
        self._overviews = {query.subject.name for query in first if isinstance(query, ServicesQuery)}
        self._neighbours: set[Subject] = set()
        self._logs_left = MAX_LOGS
        self._journals_left = MAX_JOURNALS
        self._neighbours_left = MAX_NEIGHBOURS
        self._others_left = MAX_OTHERS_MEASURED
        self._with_claims_left = MAX_PODS_WITH_CLAIMS
        self._well_callees_left = MAX_WELL_CALLEES
        self._listed_pods: dict[str, tuple[ObjectState, ...]] = {}
        self._callees = Callees()

    def follow_up(self, query: Query, answer: Evidence) -> tuple[Query, ...]:
        """What to ask next, now that this is known; what was asked before may be among it."""
        self._callees.learn(answer.of(ObjectState))
        self._callees.measured(answer.of(Series))
        return (*self._raised(query, answer.of(ObjectState)), *self._dependencies())

    def _raised(self, query: Query, states: tuple[ObjectState, ...]) -> tuple[Query, ...]:
        match query:
            case ObjectQuery():
                return tuple(self._seen(states[0]) if states else self._missing(query.subject))
            case PodsQuery():
                return tuple(self._pods(query, states))
            case ObjectsQuery():
                return tuple(unbound(states) if query.subject.kind == CLAIM else self._sick_neighbours(states))
            case RolloutQuery() if query.subject not in self._neighbours:
                return tuple(questions.events(state.subject) for state in states[-1:])
            case ServicesQuery():
                return self._health.services(query.subject, states) if self._health else ()
        return ()

    def is_moot(self, query: Query, gap: Gap) -> bool:
        """Whether a gap says nothing: a guess that was never meant, or that another object took the place of."""
        if not isinstance(query, ObjectQuery) or not gap.reason.startswith("no such "):
            return False
        return query.subject in self._settled or query.subject in self._instead_of

    def _missing(self, subject: Subject) -> list[Query]:
        if subject in self._instead_of or subject in self._uids:
            return []
        others = [other for other in others_by_name(subject) if other.name]
        for other in others:
            self._instead_of.setdefault(other, subject)
        return [questions.state(other) for other in others]

    def _seen(self, state: ObjectState) -> list[Query]:
        subject = state.subject
        expected, uid = self._uids.get(subject), metadata_of(state).get("uid")
        if expected and uid and expected != uid:
            return []  # made anew under the same name: not the owner that was meant
        if subject in self._instead_of:
            self._settled.add(self._instead_of[subject])
        owner = self._owner(state)
        if subject.kind == "Pod":
            return [*self._pod(state), *owner]
        above = controller_of(state)
        if subject.kind in {"ReplicaSet", "Job"} and (owner or (above and above[0] in self._unfolded)):
            return owner
        return self._by_kind(state)

    def _by_kind(self, state: ObjectState) -> list[Query]:
        subject, spec = state.subject, state.body.get("spec") or {}
        match subject.kind:
            case "Node":
                return [questions.events(subject)]
            case "Service":
                labels = questions.selector_of(state)
                return [questions.pods(subject, labels)] if labels else []
            case "HorizontalPodAutoscaler":
                target = spec.get("scaleTargetRef") or {}
                kind, name = str(target.get("kind", "")), str(target.get("name", ""))
                return [questions.state(Subject(subject.cluster, subject.namespace, kind, name))] if name else []
            case "PersistentVolumeClaim":
                return about_claim(state)
            case "Namespace" | "PersistentVolume" | "StorageClass":
                return []
        return self._workload(state)

    def _owner(self, state: ObjectState) -> list[Query]:
        found = controller_of(state)
        depth = self._depth.get(state.subject, 0) + 1
        if found is None or depth >= MAX_DEPTH or found[0].kind == "Node":
            return []
        owner, uid = found
        if owner in self._unfolded:
            return []
        if state.subject in self._neighbours and owner not in self._asked_about:
            self._neighbours.add(owner)
        self._depth.setdefault(owner, depth)
        if uid:
            self._uids.setdefault(owner, uid)
        return [questions.state(owner)]

    def _workload(self, state: ObjectState) -> list[Query]:
        subject = state.subject
        if subject in self._unfolded:
            return []
        self._unfolded.add(subject)
        labels = questions.selector_of(state)
        is_neighbour = subject in self._neighbours and subject.namespace in self._overviews
        queries: list[Query] = [] if is_neighbour else [questions.events(subject)]
        if subject.kind in _WITH_HISTORY:
            queries.append(questions.rollouts(subject, labels))
        if labels:
            queries.extend(self._pods_of(subject, labels) if is_neighbour else [questions.pods(subject, labels)])
        if subject not in self._neighbours:
            self._callees.calls(state)
            queries.extend(questions.around(state, self._now))
        template_labels = questions.template_labels_of(state)
        if template_labels and subject.namespace not in self._overviews:
            queries.append(questions.services(subject, template_labels))
        if subject not in self._asked_about and self._others_left:
            self._others_left -= 1
            queries.extend(self._about(subject, ()))
        return queries

    def _pods_of(self, neighbour: Subject, labels: questions.Pairs) -> list[Query]:
        """Those of its namespace's pods that are its own; where they were not listed yet, they are asked for."""
        query = questions.pods(neighbour, labels)
        listed = self._listed_pods.get(neighbour.namespace)
        if listed is None:
            return [query]
        wanted = dict(labels).items()
        return self._pods(query, tuple(p for p in listed if wanted <= (metadata_of(p).get("labels") or {}).items()))

    def _dependencies(self) -> list[Query]:
        """What it calls, the sick first: how that fares and what was rolled out there."""
        news = sorted(self._callees.news(), key=lambda one: not one.is_sick)
        others = [one for one in news if one.subject not in self._unfolded and one.subject not in self._asked_about]
        return [query for callee in others for query in self._callee(callee)]

    def _callee(self, callee: Callee) -> list[Query]:
        """A sick one is a neighbour like any other; those that are well leave a place to whoever is not."""
        subject, state = callee.subject, callee.state
        if not self._neighbours_left or (not callee.is_sick and not self._well_callees_left):
            return []
        self._neighbours_left -= 1
        self._neighbours.add(subject)
        if state is not None and callee.is_sick:
            return self._workload(state)
        self._well_callees_left -= 1
        if state is None:
            return [questions.state(subject)]
        queries: list[Query] = []
        if subject.kind in _WITH_HISTORY:
            queries.append(questions.rollouts(subject, questions.selector_of(state)))
        if self._others_left:
            self._others_left -= 1
            queries.extend(self._about(subject, ()))
        return queries

    def _sick_neighbours(self, states: Iterable[ObjectState]) -> list[Query]:
        queries: list[Query] = []
        for state in states:
            is_other = state.subject not in self._unfolded and state.subject not in self._asked_about
            if state.subject.is_workload and is_other and self._neighbours_left and is_unhealthy_workload(state):
                self._neighbours_left -= 1
                self._neighbours.add(state.subject)
                queries.extend(self._workload(state))
        return queries

    def _pods(self, query: PodsQuery, pods: tuple[ObjectState, ...]) -> list[Query]:
        if query.subject.kind == "Node":
            return questions.ways_in(pods)
        chosen = worst_first(pods)[:MAX_PODS_OF_A_QUESTION]
        if query.subject.kind == "Namespace":
            self._listed_pods[query.subject.name] = pods
        if query.subject.kind == "Service" and query.subject in self._neighbours:
            # A dependency elsewhere: its worst pod tells, and of one that is well nothing more is asked.
            chosen = [pod for pod in chosen[:1] if badness(pod)]
        if query.subject.kind == "Namespace":
            chosen = [pod for pod in chosen if badness(pod)]
            self._neighbours.update(pod.subject for pod in chosen if not self._is_meant(pod.subject))
        if query.subject in self._neighbours:
            self._neighbours.update(pod.subject for pod in chosen)
        queries: list[Query] = []
        for number, pod in enumerate(chosen):
            # What happened to the others stands among the events of their namespace.
            queries.extend(self._pod(pod, with_events=not number or pod.subject.namespace not in self._overviews))
            if query.subject.kind in {"Namespace", "Service"} and not self._is_listed(pod):
                queries.extend(self._owner(pod))
        if any(is_unscheduled(pod) for pod in pods):
            queries.append(questions.nodes(query.subject.cluster))
            queries.append(questions.claims(pods[0].subject))
        if query.subject.kind != "Namespace":
            queries.extend(self._health.pods(query.subject, chosen) if self._health else ())
            queries.extend(self._about_odd_names(query.subject, pods))
        return queries

    def _is_listed(self, pod: ObjectState) -> bool:
        """Whether a neighbour's workload is among those that its namespace was asked for: its owner is no question."""
        owner = controller_of(pod)
        is_neighbour = pod.subject in self._neighbours and pod.subject.namespace in self._overviews
        return is_neighbour and owner is not None and owner[0].kind in _LISTED

    def _is_meant(self, pod: Subject) -> bool:
        """Whether the alerts are about this pod, or about a workload of which it bears the name."""
        return any(
            pod == meant or (pod.namespace == meant.namespace and pod.name.startswith(f"{meant.name}-"))
            for meant in self._asked_about
        )

    def _about_odd_names(self, subject: Subject, pods: Iterable[ObjectState]) -> tuple[Query, ...]:
        """Metrics and log stores were asked by the shape of names; pods named otherwise need to be named to them."""
        names = [pod.subject.name for pod in pods if not pod.subject.name.startswith(f"{subject.name}-")]
        return self._about(subject, names[:MAX_NAMED_PODS]) if names else ()

    def _pod(self, pod: ObjectState, *, with_events: bool = True) -> list[Query]:
        subject, spec = pod.subject, pod.body.get("spec") or {}
        if subject in self._looked_into or len(self._looked_into) >= MAX_PODS_LOOKED_INTO:
            return []
        self._looked_into.add(subject)
        queries = self._logs(pod)
        if with_events and subject not in self._neighbours:
            queries.append(questions.events(subject))
        if node := spec.get("nodeName"):
            on = Subject(subject.cluster, "", "Node", str(node))
            queries.append(questions.state(on))
            if subject not in self._neighbours and badness(pod):
                queries.extend(self._journal(on))
        if not node or (subject not in self._neighbours and self._with_claims_left):
            claims = states_of_claims(pod)
            self._with_claims_left -= bool(claims)
            queries.extend(claims)
        return queries

    def _journal(self, node: Subject) -> list[Query]:
        """What the system services of the worst pod's node say: its application log does not know why it ended."""
        asked = [query for query in self._about(node, ()) if isinstance(query, LogQuery)] if self._journals_left else []
        self._journals_left -= len(asked)
        return list(asked)

    def _logs(self, pod: ObjectState) -> list[Query]:
        kept = logs_of(pod, only_ended=pod.subject in self._neighbours)[: self._logs_left]
        self._logs_left -= len(kept)
        return kept
