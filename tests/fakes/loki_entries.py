"""The lines of a recording as Loki stores them, and Loki's way to read a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.fakes.logql import LogqlError
from tests.fakes.recording import Object, Recording, app_of, main_container

NANOSECONDS = 1_000_000_000
_LEVELS = (
    ("fatal", re.compile(r"\b(fatal|panic)\b", re.IGNORECASE)),
    ("error", re.compile(r"\b(error|err|exception)\b", re.IGNORECASE)),
    ("warn", re.compile(r"\b(warn|warning)\b", re.IGNORECASE)),
    ("info", re.compile(r"\binfo\b", re.IGNORECASE)),
    ("debug", re.compile(r"\bdebug\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored line; `labels` are the indexed ones of its stream."""

    nanoseconds: int
    text: str
    labels: dict[str, str]
    level: str


def parse_time(text: str, default: int) -> int:
    """Nanoseconds, by Loki's own rule: 13 digits are nanoseconds of January 1970, not milliseconds."""
    if not text:
        return default
    if "." in text and re.fullmatch(r"-?\d+\.\d*", text):
        return round(float(text) * 1000) * 1_000_000
    if re.fullmatch(r"-?\d+", text):
        return int(text) * NANOSECONDS if len(text) <= 10 else int(text)
    try:
        return nanoseconds(datetime.fromisoformat(text))
    except ValueError as error:
        raise LogqlError(f'cannot parse "{text}" to a valid timestamp') from error


def entries_of(recording: Recording) -> Iterable[Entry]:
    pods = recording.of_kind("Pod")
    for key in recording.logs:
        pod, container, app = _origin(recording, pods, key)
        namespace = pod["metadata"]["namespace"] if pod else recording.label.get("namespace", "default")
        labels = {"namespace": namespace, "app": app, "container": container, "job": f"{namespace}/{app}"}
        labels |= {"service_name": app}
        if pod:
            labels |= {"pod": pod["metadata"]["name"], "node_name": pod["spec"].get("nodeName", "")}
        elif "/" in key:
            labels["pod"] = key.split("/")[0]  # a log store remembers pods that are gone
        kept = {name: value for name, value in labels.items() if value}
        for line in recording.lines(key):
            yield Entry(nanoseconds(line.at), line.text, kept, _level(line.text))


def _level(text: str) -> str:
    return next((name for name, pattern in _LEVELS if pattern.search(text)), "unknown")


def _origin(recording: Recording, pods: list[Object], key: str) -> tuple[Object | None, str, str]:
    """The pod, container and app of a log's key; an app's log counts as its first pod's."""
    parts = key.removesuffix("/previous").split("/")
    if len(parts) == 2:
        pod = next((pod for pod in pods if pod["metadata"]["name"] == parts[0]), None)
        app = app_of(pod, {**recording.logs, **_own_label(pod)}) if pod else parts[0].rsplit("-", 2)[0]
        return pod, parts[1], app
    mine = [pod for pod in pods if app_of(pod, recording.logs) == parts[0]]
    return (mine[0], main_container(mine[0]), parts[0]) if mine else (None, parts[0], parts[0])


def _own_label(pod: Object) -> dict[str, object]:
    labels = pod["metadata"].get("labels") or {}
    return {str(labels[key]): None for key in ("app", "app.kubernetes.io/name") if key in labels}


def nanoseconds(moment: datetime) -> int:
    whole = moment.replace(tzinfo=moment.tzinfo or UTC)
    return int(whole.replace(microsecond=0).timestamp()) * NANOSECONDS + whole.microsecond * 1000
