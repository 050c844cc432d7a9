"""A pod as detectors see it: its containers, how they ended, and what they wait for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.analyze.body import dig, integer, mapping, maps, moment, text
from app.domain.evidence import ObjectState
from app.domain.subject import Subject

_STATUS_LISTS = ("initContainerStatuses", "containerStatuses")
_SPEC_LISTS = ("initContainers", "containers")


@dataclass(frozen=True, slots=True)
class Termination:
    """How one run of a container ended. Exit code 137 alone does not prove a memory kill."""

    exit_code: int | None
    reason: str
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    signal: int | None = None

    @property
    def lasted_seconds(self) -> float | None:
        """How long the run was, in seconds."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod; `spec` is its part of the pod's spec."""

    name: str
    init: bool
    ready: bool
    restarts: int
    waiting_reason: str
    waiting_message: str
    ended: Termination | None
    last_ended: Termination | None
    spec: Mapping[str, Any]

    @property
    def last_failure(self) -> Termination | None:
        """The newest run that ended badly: in a crash loop that is the last state, not the current one."""
        for end in (self.ended, self.last_ended):
            if end is not None and (end.exit_code or end.signal or end.reason not in {"", "Completed"}):
                return end
        return None

    @property
    def newest_end(self) -> Termination | None:
        """How the newest run that is over ended, well or badly."""
        return self.ended or self.last_ended

    @property
    def is_sidecar(self) -> bool:
        """Whether it stands among those that run first, and is to stay all the same."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    def limit(self, resource: str) -> str:
        """The limit of `memory` or `cpu` as it is written, empty without one."""
        return text(dig(self.spec, "resources", "limits", resource))

    def request(self, resource: str) -> str:
        """The same of the request."""
        return text(dig(self.spec, "resources", "requests", resource))


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod and the workload that it belongs to."""

    state: ObjectState
    workload: Subject
    containers: tuple[Container, ...]

    @property
    def subject(self) -> Subject:
        """The pod itself."""
        return self.state.subject

    @property
    def phase(self) -> str:
        """Pending, Running, Succeeded, Failed or Unknown; CrashLoopBackOff is not a phase."""
        return text(dig(self.state.body, "status", "phase"))

    @property
    def node(self) -> str:
        """The node's name, empty while it is not scheduled."""
        return text(dig(self.state.body, "spec", "nodeName"))

    @property
    def deleting(self) -> bool:
        """Whether it is being deleted (Terminating is not a phase)."""
        return dig(self.state.body, "metadata", "deletionTimestamp") is not None

    @property
    def created_at(self) -> datetime | None:
        """When it was made."""
        return moment(dig(self.state.body, "metadata", "creationTimestamp"))

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is true."""
        return self.condition("Ready").get("status") == "True"

    @property
    def finished(self) -> bool:
        """Whether it is over: a Job's pod that succeeded, another's that was evicted and lingers as Failed."""
        over = self.phase == "Failed" and self.workload.kind not in {"Job", "CronJob"}
        return over or self.phase == "Succeeded"

    def has_labels(self, wanted: Mapping[str, Any]) -> bool:
        """Whether it carries all these labels."""
        own = mapping(dig(self.state.body, "metadata", "labels"))
        return all(own.get(key) == value for key, value in wanted.items())

    def condition(self, kind: str) -> Mapping[str, Any]:
        """One condition, empty where it is not there."""
        for condition in maps(dig(self.state.body, "status", "conditions")):
            if condition.get("type") == kind:
                return condition
        return {}


def read_pod(state: ObjectState, workload: Subject) -> Pod:
    """The pod that this object shows."""
    return Pod(state, workload, tuple(_containers(state.body)))


def _containers(body: Mapping[str, Any]) -> Iterator[Container]:
    for statuses, specs in zip(_STATUS_LISTS, _SPEC_LISTS, strict=True):
        spec_of = {text(spec.get("name")): spec for spec in maps(dig(body, "spec", specs))}
        status_of = {text(status.get("name")): status for status in maps(dig(body, "status", statuses))}
        for name in sorted(spec_of | status_of):
            status = status_of.get(name, {})
            waiting = mapping(dig(status, "state", "waiting"))
            yield Container(
                name=name,
                init=specs == "initContainers",
                ready=status.get("ready") is True,
                restarts=max(integer(status.get("restartCount")) or 0, 0),
                waiting_reason=text(waiting.get("reason")),
                waiting_message=text(waiting.get("message")),
                ended=_termination(dig(status, "state", "terminated")),
                last_ended=_termination(dig(status, "lastState", "terminated")),
                spec=spec_of.get(name, {}),
            )


def _termination(value: object) -> Termination | None:
    body = mapping(value)
    if not body:
        return None
    return Termination(
        exit_code=integer(body.get("exitCode")),
        reason=text(body.get("reason")),
        message=text(body.get("message")),
        started_at=moment(body.get("startedAt")),
        finished_at=moment(body.get("finishedAt")),
        signal=integer(body.get("signal")) or None,
    )
