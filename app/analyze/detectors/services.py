"""Services that lead nowhere although their pods are there, and addresses of Services that do not exist."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from app.analyze.body import dig, integer, mapping, maps, text
from app.analyze.pod import Pod
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.dependencies import Mention, mentions, template_spec
from app.domain.evidence import ObjectState
from app.domain.incident import Finding
from app.domain.subject import Subject

_LIMIT = 85
_MOST = 5
_RECENT = timedelta(hours=2)
# No more of a namespace are gathered.
_ALL_SERVICES = 60
_NOT_REACHED = re.compile(
    r"refused|unavailable|timed? ?out|unreachable|no healthy upstream|connection (?:reset|failure|error)|cannot reach",
    re.IGNORECASE,
)
_LOCAL = frozenset({"localhost", "kubernetes"})


class Services:
    """`service.selector_mismatch`, `.port_mismatch`, `.protocol_mismatch`, `.unknown_address`."""

    name = "services"

    def detect(self, world: World) -> Iterable[Finding]:
        """Each Service beside the pods that it should lead to, each workload beside the Services that it names."""
        for service in world.of_kind("Service"):
            pods = _selected(world, service)
            if pods:
                yield from _ports(world, service, pods)
            else:
                yield from _nobody(world, service)
        for workload in world.workloads:
            yield from _unknown_addresses(world, workload)


def _selected(world: World, service: ObjectState) -> list[Pod]:
    selector = mapping(dig(service.body, "spec", "selector"))
    here = (pod for pod in world.pods if pod.subject.namespace == service.subject.namespace)
    return [pod for pod in here if selector and not pod.finished and pod.has_labels(selector)]


def _nobody(world: World, service: ObjectState) -> Iterator[Finding]:
    """No pod is selected, and yet the one workload that bears the Service's name has pods."""
    selector, subject = mapping(dig(service.body, "spec", "selector")), service.subject
    unseen = any("back ends" in gap.question for gap in world.case.evidence.gaps)
    if not selector or unseen or world.topology.back_ends(subject)[1]:
        return
    named = [one for one in world.workloads if (one.namespace, one.name) == (subject.namespace, subject.name)]
    if len(named) != 1 or not world.pods_of(named[0]):
        return
    wanted = ", ".join(f"{key}={text(value)}" for key, value in sorted(selector.items(), key=str))
    pods = world.pods_of(named[0])
    yield finding(
        "service.selector_mismatch",
        named[0],
        Severity.CRITICAL,
        cut(f"Service {subject.name} selects no pods: none has {wanted}", _LIMIT),
        evidence=(service.id, *(pod.state.id for pod in pods)),
    )


def _ports(world: World, service: ObjectState, pods: list[Pod]) -> Iterator[Finding]:
    """Only where the pods declare ports and none of the Service's leads to one of them, nor to one that is probed."""
    containers = [container for pod in pods for container in pod.containers]
    declared = [port for container in containers for port in maps(container.spec.get("ports"))]
    probed = {port for container in containers for port in _probed(container.spec)}
    asked = [port for port in maps(dig(service.body, "spec", "ports")) if _target(port)]
    workloads = sorted({pod.workload for pod in pods})
    # Probes speak TCP, all of them.
    served = any(_serves(port, declared) or (_protocol(port) == "TCP" and _target(port) in probed) for port in asked)
    if not declared or not asked or len(workloads) != 1 or served:
        return
    kind, statement = _reading(service.subject.name, asked[0], declared)
    proof = _refused(world, service.subject)
    # A port may be open that nobody declares; a name that no port bears leads nowhere.
    certain = bool(proof) or integer(_target(asked[0])) is None
    yield finding(
        f"service.{kind}",
        workloads[0],
        Severity.CRITICAL if certain else Severity.WARNING,
        cut(statement, _LIMIT),
        evidence=(service.id, *(pod.state.id for pod in pods), *proof),
    )


