"""What to ask about volume claims: whatever an unbound one wants, and where the volume of a bound one is."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.evidence import ObjectState
from app.domain.query import Query
from app.domain.subject import Subject
from app.gather import questions

MAX_CLAIMS = 2
CLAIM = "PersistentVolumeClaim"


def unbound(claims: Iterable[ObjectState]) -> list[Query]:
    """Whatever a claim that found no volume wants."""
    queries: list[Query] = []
    waiting = [claim for claim in claims if (claim.body.get("status") or {}).get("phase") != "Bound"]
    for claim in waiting[:MAX_CLAIMS]:
        queries.extend(about_claim(claim))
    return [*queries, questions.volumes(waiting[0].subject.cluster)] if waiting else []


def states_of_claims(pod: ObjectState) -> list[Query]:
    """The first claims of a pod."""
    subject = pod.subject
    volumes = (pod.body.get("spec") or {}).get("volumes") or ()
    names = [str((volume.get("persistentVolumeClaim") or {}).get("claimName") or "") for volume in volumes]
    claims = [Subject(subject.cluster, subject.namespace, CLAIM, name) for name in names if name]
    return [questions.state(claim) for claim in claims[:MAX_CLAIMS]]


def about_claim(claim: ObjectState) -> list[Query]:
    """Of a bound one where its volume is; of another what keeps it waiting."""
    subject, spec = claim.subject, claim.body.get("spec") or {}
    if (claim.body.get("status") or {}).get("phase") != "Bound":
        return [questions.events(subject), *_behind(subject, spec, ("PersistentVolume", "StorageClass"))]
    return _behind(subject, spec, ("PersistentVolume",))


def _behind(claim: Subject, spec: Mapping[str, Any], kinds: Iterable[str]) -> list[Query]:
    names = {"PersistentVolume": spec.get("volumeName"), "StorageClass": spec.get("storageClassName")}
    return [questions.state(Subject(claim.cluster, "", kind, str(names[kind]))) for kind in kinds if names[kind]]
