"""Volume claims that are not there, not bound, or name a class that does not exist."""

import re
from collections.abc import Iterable

from app.analyze.body import dig, maps, text
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

_CLAIM_MISSING = re.compile(r'persistentvolumeclaim "(?P<name>[^"]+)" not found', re.IGNORECASE)
_CLASS_MISSING = re.compile(r'storageclass\S* "(?P<name>[^"]+)" not found', re.IGNORECASE)


class Storage:
    """`storage.*` on the workload whose pods wait for the claim."""

    name = "storage"

    def detect(self, world: World) -> Iterable[Finding]:
        """Only for pods that wait: an unused claim harms nobody."""
        for workload in world.workloads:
            waiting = [pod for pod in world.pods_of(workload) if pod.phase == "Pending"]
            if not waiting:
                continue
            for event in world.events_about(workload, "FailedScheduling")[-1:]:
                if match := _CLAIM_MISSING.search(event.message):
                    statement = f"claim {match['name']} does not exist"
                    yield finding("storage.claim_missing", workload, Severity.CRITICAL, statement, evidence=(event.id,))
            names = {
                text(dig(volume, "persistentVolumeClaim", "claimName"))
                for pod in waiting
                for volume in maps(dig(pod.state.body, "spec", "volumes"))
            }
            for name in sorted(names - {""}) or _only_unbound(world, workload):
                yield from _claim(world, workload, name)


def _only_unbound(world: World, workload: Subject) -> list[str]:
    """Where the pod's own volumes were not seen: the one claim of the namespace that is not bound."""
    claims = [one for one in world.of_kind("PersistentVolumeClaim") if one.subject.namespace == workload.namespace]
    unbound = [one.subject.name for one in claims if dig(one.body, "status", "phase") != "Bound"]
    told = any("unbound" in event.message for event in world.events_about(workload, "FailedScheduling")[-1:])
    return unbound if told and len(unbound) == 1 else []


def _claim(world: World, workload: Subject, name: str) -> Iterable[Finding]:
    subject = Subject(workload.cluster, workload.namespace, "PersistentVolumeClaim", name)
    claim = world.find(subject)
    if claim is None or dig(claim.body, "status", "phase") == "Bound":
        return
    events = world.events_about(subject)
    for event in events[-1:]:
        if match := _CLASS_MISSING.search(event.message):
            statement = cut(f"claim {name} names storage class {match['name']}, which does not exist", 85)
            ids = (claim.id, event.id)
            yield finding("storage.class_missing", workload, Severity.CRITICAL, statement, evidence=ids)
            return
    said = f": {events[-1].message}" if events else ""
    statement = cut(f"claim {name} is not bound to a volume{said}", 85)
    yield finding("storage.claim_unbound", workload, Severity.CRITICAL, statement, evidence=(claim.id,))
