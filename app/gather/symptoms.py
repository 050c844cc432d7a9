"""Which pods and containers look worst, so that the few questions left go to them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.evidence import ObjectState

# Nothing ran yet, so there is no log to read.
_NEVER_RAN = frozenset(
    {
        "ContainerCreating",
        "PodInitializing",
        "ErrImagePull",
        "ImagePullBackOff",
        "ImageInspectError",
        "ErrImageNeverPull",
        "InvalidImageName",
        "RegistryUnavailable",
        "CreateContainerConfigError",
    },
)
_HARMLESS_WAITS = frozenset({"ContainerCreating", "PodInitializing"})
_STATUS_LISTS = ("initContainerStatuses", "containerStatuses")


@dataclass(frozen=True, slots=True)
class ContainerLook:
    """One container as its status shows it; `crashed`: a run of it ended badly, or it restarted."""

    name: str
    bad: bool
    crashed: bool
    ran: bool
    had_run_before: bool


def containers_of(pod: ObjectState) -> tuple[ContainerLook, ...]:
    """All containers with a status, init containers and sidecars first."""
    return tuple(_look(status, init=name == _STATUS_LISTS[0]) for name, status in _statuses(pod))


def badness(pod: ObjectState) -> int:
    """0 for a healthy or finished pod; more the worse it looks."""
    status = _map(pod.body.get("status"))
    phase = status.get("phase")
    if phase == "Succeeded":
        return 0
    score = {"Failed": 6, "Pending": 5, "Unknown": 5}.get(str(phase), 0)
    score += 2 * sum(look.bad for look in containers_of(pod)) + sum(look.crashed for look in containers_of(pod))
    score += 0 if _is_ready(status) else 2
    return score + (1 if _map(pod.body.get("metadata")).get("deletionTimestamp") else 0)


def worst_first(pods: Iterable[ObjectState]) -> list[ObjectState]:
    """The worst pod first; among equals by name, so that the order is always the same."""
    return sorted(pods, key=lambda pod: (-badness(pod), pod.subject.name))


def is_unhealthy_workload(state: ObjectState) -> bool:
    """Whether fewer pods are available than it wants."""
    spec, status = _map(state.body.get("spec")), _map(state.body.get("status"))
    if state.subject.kind == "Job":
        return bool(status.get("failed"))
    wanted = spec.get("replicas", status.get("desiredNumberScheduled", 0)) or 0
    have = status.get("availableReplicas", status.get("numberAvailable", status.get("readyReplicas", 0))) or 0
    return int(have) < int(wanted)


def is_unscheduled(pod: ObjectState) -> bool:
    """Whether no node was found for it yet."""
    return not _map(pod.body.get("spec")).get("nodeName") and _map(pod.body.get("status")).get("phase") == "Pending"


def _statuses(pod: ObjectState) -> Iterator[tuple[str, Mapping[str, Any]]]:
    status = _map(pod.body.get("status"))
    for name in _STATUS_LISTS:
        for entry in status.get(name) or ():
            yield name, entry


def _look(status: Mapping[str, Any], *, init: bool) -> ContainerLook:
    state, last = _map(status.get("state")), _map(status.get("lastState"))
    waiting, terminated = _map(state.get("waiting")), _map(state.get("terminated"))
    restarted = bool(status.get("restartCount")) or bool(last.get("terminated"))
    failed = bool(terminated) and terminated.get("exitCode") != 0
    reason = str(waiting.get("reason", ""))
    stuck = bool(waiting) and reason not in _HARMLESS_WAITS
    unready = not init and not status.get("ready") and not terminated
    return ContainerLook(
        name=str(status.get("name", "")),
        bad=failed or stuck or restarted or unready,
        crashed=failed or restarted,
        ran=restarted or not (waiting and reason in _NEVER_RAN),
        had_run_before=restarted,
    )


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())


def _map(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, Mapping) else {}
