"""What is wrong in plain words: from what was found, else from the alert's family."""

import re
from collections.abc import Sequence

from app.analyze.correlate import Explanation
from app.analyze.wording import cut, plain_words
from app.analyze.world import World
from app.domain.alert import Severity
from app.domain.incident import Finding

_LIMIT = 48
_PHRASES: tuple[tuple[str, str], ...] = (
    ("container.oom_killed", "killed for memory"),
    ("container.init_oom_killed", "killed for memory at start"),
    ("memory.limit_below_need", "killed for memory"),
    ("memory.near_limit", "close to its memory limit"),
    ("image.", "image cannot be pulled"),
    ("schedule.", "cannot be scheduled"),
    ("storage.", "waits for a volume"),
    ("config.", "cannot start, config missing"),
    ("service.selector_mismatch", "its Service selects no pods"),
    ("service.unknown_address", "calls a Service that is not there"),
    ("service.", "its Service leads to a wrong port"),
    ("admission.", "pods are refused"),
    ("quota.", "blocked by a quota"),
    ("probe.liveness", "killed by its liveness probe"),
    ("probe.readiness", "not ready, its probe fails"),
    ("probe.startup", "killed by its startup probe"),
    ("container.command_not_found", "cannot start its command"),
    ("container.crash_looping", "crash looping"),
    ("container.", "container crashed"),
    ("log.last_words", "container crashed"),
    ("pod.evicted", "pods evicted"),
    ("symptom.latency", "slow"),
    ("symptom.errors", "errors up"),
    ("symptom.traffic_drop", "traffic dropped"),
    ("cpu.throttled", "held back by its CPU limit"),
    ("health.failing", "health check fails"),
    ("health.slow", "slow"),
)
_NODE_PHRASES = {
    "node.unreachable": "node went away",
    "node.not_ready": "node not ready",
    "node.runtime_down": "node without container runtime",
    "node.memory_pressure": "node out of memory",
    "node.disk_pressure": "node out of disk",
    "node.pid_pressure": "node out of process ids",
    "node.network_unavailable": "node without network",
    "node.system_oom": "memory kills on the node",
}
_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), phrase)
    for pattern, phrase in (
        (r"crash\s*loop", "crash looping"),
        (r"oom|out_?of_?memory", "killed for memory"),
        (r"node.*(unreachable|down)", "node went away"),
        (r"node.*not_?ready|node.*readiness", "node not ready"),
        (r"image.*pull|pull.*image", "image cannot be pulled"),
        (r"pod.*not_?(ready|healthy)", "pods not ready"),
        (r"replicas.*mismatch|replicas.*unavailable", "replicas missing"),
        (r"rollout.*stuck", "rollout stuck"),
        (r"cpu.*throttl", "held back by its CPU limit"),
        (r"latency|slow|response_?time|p9\d|duration", "slow"),
        (r"error.*(rate|ratio|budget|burn)|5xx|too_?many_?errors|high_?errors", "errors up"),
        (r"target.*down|instance.*down|endpoint.*down|service.*down", "down"),
        (r"job.*fail", "job failed"),
        (r"memory", "memory high"),
        (r"cpu", "CPU high"),
        (r"disk|filesystem|volume.*(full|filling)|space", "disk filling up"),
        (r"container_?waiting", "container does not start"),
        (r"pending|unschedulable", "cannot be scheduled"),
    )
)


def symptom_of(world: World, findings: Sequence[Finding], explanations: Sequence[Explanation]) -> str:
    """The plain symptom; that its cause is unknown is said here, where it is read first."""
    explained = explanations and explanations[0].hypothesis.confidence != "low"
    words = _found(world, findings, explanations[0] if explained else None) or _alerted(world, findings)
    return words if explained else f"{words}, cause {'not known yet' if world.is_waiting else 'unknown'}"


def _found(world: World, findings: Sequence[Finding], top: Explanation | None) -> str:
    loops = {one.subject for one in findings if one.kind == "container.crash_looping"}
    near = [one for one in findings if one.subject in world.focus and one.severity >= Severity.WARNING]
    for one in (*(top.findings if top else ()), *near):
        # What users feel is told in numbers; what fired names the trouble better.
        if one.kind.startswith("symptom.") and top is None and _family(world):
            continue
        if one.kind in _NODE_PHRASES:
            return _NODE_PHRASES[one.kind]
        for kind, phrase in _PHRASES:
            if one.kind.startswith(kind):
                return "crash looping" if phrase == "container crashed" and one.subject in loops else phrase
    return ""


def _alerted(world: World, findings: Sequence[Finding]) -> str:
    """The alert's family in words, else that pods are missing, else its short summary, else its name."""
    if family := _family(world):
        return family
    if any(one.kind == "replicas.missing" and one.subject in world.focus for one in findings):
        return "replicas missing"
    for alert in sorted(world.case.alerts, key=lambda one: one.fingerprint):
        summary = " ".join(alert.annotations.get("summary", "").split()).rstrip(".")
        if summary and len(summary) <= _LIMIT and "{{" not in summary:
            return summary[:1].lower() + summary[1:] if summary[1:2].islower() else summary
    names = world.alert_names()
    return cut(plain_words(names[0].removeprefix("Kube") or names[0]), _LIMIT) if names else "alert"


def _family(world: World) -> str:
    """What alerts of such a name are about."""
    named = (phrase for name in world.alert_names() for pattern, phrase in _FAMILIES if pattern.search(name))
    return next(named, "")
