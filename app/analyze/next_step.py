"""One command to look first: read-only, short, and made of names that cannot be anything but names."""

import re

from app.analyze.causes import DESCRIBE, EVENTS, LOG, NODE, Cause
from app.analyze.wording import short_kind
from app.domain.subject import Subject

# Labels are hostile: what is not a Kubernetes name must not reach a shell through a copied line.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.\-]{0,250}[a-z0-9])?")
_HAS_ROLLOUTS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_HAS_LOGS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Pod", "Job", "ReplicaSet"})
_KIND = re.compile(r"[A-Za-z]{1,60}")


def next_step(cause: Cause | None, subject: Subject) -> str:
    """The cause's command for this subject, or a look at the subject itself; empty where it has no proper name."""
    return _command(cause.next_step if cause else _look_at(subject), subject)


def _command(template: str, subject: Subject) -> str:
    if "rollout history" in template and subject.kind not in _HAS_ROLLOUTS:
        template = _look_at(subject)
    if " logs " in template and subject.kind not in _HAS_LOGS:
        template = _look_at(subject)
    if "{ns}" in template and not subject.namespace:
        template = _look_at(subject)
    named = _NAME.fullmatch(subject.name) and _KIND.fullmatch(subject.kind)
    if not named or (subject.namespace and not _NAME.fullmatch(subject.namespace)):
        return ""
    return template.format(ns=subject.namespace, kind=short_kind(subject.kind), name=subject.name)


def look_into(subject: Subject) -> str:
    """Where to look when users feel it and the objects look well: what the workload itself writes."""
    return _command(f"{LOG} --since=15m", subject)


def _look_at(subject: Subject) -> str:
    if subject.kind == "Node":
        return NODE
    if subject.kind == "Namespace":
        return EVENTS.format(ns="{name}")
    if subject.kind == "Cluster":
        return "kubectl get nodes"
    return DESCRIBE if subject.namespace else "kubectl describe {kind}/{name}"
