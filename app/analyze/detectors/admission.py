"""Pods that the API server refuses to create: used-up quotas, missing ServiceAccounts, admission rules."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal

from app.analyze.body import dig, mapping, text
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.dependencies import account_of, template_spec
from app.domain.evidence import ClusterEvent, ObjectState
from app.domain.incident import Finding
from app.domain.quantity import parse_quantity
from app.domain.subject import Subject

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)$"
)
_SERVICE_ACCOUNT = re.compile(r'serviceaccount "(?P<name>[^"]+)" not found', re.IGNORECASE)
_DENIED = re.compile(r"admission webhook|violates PodSecurity|is forbidden|denied the request", re.IGNORECASE)
_STILL = timedelta(minutes=10)
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("storage", re.compile(r"storage|persistentvolumeclaims")),
    ("cpu", re.compile(r"(?:^|\.)cpu$")),
    ("memory", re.compile(r"(?:^|\.)memory$")),
    ("pods", re.compile(r"pods$")),
    ("services", re.compile(r"services")),
)


class Admission:
    """`quota.*` on the namespace, `admission.*` on the workload."""

    name = "admission"

    def detect(self, world: World) -> Iterable[Finding]:
        """Refusals that still hold: a workload that has all its pods was let in after all."""
        refusals: dict[tuple[str, Subject, str], list[ClusterEvent]] = {}
        for workload in world.workloads:
            if world.is_whole(workload):
                continue
            events = [e for e in world.events_about(workload, "FailedCreate") if e.at >= world.now - _STILL]
            for event in events:
                if read := _read(event, workload):
                    refusals.setdefault(read, []).append(event)
        for (kind, subject, statement), found in sorted(refusals.items()):
            if _counts(world, kind, found):
                onset = min(event.first_at for event in found)
                ids = (event.id for event in found)
                yield finding(kind, subject, Severity.CRITICAL, statement, onset_at=onset, evidence=ids)
        yield from _without_account(world, {subject for kind, subject, _ in refusals if kind.startswith("admission.")})
        refused = {subject for kind, subject, _ in refusals if kind.startswith("quota.")}
        yield from _full_quotas(world, refused)


def _read(event: ClusterEvent, workload: Subject) -> tuple[str, Subject, str] | None:
    namespace = Subject(workload.cluster, "", "Namespace", workload.namespace)
    if match := _EXCEEDED.search(event.message):
        resource, used = _worst(match["used"], match["limited"])
        limited = dict(_pairs(match["limited"])).get(resource, "?")
        statement = cut(f"quota {match['quota']} is used up: {resource} {used} of {limited}", 85)
        return f"quota.{quota_kind(resource)}", namespace, statement
    if match := _SERVICE_ACCOUNT.search(event.message):
        return "admission.service_account", workload, cut(f"ServiceAccount {match['name']} does not exist", 85)
    if _DENIED.search(event.message):
        return (
            "admission.denied",
            workload,
            cut(f"pods are refused: {event.message.rpartition('is forbidden: ')[2]}", 85),
        )
    return None


def _counts(world: World, kind: str, events: list[ClusterEvent]) -> bool:
    """A ServiceAccount made seconds after its Deployment leaves refusals behind: only the newest one counts."""
    if kind != "admission.service_account":
        return True
    workload = world.workload_of(events[-1].subject)
    newest = world.events_about(workload, "FailedCreate")[-1]
    return not world.pods_of(workload) and _SERVICE_ACCOUNT.search(newest.message) is not None


def _without_account(world: World, refused: set[Subject]) -> Iterator[Finding]:
    """A workload without any pod whose account was looked for and is not there; the refusals may be long forgotten."""
    for workload in world.workloads:
        state, wanted = world.find(workload), world.wanted_pods(workload)
        if state is None or workload in refused or not wanted or world.pods_of(workload):
            continue
        name = account_of(template_spec(state.body))
        account = world.find(Subject(workload.cluster, workload.namespace, "ServiceAccount", name)) if name else None
        if account is not None and account.body.get("absent") is True:
            statement = cut(f"ServiceAccount {name} does not exist", 85)
            ids = (state.id, account.id)
            yield finding("admission.service_account", workload, Severity.CRITICAL, statement, evidence=ids)


def _pairs(listing: str) -> Iterator[tuple[str, str]]:
    for part in listing.split(","):
        name, _, amount = part.strip().partition("=")
        yield name, amount


def _worst(used: str, limited: str) -> tuple[str, str]:
    """The resource of the message that is nearest its limit, and how much of it is used."""
    limits = dict(_pairs(limited))
    return max(_pairs(used), key=lambda pair: (_share(pair[1], limits.get(pair[0], "")), pair[0]))


def _share(used: str, limit: str) -> Decimal:
    amount, allowed = parse_quantity(used), parse_quantity(limit)
    if amount is None or allowed is None:
        return Decimal(0)
    return amount / allowed if allowed else Decimal(1)


def quota_kind(resource: str) -> str:
    """`cpu` for `requests.cpu`, `storage` for claims, `objects` for what has no cause of its own."""
    return next((kind for kind, pattern in _KINDS if pattern.search(resource)), "objects")


def _full_quotas(world: World, refused: set[Subject]) -> Iterator[Finding]:
    """A quota without any room left, where no refusal was seen: it may be why something is missing."""
    for quota in world.of_kind("ResourceQuota"):
        namespace = Subject(quota.subject.cluster, "", "Namespace", quota.subject.namespace)
        if namespace in refused:
            continue
        for resource, used, hard in _full(quota):
            yield finding(
                f"quota.{quota_kind(resource)}",
                namespace,
                Severity.WARNING,
                cut(f"quota {quota.subject.name} has no room left: {resource} {used} of {hard}", 85),
                evidence=(quota.id,),
            )


def _full(quota: ObjectState) -> Iterator[tuple[str, str, str]]:
    hard = mapping(dig(quota.body, "status", "hard"))
    used = mapping(dig(quota.body, "status", "used"))
    for resource in sorted(hard, key=str):
        amount, allowed = text(used.get(resource)), text(hard.get(resource))
        if allowed and amount and _share(amount, allowed) >= 1:
            yield str(resource), amount, allowed
