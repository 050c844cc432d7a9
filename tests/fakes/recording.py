"""A recorded incident: what the cluster, its logs and its metrics looked like at one moment."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

RECORDINGS = Path(__file__).parent / "recordings"
KUBECTL_COMPLAINT = re.compile(r"^(?:Error: )?Error from server(?: \((?P<reason>\w+)\))?: (?P<message>.*)$")
SIDECARS = frozenset({"istio-proxy", "linkerd-proxy"})
# Secrets for redaction to find; built here, so that no file holds one whole.
SYNTHETIC_SECRETS = {
    "{{password}}": "xK9-vQ2" + "rT7mWz4pLs",
    "{{token}}": ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJjYXJ0LTgxMCJ9", "c2lnbmVkLWJ5LW5v" + "LW9uZS1hdC1hbGw")),
}
_RFC3339 = re.compile(r"(?P<seconds>\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?P<rest>(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))")
_SPREAD_SECONDS = 300.0

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as a container wrote it; every line has a time, made up evenly where none was recorded."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Recording:
    """Logs are kept by app, or `app/previous`, or `pod/container`, or `pod/container/previous`."""

    now: datetime
    objects: tuple[Object, ...] = ()
    logs: Mapping[str, list[list[str | None]]] = field(default_factory=dict)
    metrics: Mapping[str, Any] | None = None
    alerts: Any = ()
    label: Mapping[str, Any] = field(default_factory=dict)
    moved: timedelta = timedelta(0)

    @classmethod
    def load(cls, path: Path | str, *, now: datetime | None = None) -> Self:
        """From plain or gzipped JSON; with `now` every RFC 3339 time in it moves so that it ends there."""
        raw = Path(path).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        return cls.parse(text, now=now)

    @classmethod
    def named(cls, name: str, *, now: datetime | None = None) -> Self:
        """One of our own recordings, by its file's name without the ending."""
        return cls.load(RECORDINGS / f"{name}.json", now=now)

    def payload(self, name: str) -> Object:
        """The Alertmanager payload that goes with one of our own recordings, its times moved alike."""
        text = (RECORDINGS / f"{name}_alert.json").read_text(encoding="utf-8")
        found: Object = json.loads(_moved(text, self.moved))
        return found

    @classmethod
    def parse(cls, text: str, *, now: datetime | None = None) -> Self:
        """From the JSON text itself."""
        by = timedelta(0)
        if now is not None:
            recorded = datetime.fromisoformat(json.loads(text)["now"])
            by = timedelta(seconds=round((now - recorded).total_seconds()))
            text = _moved(text, by)
        for placeholder, secret in SYNTHETIC_SECRETS.items():
            text = text.replace(placeholder, secret)
        body = json.loads(text)
        return cls(
            now=datetime.fromisoformat(body["now"]),
            objects=tuple(body.get("objects", ())),
            logs=body.get("logs") or {},
            metrics=body.get("metrics"),
            alerts=body.get("alerts") or (),
            label=body.get("label") or {},
            moved=by,
        )

    @property
    def present(self) -> datetime:
        """The servers' clock: it runs on in a recording that was moved to today, and stands still in an old one."""
        today = datetime.now(UTC)
        return today if abs(today - self.now) < timedelta(hours=12) else self.now

    def of_kind(self, kind: str) -> list[Object]:
        """The objects of one kind, in the order in which they were recorded."""
        return [item for item in self.objects if item["kind"] == kind]

    def lines(self, key: str) -> list[LogLine]:
        """The lines under a key in order of time; kubectl's complaints are not lines."""
        kept = [(at, text or "") for at, text in self.logs.get(key, ()) if not KUBECTL_COMPLAINT.match(text or "")]
        untimed = sum(at is None for at, _ in kept)
        made_up = _spread(self.now, untimed)
        lines = [LogLine(datetime.fromisoformat(at) if at else next(made_up), text) for at, text in kept]
        return sorted(lines, key=lambda line: line.at)

    def complaint(self, key: str, pod: str) -> re.Match[str] | None:
        """What the API server said in place of that pod's log, if it did."""
        for _, text in self.logs.get(key, ()):
            match = KUBECTL_COMPLAINT.match(text or "")
            if match and pod in match["message"]:
                return match
        return None


def app_of(pod: Object, apps: Mapping[str, Any]) -> str:
    """The app that a pod belongs to: its `app` label, else the longest known name its own name starts with."""
    labels = pod["metadata"].get("labels") or {}
    for key in ("app", "app.kubernetes.io/name"):
        if labels.get(key) in apps:
            return str(labels[key])
    prefixes = [app for app in apps if "/" not in app and pod["metadata"]["name"].startswith(f"{app}-")]
    return max(prefixes, key=len, default=str(labels.get("app", "")))


def main_container(pod: Object) -> str:
    """The container that an app's log is of: the first that is no mesh sidecar."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    return next((name for name in names if name not in SIDECARS), names[0])


def _spread(now: datetime, count: int) -> Iterator[datetime]:
    """`count` moments, evenly over the last minutes before `now`; the last one is just before it."""
    for index in range(count):
        yield now - timedelta(seconds=_SPREAD_SECONDS * (count - index) / max(count, 1))


def _moved(text: str, by: timedelta) -> str:
    def move(match: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(match["seconds"].upper())
        except ValueError:
            return match[0]
        if moment.year < 1970:  # the zero time means "no time"
            return match[0]
        return (moment + by).isoformat() + match["rest"]

    return _RFC3339.sub(move, text)
