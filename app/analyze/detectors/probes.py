"""Failing liveness, readiness and startup probes, and probes that ask the wrong port or protocol."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from app.analyze.body import integer, mapping, maps, text
from app.analyze.pod import Container, Pod
from app.analyze.wording import cut, duration, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import ClusterEvent
from app.domain.incident import Finding
from app.domain.subject import Subject

_KIND = re.compile(r"^(Liveness|Readiness|Startup) probe (?:failed|errored)", re.IGNORECASE)
_WRONG_PROTOCOL = re.compile(
    r"malformed HTTP|HTTP response to HTTPS|HTTP/0\.9|first record does not look like a TLS|server preface"
    r"|reading server|does not implement the grpc health|unimplemented|unexpected EOF|malformed MIME",
    re.IGNORECASE,
)
_SPEC = {"liveness": "livenessProbe", "readiness": "readinessProbe", "startup": "startupProbe"}
_NOT_REACHED = re.compile(r"connection refused|failed to connect|deadline exceeded|timeout|connect:", re.IGNORECASE)
# Which address was asked is of no help at night; what came of it is.
_REQUEST = re.compile(r'Get "[^"]*": (?:dial tcp \S+: )?(?:connect: )?(?P<why>.+)')
_STILL = timedelta(minutes=2)
_OFTEN = 3
# Killed, asked to stop, or stopped in order when it was asked to.
_ENDED_BY_KUBELET = frozenset({137, 143, 0})
_SLACK_SECONDS = 35.0


class Probes:
    """`probe.*`, one finding for each workload and kind of probe."""

    name = "probes"

    def detect(self, world: World) -> Iterable[Finding]:
        """Probes that fail now; one that failed while a pod came up and then passed is no finding."""
        for workload in world.workloads:
            failing: dict[str, list[ClusterEvent]] = {}
            for event in world.events_about(workload, "Unhealthy"):
                if match := _KIND.match(event.message):
                    failing.setdefault(match[1].lower(), []).append(event)
            for kind, events in sorted(failing.items()):
                if _lasts(world, workload, events):
                    yield _judged(world, workload, kind, events)
            for kind in ("liveness", "startup"):
                kills = [e for e in world.events_about(workload, "Killing") if f"failed {kind} probe" in e.message]
                if kills and kind not in failing and _lasts(world, workload, kills):
                    yield _killed(world, workload, kind, kills)


def _killed(world: World, workload: Subject, kind: str, kills: list[ClusterEvent]) -> Finding:
    """Only the kills are left of it: what the probe saw nobody tells any more."""
    names = {event.subject.name for event in kills}
    times = plural(sum(event.count for event in kills), "time")
    return finding(
        f"probe.{kind}_failing",
        workload,
        Severity.WARNING if world.is_whole(workload) else Severity.CRITICAL,
        f"the {kind} probe failed and had the container killed {times}; why it failed is not known",
        onset_at=min(event.first_at for event in kills),
        evidence=(*(e.id for e in kills), *(p.state.id for p in world.pods_of(workload) if p.subject.name in names)),
    )


def _lasts(world: World, workload: Subject, events: list[ClusterEvent]) -> bool:
    count = sum(event.count for event in events)
    if world.is_whole(workload):
        return count >= _OFTEN and events[-1].at >= world.now - _STILL
    by_pod = {pod.subject.name: pod for pod in world.pods_of(workload)}
    sick = [e for e in events if (pod := by_pod.get(e.subject.name)) is None or not pod.ready]
    return bool(sick) or (count >= _OFTEN and events[-1].at >= world.now - _STILL)


def _judged(world: World, workload: Subject, kind: str, events: list[ClusterEvent]) -> Finding:
    pods = world.pods_of(workload)
    names = {event.subject.name for event in events}
    mine = [pod for pod in pods if pod.subject.name in names] or list(pods)
    probed = [(pod, c) for pod in mine for c in pod.containers if _probe(c, kind)]
    why, statement = _reading(kind, events[-1].message, probed)
    whole = world.is_whole(workload)
    return finding(
        f"probe.{kind}_{why}",
        workload,
        Severity.WARNING if whole and kind == "readiness" else Severity.CRITICAL,
        statement,
        onset_at=min(event.first_at for event in events),
        evidence=(*(event.id for event in events), *(pod.state.id for pod, _ in probed)),
    )


def _reading(kind: str, message: str, probed: list[tuple[Pod, Container]]) -> tuple[str, str]:
    """What is wrong with the probe itself, where that can be told; else only that it fails."""
    if kind in {"liveness", "readiness"}:
        for _, container in probed:
            probe = _probe(container, kind)
            port, served = _port(probe), _ports(container)
            if _WRONG_PROTOCOL.search(message):
                return "protocol", f"the {kind} probe speaks {_protocol(probe)}, the port answers something else"
            if port and served and port not in served and _NOT_REACHED.search(message):
                names = "/".join(sorted(served))
                return "port", f"the {kind} probe asks port {port}, the container declares {names}"
            if kind == "liveness" and (timing := _too_early(container, probe)):
                return "timing", timing
    said = cut(_without_prefix(message), 60)
    return "failing", f"the {kind} probe fails: {said}"


def _probe(container: Container, kind: str) -> Mapping[str, Any]:
    return mapping(container.spec.get(_SPEC[kind]))


def _protocol(probe: Mapping[str, Any]) -> str:
    if "grpc" in probe:
        return "gRPC"
    scheme = text(mapping(probe.get("httpGet")).get("scheme"))
    return scheme or "HTTP"


def _port(probe: Mapping[str, Any]) -> str:
    for kind in ("httpGet", "tcpSocket", "grpc"):
        if port := text(mapping(probe.get(kind)).get("port")):
            return port
    return ""


def _ports(container: Container) -> set[str]:
    """The numbers that the container declares; a probe by a declared name counts as served too."""
    declared = maps(container.spec.get("ports"))
    probes = [_port(_probe(container, kind)) for kind in _SPEC]
    named = {text(port.get("name")) for port in declared} & set(probes)
    return ({text(port.get("containerPort")) for port in declared} | named) - {""}


def _too_early(container: Container, probe: Mapping[str, Any]) -> str:
    """Killed within the time that the probe allows from the start: it never had a chance to be up."""
    end = container.newest_end
    if end is None or end.exit_code not in _ENDED_BY_KUBELET or end.lasted_seconds is None or end.reason == "OOMKilled":
        return ""
    if container.spec.get("startupProbe"):
        return ""
    delay = integer(probe.get("initialDelaySeconds")) or 0
    failures = integer(probe.get("failureThreshold")) or 3
    allowed = delay + failures * (integer(probe.get("periodSeconds")) or 10)
    if end.lasted_seconds > allowed + _SLACK_SECONDS:
        return ""
    return f"the liveness probe kills the container {duration(end.lasted_seconds)} after its start (allows {allowed} s)"


def _without_prefix(message: str) -> str:
    said = message.partition(": ")[2] or message
    match = _REQUEST.match(said)
    return match["why"] if match else said
