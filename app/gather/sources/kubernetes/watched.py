"""From an object as the API sends it to what the journal may keep: shown values, and marks of those that are not."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from app.domain.watched import Field, Watched
from app.gather.sources.kubernetes.bodies import clean, subject_of
from app.gather.sources.kubernetes.shapes import Thing
from app.gather.sources.kubernetes.templates import shown
from app.gather.sources.kubernetes.times import parse_time
from app.gather.sources.kubernetes.watched_fields import FIELDS

MAX_FIELDS = 400
MAX_PATH = 200
_AUTOSCALER = "kube-controller-manager"
# What may hold anything, passwords too, in a form that no redactor knows.
_WITHHELD = frozenset({"values"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects of one cluster. `key` marks values that are not kept: a change is seen, and nothing can be guessed.

    `open_config`: patterns `namespace/name` or `namespace/name/key` of ConfigMap values that anybody may read.
    """

    cluster: str
    key: bytes
    open_config: tuple[str, ...] = ()

    def watched(self, thing: Thing, kind: str, now: datetime) -> Watched:
        """What the journal keeps of this object, at most 400 fields."""
        raw = FIELDS[kind][1](thing)
        edits = _edits(thing)
        edited_at, actor, subresource = edits[-1] if edits else (None, "", "")
        autoscaled = actor == _AUTOSCALER and subresource == "scale"
        return Watched(
            subject=subject_of(thing, kind, self.cluster),
            uid=thing.metadata.uid or "",
            fields={clean(path)[:MAX_PATH]: self._field(thing, path, raw[path]) for path in sorted(raw)[:MAX_FIELDS]},
            at=now,
            created_at=parse_time(thing.metadata.creation_timestamp),
            edited_at=edited_at,
            actor=clean(actor)[:100],
            unmeant=frozenset({"replicas"}) if autoscaled else frozenset(),
        )

    def _field(self, thing: Thing, path: str, value: str) -> Field:
        if path in _WITHHELD or (path.startswith("data[") and not self._is_open(thing, path)):
            mark = self._mark(value)
            return Field(f"#{mark[:8]}", mark)
        text = shown(path, value)
        return Field(text) if text == value else Field(text, self._mark(value))

    def _is_open(self, thing: Thing, path: str) -> bool:
        name = f"{thing.metadata.namespace}/{thing.metadata.name}"
        key = path.removeprefix("data[").removesuffix("]")
        return any(fnmatchcase(name, one) or fnmatchcase(f"{name}/{key}", one) for one in self.open_config)

    def _mark(self, value: str) -> str:
        return hashlib.blake2s(value.encode(errors="replace"), key=self.key[:32], digest_size=12).hexdigest()


def _edits(thing: Thing) -> list[tuple[datetime, str, str]]:
    """When and by whom it was edited, oldest first; who only reports its status edits nothing."""
    edits = []
    for entry in thing.metadata.managed_fields or ():
        at = parse_time(entry.time)
        if at is not None and entry.subresource != "status":
            edits.append((at, entry.manager or "", entry.subresource or ""))
    return sorted(edits)
