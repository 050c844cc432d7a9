"""What scales, guards and holds a workload: autoscalers, disruption budgets, claims and where their volumes are."""

from collections.abc import Mapping
from typing import Any

from app.analyze.body import dig, integer, mapping, maps, text
from app.analyze.wording import plural
from app.analyze.world import World
from app.domain.evidence import ObjectState
from app.domain.subject import Subject

_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_HOST = "kubernetes.io/hostname"


def autoscalers_of(world: World, workload: Subject) -> tuple[ObjectState, ...]:
    """The autoscalers whose target it is."""
    return tuple(
        scaler
        for scaler in world.of_kind("HorizontalPodAutoscaler")
        if scaler.subject.namespace == workload.namespace
        and text(dig(scaler.body, "spec", "scaleTargetRef", "name")) == workload.name
        and text(dig(scaler.body, "spec", "scaleTargetRef", "kind")) == workload.kind
    )


def condition(state: ObjectState, kind: str) -> Mapping[str, Any]:
    """One condition of an object, empty where it is not there."""
    found = (one for one in maps(dig(state.body, "status", "conditions")) if text(one.get("type")) == kind)
    return next(found, {})


def is_maxed_out(scaler: ObjectState) -> bool:
    """Whether it would have more replicas than it may: it says so; having as many as it may proves nothing."""
    limited = condition(scaler, "ScalingLimited")
    return limited.get("status") == "True" and text(limited.get("reason")) == "TooManyReplicas"


def is_blind(scaler: ObjectState) -> bool:
    """Whether it cannot see what it scales by; one that is switched off (zero replicas) is not blind."""
    active = condition(scaler, "ScalingActive")
    return active.get("status") == "False" and text(active.get("reason")) != "ScalingDisabled"


def autoscaler_state(scaler: ObjectState) -> str:
    """`at its maximum of 10`, `3 of at most 10`, or that it sees no metrics."""
    most, now = integer(dig(scaler.body, "spec", "maxReplicas")), integer(dig(scaler.body, "status", "currentReplicas"))
    if is_blind(scaler):
        return "sees no metrics"
    if is_maxed_out(scaler):
        return f"at its maximum of {most}" if most is not None else "at its maximum"
    return f"{now} of at most {most}" if now is not None and most is not None else "unknown"


def budgets_of(world: World, workload: Subject) -> tuple[ObjectState, ...]:
    """The budgets whose selector takes its pods; one with expressions is read only where they are not needed."""
    pods = world.pods_of(workload)
    found = []
    for budget in world.of_kind("PodDisruptionBudget"):
        labels = mapping(dig(budget.body, "spec", "selector", "matchLabels"))
        plain = labels and not dig(budget.body, "spec", "selector", "matchExpressions")
        here = budget.subject.namespace == workload.namespace
        if plain and here and any(pod.has_labels(labels) for pod in pods):
            found.append(budget)
    return tuple(found)


def budget_state(budget: ObjectState) -> str:
    """`allows 1 disruption`, or that it allows none and why."""
    allowed = integer(dig(budget.body, "status", "disruptionsAllowed"))
    if allowed is None:
        return "unknown"
    if allowed > 0:
        return f"allows {plural(allowed, 'disruption')}"
    healthy = integer(dig(budget.body, "status", "currentHealthy"))
    wanted = integer(dig(budget.body, "status", "desiredHealthy"))
    counted = f" ({healthy} healthy, wants {wanted})" if healthy is not None and wanted is not None else ""
    return f"allows no disruption{counted}"


def claims_of(world: World, workload: Subject) -> tuple[ObjectState, ...]:
    """The claims that its pods mount and that were looked at."""
    names = {
        text(dig(volume, "persistentVolumeClaim", "claimName"))
        for pod in world.pods_of(workload)
        for volume in maps(dig(pod.state.body, "spec", "volumes"))
    }
    return tuple(
        claim
        for claim in world.of_kind("PersistentVolumeClaim")
        if claim.subject.namespace == workload.namespace and claim.subject.name in names
    )


def volume_state(world: World, claim: ObjectState) -> str:
    """`bound to pv-1 in zone eu-1a`, else the claim's phase."""
    phase, volume = text(dig(claim.body, "status", "phase")), text(dig(claim.body, "spec", "volumeName"))
    if phase != "Bound" or not volume:
        return phase.lower() or "unknown"
    state = world.find(Subject(claim.subject.cluster, "", "PersistentVolume", volume))
    return f"bound to {volume}{_place(state) if state else ''}"


def _place(volume: ObjectState) -> str:
    """Where it can be mounted at all, if that is one place."""
    terms = maps(dig(volume.body, "spec", "nodeAffinity", "required", "nodeSelectorTerms"))
    asked = {text(one.get("key")): one.get("values") for term in terms for one in maps(term.get("matchExpressions"))}
    for keys, words in (((_HOST,), "on node"), (_ZONES, "in zone")):
        for key in keys:
            values = asked.get(key)
            if isinstance(values, list | tuple) and len(values) == 1 and text(values[0]):
                return f" {words} {text(values[0])}"
    return ""
