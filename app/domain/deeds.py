"""From two sights of an object to the change that somebody made; what nobody did, or nobody can see, is none."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from app.domain.change import Change, FieldDiff
from app.domain.evidence import evidence_id
from app.domain.subject import Subject
from app.domain.summary import summarize
from app.domain.watched import Field, Gone, Watched, differences

CLOCK_SLACK = timedelta(seconds=5)
_WORDS = {
    "ConfigMap": "config",
    "Service": "service",
    "Ingress": "ingress",
    "HorizontalPodAutoscaler": "autoscaler",
    "PodDisruptionBudget": "disruption budget",
    "ResourceQuota": "quota",
    "NetworkPolicy": "network policy",
    "ServiceAccount": "service account",
    "PersistentVolumeClaim": "volume claim",
    "Node": "node",
    "Application": "release",
    "HelmRelease": "release",
    "Kustomization": "release",
}
_OUTSIDE_THE_TEMPLATE = frozenset(
    {"paused", "strategy", "serviceName", "minReadySeconds", "progressDeadlineSeconds", "schedule", "timeZone"}
    | {"suspend", "concurrencyPolicy", "selector"}
)


def edit(before: Mapping[str, Field], last_change: datetime | None, now: Watched) -> Change | None:
    """What was done between two sights; None where nothing was, or nothing that anybody meant."""
    diff = tuple(one for one in differences(before, now.fields) if one.path not in now.unmeant)
    if not diff:
        return None
    word = _word(now.subject, diff)
    return _change(now, _edited_at(last_change, now), summarize(_title(word, now.subject), diff), (word, diff))


def creation(now: Watched) -> Change:
    """Something that was not there before."""
    word = _word(now.subject, ())
    summary = f"{_title(word, now.subject)}: created"
    return _change(now, now.created_at or now.at, summary, (word, differences({}, now.fields)))


def removal(before: Mapping[str, Field], gone: Gone) -> Change:
    """Something that is there no more."""
    word = _word(gone.subject, ())
    summary = f"{_title(word, gone.subject)}: deleted"
    return _change(gone, gone.at, summary, (word, differences(before, {})))


def _change(seen: Watched | Gone, at: datetime, summary: str, what: tuple[str, tuple[FieldDiff, ...]]) -> Change:
    subject, (word, diff) = seen.subject, what
    identity = evidence_id("change", subject, subject.kind, at.isoformat(), *(one.path for one in diff))
    actor = seen.actor if isinstance(seen, Watched) else ""
    return Change(identity, subject, at, word, summary[:300], diff, actor)


def _edited_at(last_change: datetime | None, now: Watched) -> datetime:
    """When the object says that it was edited, unless that is the edit before, or makes no sense."""
    edited = now.edited_at
    if edited is None or edited > now.at + CLOCK_SLACK or (last_change is not None and edited <= last_change):
        return now.at
    return min(edited, now.at)


def _word(subject: Subject, diff: Iterable[FieldDiff]) -> str:
    if subject.kind in _WORDS:
        return _WORDS[subject.kind]
    paths = {one.path for one in diff}
    if paths == {"replicas"}:
        return "scale"
    return "settings" if paths and paths <= _OUTSIDE_THE_TEMPLATE | {"replicas"} else "rollout"


def _title(word: str, subject: Subject) -> str:
    """The name goes without saying where the change is of the workload itself."""
    return f"{word} {subject.name}" if subject.kind in _WORDS else word
