"""What a judged incident may share with others: by which storm it is known."""

from app.domain.incident import Assessment, Hypothesis
from app.domain.story import SAME_CAUSE_AT_LEAST, StormKey, node_storm, own_key
from app.domain.subject import Subject

# These are of the whole cluster, whatever workload they were seen at.
_EVERYWHERE = ("image.registry_", "image.rate_limited", "schedule.insufficient_", "schedule.scheduler_down")
_UNREACHABLE = "log.dependency_unreachable"


def shared_causes(assessment: Assessment, reported: tuple[Subject, ...]) -> tuple[StormKey, ...]:
    """The storms that the first hypothesis points to, unless it is a guess or of this workload's own making.

    `reported`: what the incident's alerts are about.
    """
    first = assessment.hypotheses[0] if assessment.hypotheses else None
    if first is None or first.confidence == "low":
        return ()
    subject, family = first.subject, first.cause.partition(".")[0]
    if family == "node":
        return (node_storm(subject.cluster, subject.name),)
    shared: tuple[StormKey, ...] = ()
    if family == "quota":
        shared = (_storm("quota", subject.cluster, subject.namespace or subject.name),)
    elif first.cause.startswith(_EVERYWHERE):
        shared = (_storm("cause", subject.cluster, first.cause),)
    elif targets := _targets(assessment, first):
        shared = tuple(_storm("dependency", subject.cluster, target) for target in targets)
    elif own_key(subject) not in {"", *(own_key(one) for one in reported)}:
        shared = (_storm("cause", subject.cluster, f"{first.cause} {subject}"),)
    return shared


def _targets(assessment: Assessment, first: Hypothesis) -> tuple[str, ...]:
    """What cannot be reached, where that is the cause."""
    if first.cause != "dependency.unreachable":
        return ()
    found = {one.names for one in assessment.findings if one.kind == _UNREACHABLE and one.subject == first.subject}
    return tuple(sorted(found - {""}))


def _storm(kind: str, cluster: str, what: str) -> StormKey:
    key = f"{kind}:{cluster}/{what}"[:200]
    return StormKey(key, key, SAME_CAUSE_AT_LEAST)
