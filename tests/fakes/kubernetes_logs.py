"""What the pod log endpoint answers for a recorded pod, refusals included."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.recording import LogLine, Object, Recording, app_of, main_container


class LogRefusedError(Exception):
    """The log cannot be had: the API's status code, reason and message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


@dataclass(frozen=True, slots=True)
class LogRequest:
    """The parameters of one request, as they came."""

    parameters: Mapping[str, str]
    now: datetime

    def flag(self, name: str) -> bool:
        return self.parameters.get(name, "false").lower() in {"true", "1"}

    def number(self, name: str) -> int | None:
        text = self.parameters.get(name)
        if text is None:
            return None
        if not text.lstrip("-").isdigit() or int(text) < (0 if name == "tailLines" else 1):
            at_least = "greater than or equal to 0" if name == "tailLines" else "greater than 0"
            raise LogRefusedError(422, "Invalid", f'PodLogOptions "" is invalid: {name}: must be {at_least}')
        return int(text)

    @property
    def since(self) -> datetime | None:
        seconds, moment = self.number("sinceSeconds"), self.parameters.get("sinceTime")
        if seconds is not None and moment:
            message = "at most one of `sinceTime` or `sinceSeconds` may be specified"
            raise LogRefusedError(422, "Invalid", f'PodLogOptions "" is invalid: {message}')
        if seconds is not None:
            return self.now - timedelta(seconds=seconds)
        return datetime.fromisoformat(moment) if moment else None


def pod_log(recording: Recording, pod: Object, request: LogRequest) -> bytes:
    """The log text. Raises `LogRefusedError` with the API's own words."""
    container = _container(pod, request.parameters.get("container", ""))
    lines = _lines(recording, pod, container, previous=request.flag("previous"))
    since, tail, limit = request.since, request.number("tailLines"), request.number("limitBytes")
    if since is not None:
        lines = [line for line in lines if line.at >= since]
    if tail is not None:
        lines = lines[len(lines) - min(tail, len(lines)) :]
    stamped = request.flag("timestamps")
    text = "".join(f"{_stamp(line.at)} {line.text}\n" if stamped else f"{line.text}\n" for line in lines)
    return text.encode()[:limit]  # counted from the start of what was chosen, and it may split a character


def _container(pod: Object, asked: str) -> str:
    name, spec = pod["metadata"]["name"], pod["spec"]
    containers = [item["name"] for item in spec["containers"]]
    initial = [item["name"] for item in spec.get("initContainers") or ()]
    if asked:
        if asked not in {*containers, *initial}:
            raise LogRefusedError(400, "BadRequest", f"container {asked} is not valid for pod {name}")
        return asked
    if len(containers) == 1:
        return str(containers[0])
    message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    if initial:
        message += f" or one of the init containers: [{' '.join(initial)}]"
    raise LogRefusedError(400, "BadRequest", message)


def _lines(recording: Recording, pod: Object, container: str, *, previous: bool) -> list[LogLine]:
    name, app = pod["metadata"]["name"], app_of(pod, recording.logs)
    status = _status_of(pod, container)
    last = (status.get("lastState") or {}).get("terminated")
    waiting = (status.get("state") or {}).get("waiting")
    complaint = recording.complaint(app, name)
    if complaint and container == main_container(pod):
        reason = complaint["reason"] or "InternalError"
        raise LogRefusedError(400 if reason == "BadRequest" else 500, reason, complaint["message"])
    if previous and not last:
        message = f'previous terminated container "{container}" in pod "{name}" not found'
        raise LogRefusedError(400, "BadRequest", message)
    if not previous and not last and (waiting or not status):
        why = (waiting or {}).get("reason", "ContainerCreating")
        message = f'container "{container}" in pod "{name}" is waiting to start: {_WAITING.get(why, why)}'
        raise LogRefusedError(400, "BadRequest", message)
    # A container that waits after a run shows that run: the kubelet falls back to its last state.
    last_run = previous or bool(waiting)
    keys = [f"{name}/{container}", app] if container == main_container(pod) else [f"{name}/{container}"]
    if last_run:
        keys = [f"{key}/previous" for key in keys] + (keys if waiting else [])
    return next((recording.lines(key) for key in keys if key in recording.logs), [])


def _status_of(pod: Object, container: str) -> dict[str, Any]:
    status = pod.get("status", {})
    every = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((item for item in every if item["name"] == container), {})


def _stamp(moment: datetime) -> str:
    zone = moment.strftime("%z")
    written = "Z" if zone in {"", "+0000"} else f"{zone[:3]}:{zone[3:]}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond * 1000:09d}{written}"


_WAITING = {
    "ErrImagePull": "trying and failing to pull image",
    "ImagePullBackOff": "trying and failing to pull image",
    "ErrImageNeverPull": "image can't be pulled",
    "InvalidImageName": "image can't be pulled",
}