def _refused(world: World, service: Subject) -> list[str]:
    """Log lines in which somebody cannot reach the Service, and a change of its ports just before."""
    name = re.compile(rf"(?<![\w.\-]){re.escape(service.name)}(?![\w\-])")
    lines = [
        one.id
        for one in world.logs
        if name.search(one.template)
        and _NOT_REACHED.search(one.template)
        and one.subject.namespace == service.namespace
    ]
    changes = [
        one.id
        for one in world.changes
        if one.subject == service and one.at >= world.now - _RECENT and any("port" in diff.path for diff in one.diff)
    ]
    return [*lines[:_MOST], *changes]


def _probed(spec: Mapping[str, Any]) -> Iterator[str]:
    """Ports that a probe of the container asks: who is ready has them open."""
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        for way in ("httpGet", "tcpSocket", "grpc"):
            yield text(dig(spec, probe, way, "port"))


def _reading(name: str, asked: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> tuple[str, str]:
    target, protocol = _target(asked), _protocol(asked)
    other = [one for one in declared if target in _names(one)]
    if other:
        return "protocol_mismatch", f"Service {name} speaks {protocol} to port {target}, the pods {_protocol(other[0])}"
    served = "/".join(sorted({text(one.get("containerPort")) for one in declared} - {""}))
    return "port_mismatch", f"Service {name} leads to port {target}, the pods declare {served}"


def _target(port: Mapping[str, Any]) -> str:
    return text(port.get("targetPort")) or text(port.get("port"))


def _serves(asked: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> bool:
    return any(_target(asked) in _names(one) and _protocol(asked) == _protocol(one) for one in declared)


def _names(port: Mapping[str, Any]) -> set[str]:
    return {text(port.get("containerPort")), text(port.get("name"))} - {""}


def _protocol(port: Mapping[str, Any]) -> str:
    return text(port.get("protocol")) or "TCP"


def _unknown_addresses(world: World, workload: Subject) -> Iterator[Finding]:
    """A variable that names a Service which is not there, where that matters: it was just changed, or is complained of.

    What an example chart names and nobody calls does no harm.
    """
    state = world.find(workload)
    known = {one.subject.name for one in world.of_kind("Service") if one.subject.namespace == workload.namespace}
    spec = template_spec(state.body) if state else {}
    # Of a longer list some are not known; other names may be found by other ways.
    if state is None or not 0 < len(known) < _ALL_SERVICES or dig(spec, "hostAliases") or dig(spec, "dnsConfig"):
        return
    wrong = [one for one in mentions(spec) if _is_of_here(one, workload.namespace)]
    for one in (mention for mention in wrong if mention.address.host.partition(".")[0] not in known):
        if proof := _felt(world, workload, one):
            statement = cut(f"{one.where} is {one.address}, and no Service here has that name", _LIMIT)
            ids = (state.id, *proof)
            yield finding("service.unknown_address", workload, Severity.CRITICAL, statement, evidence=ids)


def _felt(world: World, workload: Subject, mention: Mention) -> list[str]:
    """Log lines of the workload that name the host, and recent changes of the variable."""
    host = re.compile(rf"(?<![\w.\-]){re.escape(mention.address.host)}(?![\w\-])")
    lines = [one for one in world.logs if world.workload_of(one.subject) == workload]
    found = [one.id for one in lines if host.search(one.template) or any(host.search(line) for line in one.examples)]
    path = f".env[{mention.where}]"
    changes = [one for one in world.changes if workload in world.touched_by(one) and one.at >= world.now - _RECENT]
    return [*found[:_MOST], *(one.id for one in changes if any(diff.path.endswith(path) for diff in one.diff))]


def _is_of_here(mention: Mention, namespace: str) -> bool:
    """Beyond doubt a Service's name in the same namespace; one word with a port, or the full name."""
    labels = mention.address.host.split(".")
    if labels[0] in _LOCAL or not mention.address.sure or mention.where == "arguments":
        return False
    if labels[1:3] == [namespace, "svc"]:
        return True
    return len(labels) == 1 and mention.address.port is not None and integer(labels[0]) is None
