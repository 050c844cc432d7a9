"""From a decoded object to an `ObjectState`: no nulls, no environment values, every free text redacted."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from app.domain.evidence import ObjectState, evidence_id
from app.domain.subject import Subject
from app.gather.sources.kubernetes.environment import without_secrets, without_value
from app.gather.sources.kubernetes.kinds import KINDS
from app.gather.sources.kubernetes.shapes import Labels, Thing
from app.gather.text import storable
from app.redact import redact

MAX_TEXT = 2_000
MAX_DEPTH = 24
# Free text that people or programs write; names, phases and numbers need no redaction.
_FREE_TEXT = frozenset(
    {"message", "command", "args", "image", "path", "value", "reason", "annotations", "exec", "volumes"}
)
_COMMAND_LINES = frozenset({"command", "args"})
_KEPT_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubernetes.io/change-cause")


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """The text without secrets, storable, at most 2,000 characters; pods of one workload repeat theirs."""
    return redact(storable(text))[:MAX_TEXT]


def kept_annotations(annotations: Labels | None) -> Labels | None:
    """Those that tell of a rollout: revision, change-cause, checksums, restartedAt."""
    kept = {
        name: clean(value)[:200]
        for name, value in (annotations or {}).items()
        if name in _KEPT_ANNOTATIONS or "checksum" in name or name.endswith("restartedAt")
    }
    return kept or None


def subject_of(thing: Thing, kind: str, cluster: str) -> Subject:
    """The object by name; what lives in no namespace has none."""
    namespace = thing.metadata.namespace or "" if KINDS[kind].namespaced else ""
    return Subject(cluster, namespace, kind, thing.metadata.name)


def as_state(thing: Thing, kind: str, cluster: str, now: datetime) -> ObjectState:
    """The object as evidence; seen again it has the same id."""
    subject = subject_of(thing, kind, cluster)
    body = _plain(msgspec.to_builtins(thing), free_text=False, depth=0)
    body["kind"] = kind
    identity = evidence_id("object", cluster, subject.namespace, kind, subject.name)
    return ObjectState(identity, subject, now, body)


def _plain(value: Any, *, free_text: bool, depth: int) -> Any:  # noqa: ANN401 - JSON
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return _plain_map(value, free_text=free_text, depth=depth)
    if isinstance(value, list):
        return [_plain(item, free_text=free_text, depth=depth + 1) for item in value]
    if isinstance(value, str):
        return clean(value) if free_text else storable(value[:MAX_TEXT])
    return value


def _plain_map(value: Mapping[str, Any], *, free_text: bool, depth: int) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, item in value.items():
        if item is None:
            continue
        if name == "annotations":
            item = kept_annotations(item)  # noqa: PLW2901 - only these may leave
        elif name == "env" and isinstance(item, list):
            item = [without_value(v) for v in item if isinstance(v, dict)]  # noqa: PLW2901 - values are dropped here
        elif name in _COMMAND_LINES and isinstance(item, list):
            item = without_secrets(item)  # noqa: PLW2901 - a flag tells what follows it
        if item is not None:
            plain[name] = _plain(item, free_text=free_text or name in _FREE_TEXT, depth=depth + 1)
    return plain
