"""Who owns an object, and who must have owned one that is gone."""

import re
from collections.abc import Mapping
from typing import Any

from app.domain.evidence import ObjectState
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject

KNOWN_OWNERS = frozenset(
    {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Rollout", "Node"},
)
# Kubernetes makes the last five characters of a pod's name, and a template's hash, from these.
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_REPLICATED = re.compile(rf"(.+)-([{_SAFE}]{{5,10}}|\d{{5,10}})-[a-z0-9]{{5}}")
_ORDINAL = re.compile(r"(.+)-\d{1,5}")
_SUFFIXED = re.compile(r"(.+)-[a-z0-9]{5}")


def controller_of(state: ObjectState) -> tuple[Subject, str] | None:
    """The owner that controls the object, and its uid (may be empty); None for none or an unknown kind."""
    for owner in metadata_of(state).get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") in KNOWN_OWNERS and owner.get("name"):
            kind = owner["kind"]
            namespace = "" if kind in CLUSTER_SCOPED_KINDS else state.subject.namespace
            return Subject(state.subject.cluster, namespace, kind, owner["name"]), owner.get("uid") or ""
    return None


def metadata_of(state: ObjectState) -> Mapping[str, Any]:
    """The object's metadata."""
    metadata: Mapping[str, Any] = state.body.get("metadata") or {}
    return metadata


def others_by_name(missing: Subject) -> tuple[Subject, ...]:
    """What a subject that is not there may have meant instead: the owner of a gone pod, or a wrongly guessed kind."""
    if missing.kind == "Pod":
        return _owners_of_gone_pod(missing)
    if missing.kind in {"Deployment", "Service"}:
        kinds = ("StatefulSet", "DaemonSet", "Deployment", "Pod")
        return tuple(_like(missing, kind, missing.name) for kind in kinds if kind != missing.kind)
    if missing.kind == "ReplicaSet":
        return (_like(missing, "Deployment", missing.name.rpartition("-")[0]),) if "-" in missing.name else ()
    return ()


def _owners_of_gone_pod(pod: Subject) -> tuple[Subject, ...]:
    if match := _REPLICATED.fullmatch(pod.name):
        name = match.group(1)
        return (_like(pod, "ReplicaSet", f"{name}-{match.group(2)}"), _like(pod, "Deployment", name))
    owners = []
    if match := _ORDINAL.fullmatch(pod.name):
        owners.append(_like(pod, "StatefulSet", match.group(1)))
    if match := _SUFFIXED.fullmatch(pod.name):
        owners.extend(_like(pod, kind, match.group(1)) for kind in ("DaemonSet", "Job", "ReplicaSet"))
    return tuple(owners)


def _like(subject: Subject, kind: str, name: str) -> Subject:
    return Subject(subject.cluster, subject.namespace, kind, name)
