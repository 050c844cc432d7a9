"""Who else is touched: who calls it and by which hosts users come, what it calls and stands on, each with its state."""

from collections.abc import Iterator, Sequence

from app.analyze.baseline import read
from app.analyze.body import dig, maps, text
from app.analyze.guards import autoscaler_state, autoscalers_of, budget_state, budgets_of, claims_of, volume_state
from app.analyze.pod import Pod
from app.analyze.topology import Entry
from app.analyze.wording import cut, quantity
from app.analyze.world import World
from app.domain.evidence import ObjectState
from app.domain.incident import BlastRadiusEntry
from app.domain.subject import Subject

_MAX_ENTRIES = 20
_MAX_ADDRESSES = 3
_ADDRESS = 60
_FELT = 0.01


def blast_radius(world: World) -> tuple[BlastRadiusEntry, ...]:
    """At most twenty neighbours of what the alert is about, each with its state; who is touched comes first."""
    found = [entry for subject in world.focus for entry in _neighbours(world, subject)]
    return tuple(dict.fromkeys(found))[:_MAX_ENTRIES]


def _neighbours(world: World, subject: Subject) -> Iterator[BlastRadiusEntry]:
    if subject.kind == "Node":
        yield from _on_node(world, subject)
        return
    for service in world.topology.services_of(subject):
        yield BlastRadiusEntry(service.subject, "sends traffic to it", _ready(world, subject) or "unknown")
    yield from _users(world, subject)
    for call in world.topology.callees_of(subject):
        yield BlastRadiusEntry(call.callee, "is called by it", _state(world, call.callee))
    yield from _guards(world, subject)
    for node in sorted({pod.node for pod in world.pods_of(subject)} - {""}):
        host = Subject(subject.cluster, "", "Node", node)
        if world.find(host) is not None:
            yield BlastRadiusEntry(host, "runs its pods", _node_state(world, host))


def _on_node(world: World, node: Subject) -> Iterator[BlastRadiusEntry]:
    for workload in sorted({pod.workload for pod in world.pods_of(node)}):
        here = [pod for pod in world.pods_of(node) if pod.workload == workload]
        yield BlastRadiusEntry(workload, "has pods on it", f"{_pods(here)} there")
        # Its pods on other nodes nobody looked at: who is ready to answer, the Services know.
        for service in world.topology.services_of(workload):
            yield BlastRadiusEntry(service.subject, "sends traffic to pods on it", _back_ends(world, service.subject))
            for door, entries in _by_door(world.topology.entries_to(service.subject)).items():
                words = _leads(entries).removesuffix("it") + workload.name
                yield BlastRadiusEntry(door, words, _back_ends(world, service.subject))


def _users(world: World, subject: Subject) -> Iterator[BlastRadiusEntry]:
    """Who calls it, and by which hosts and paths people come to it or to those who call it."""
    for door, entries in _by_door(world.topology.entries_of(subject)).items():
        yield BlastRadiusEntry(door, _leads(entries), _state(world, subject))
    callers = world.topology.callers_of(subject)
    coming = {entry: caller.subject for caller in callers for entry in world.topology.entries_of(caller.subject)}
    for door, entries in _by_door(tuple(coming)).items():
        through_whom = list(dict.fromkeys(coming[entry] for entry in entries))
        alone = through_whom[0] if len(through_whom) == 1 else None
        words = f"{_leads(entries)} through {alone.name if alone else 'those who call it'}"
        yield BlastRadiusEntry(door, words, _state(world, alone) if alone else f"{len(through_whom)} of them")
    for caller in callers:
        through = f" through {caller.through.name}" if caller.through else ""
        yield BlastRadiusEntry(caller.subject, f"calls it{through}", _state(world, caller.subject))


def _by_door(entries: Sequence[Entry]) -> dict[Subject, list[Entry]]:
    found: dict[Subject, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.door):
        found.setdefault(entry.door, []).append(entry)
    return found


def _leads(entries: Sequence[Entry]) -> str:
    """The hosts and paths, the first three in full."""
    addresses = list(dict.fromkeys(entry.address for entry in entries))
    more = f" and {len(addresses) - _MAX_ADDRESSES} more" if len(addresses) > _MAX_ADDRESSES else ""
    shown = ", ".join(cut(address, _ADDRESS) for address in addresses[:_MAX_ADDRESSES])
    return f"leads {shown}{more} to it"


def _guards(world: World, subject: Subject) -> Iterator[BlastRadiusEntry]:
    for scaler in autoscalers_of(world, subject):
        yield BlastRadiusEntry(scaler.subject, "scales it", autoscaler_state(scaler))
    for budget in budgets_of(world, subject):
        yield BlastRadiusEntry(budget.subject, "guards it", budget_state(budget))
    for claim in claims_of(world, subject):
        yield BlastRadiusEntry(claim.subject, "holds its data", volume_state(world, claim))


def _state(world: World, subject: Subject) -> str:
    """How a neighbour fares, in as few words as its pods, its object or its own numbers allow."""
    words = [_ready(world, subject)]
    errors = read(world, "error_ratio", subject)
    if errors and errors.now >= max(_FELT, 2 * (errors.usual or 0)):
        words.append(f"5xx {quantity(errors.now, 'ratio')}")
    return ", ".join(filter(None, words)) or "unknown"


def _ready(world: World, subject: Subject) -> str:
    pods = world.pods_of(subject)
    if pods:
        return _pods(pods)
    state = world.find(subject)
    if subject.kind == "Service":
        return _back_ends(world, subject) if state else "unknown"
    return _counted(state) if state else ""


def _pods(pods: Sequence[Pod]) -> str:
    return f"{sum(pod.ready for pod in pods)} of {len(pods)} pods ready"


def _counted(state: ObjectState) -> str:
    """What a workload's own status says, where none of its pods was looked at."""
    wanted, have = dig(state.body, "spec", "replicas"), dig(state.body, "status", "readyReplicas")
    if state.subject.kind == "DaemonSet":
        wanted, have = dig(state.body, "status", "desiredNumberScheduled"), dig(state.body, "status", "numberReady")
    return f"{have or 0} of {wanted} pods ready" if isinstance(wanted, int) else ""


def _back_ends(world: World, service: Subject) -> str:
    ready, known = world.topology.back_ends(service)
    return f"{ready} of {known} back ends ready" if known else "no back ends"


def _node_state(world: World, node: Subject) -> str:
    state = world.find(node)
    for condition in maps(dig(state.body, "status", "conditions")) if state else ():
        if text(condition.get("type")) == "Ready":
            return {"True": "ready", "False": "not ready"}.get(text(condition.get("status")), "unreachable")
    return "unknown"
