"""ConfigMaps, Secrets, keys and volumes that a pod needs and does not get."""

import re
from collections.abc import Iterable, Iterator

from app.analyze.body import dig
from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.dependencies import config_uses, template_spec
from app.domain.incident import Finding
from app.domain.subject import Subject

_WAITING = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_WAITING_FOR_IT = _WAITING | {"ContainerCreating", "PodInitializing"}
# Of a longer list not all keys were kept.
_MOST_KEYS = 200
_MOUNT_REASONS = ("FailedMount", "FailedAttachVolume")
_READINGS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "missing_key",
        re.compile(r"couldn't find key (?P<key>[^\s\"]+) in (?P<kind>ConfigMap|Secret) (?P<name>\S+)", re.IGNORECASE),
        "key {key} is missing in {kind} {name}",
    ),
    (
        "missing_key",
        re.compile(r"references non-existent (?P<kind>config|secret) key: (?P<key>[^\s\"]+)", re.IGNORECASE),
        "key {key} is missing in the {kind} volume",
    ),
    (
        "missing_configmap",
        re.compile(r'configmaps? "(?P<name>[^"]+)" not found', re.IGNORECASE),
        "ConfigMap {name} does not exist",
    ),
    (
        "missing_secret",
        re.compile(r'secrets? "(?P<name>[^"]+)" not found', re.IGNORECASE),
        "Secret {name} does not exist",
    ),
)


class MissingConfig:
    """`config.*`, one finding for each workload and what it lacks."""

    name = "missing_config"

    def detect(self, world: World) -> Iterable[Finding]:
        """What containers wait for and what cannot be mounted, while pods are not ready."""
        for workload in world.workloads:
            if world.is_whole(workload):
                continue
            found: dict[tuple[str, str], list[str]] = {}
            for kind, statement, evidence in list(_lacks(world, workload)) or _looked_up(world, workload):
                found.setdefault((kind, statement), []).append(evidence)
            for (kind, statement), evidence_ids in sorted(found.items()):
                yield finding(f"config.{kind}", workload, Severity.CRITICAL, statement, evidence=evidence_ids)


def _lacks(world: World, workload: Subject) -> Iterator[tuple[str, str, str]]:
    for pod in world.pods_of(workload):
        for container in pod.containers:
            if container.waiting_reason in _WAITING and (read := classify(container.waiting_message)):
                yield (*read, pod.state.id)
    events = world.events_about(workload, *_MOUNT_REASONS)
    for event in events:
        if read := classify(event.message):
            yield (*read, event.id)
    named = [event for event in events if classify(event.message)]
    if events and not named:
        said = cut(events[-1].message.partition(" : ")[2] or events[-1].message, 70)
        yield "mount_failed", f"a volume cannot be mounted: {said}", events[-1].id


def _looked_up(world: World, workload: Subject) -> Iterator[tuple[str, str, str]]:
    """ConfigMaps and keys that were looked for and are not there, where pods wait and no event tells why."""
    waits = any(c.waiting_reason in _WAITING_FOR_IT for pod in world.pods_of(workload) for c in pod.containers)
    state = world.find(workload)
    for use in config_uses(template_spec(state.body)) if state and waits else ():
        config = world.find(Subject(workload.cluster, workload.namespace, "ConfigMap", use.name))
        if config is None or not use.must:
            continue
        keys = dig(config.body, "keys")
        if config.body.get("absent") is True:
            yield "missing_configmap", cut(f"ConfigMap {use.name} does not exist", 85), config.id
        elif use.key and isinstance(keys, list | tuple) and len(keys) < _MOST_KEYS and use.key not in keys:
            yield "missing_key", cut(f"key {use.key} is missing in ConfigMap {use.name}", 85), config.id


def classify(message: str) -> tuple[str, str] | None:
    """What is missing and in words, None where the message is about something else."""
    for kind, pattern, words in _READINGS:
        if match := pattern.search(message):
            return kind, cut(words.format(**match.groupdict()), 85)
    return None
