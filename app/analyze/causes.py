"""The one catalogue of causes: stable ids, what shows each, and which symptoms each can produce."""

from collections.abc import Mapping
from dataclasses import dataclass

# Groups of symptom kinds that causes produce; a group that ends in "." stands for all kinds that start so.
_SYMPTOMS = ("symptom.", "log.", "replicas.", "health.")
_CRASH = ("container.", "probe.", *_SYMPTOMS)
_NO_START = (*_SYMPTOMS, "container.crash_looping")
_NOTHING_RUNS = ("image.", "config.", "probe.", "container.", "schedule.", "admission.", *_SYMPTOMS)

EVENTS = "kubectl -n {ns} get events"
DESCRIBE = "kubectl -n {ns} describe {kind}/{name}"
HISTORY = "kubectl -n {ns} rollout history {kind}/{name}"
PREVIOUS_LOG = "kubectl -n {ns} logs {kind}/{name} -p"
LOG = "kubectl -n {ns} logs {kind}/{name}"
TOP = "kubectl -n {ns} top pod"
NODE = "kubectl describe node/{name}"
NODES = "kubectl get nodes"


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause that Sitrep can name. `shown_by` maps finding kinds to how much each alone convinces (0 to 1).

    `produces`: finding kinds that follow from it. `changed_by`: parts of diff paths that can bring it about.
    `next_step`: a read-only command with {ns}, {kind} and {name} of the hypothesis' subject.
    """

    id: str
    description: str
    shown_by: Mapping[str, float]
    produces: tuple[str, ...]
    next_step: str
    changed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Family:
    """What the causes of one family share."""

    prefix: str
    produces: tuple[str, ...]
    next_step: str
    changed_by: tuple[str, ...]
    causes: Mapping[str, tuple[str, float]]


_CODE = ("image", "command", "args")
_CONFIGURATION = ("env", "envFrom", "volumes", "configMap", "secret", "data", "annotations[checksum")
# What is wrong with a Service each has its own field.
_SERVICE_PARTS = {
    "port_mismatch": ("ports",),
    "protocol_mismatch": ("ports",),
    "unknown_address": ("env", "envFrom", "configMap", "data"),
}
_PLACEMENT = ("nodeSelector", "affinity", "tolerations", "topologySpread", "hostPort", "taints[", "unschedulable")

_FAMILIES = (
    _Family(
        "image", _NO_START, EVENTS, ("image", "imagePullSecrets", "serviceAccountName", "imagePullPolicy"),
        {
            "not_found": ("The image or its tag does not exist in the registry.", 0.95),
            "pull_denied": ("The registry refused: no or wrong pull credentials, or a private image.", 0.95),
            "registry_unreachable": ("The registry did not answer: network, TLS or the registry itself.", 0.9),
            "registry_dns": ("The registry's host name does not resolve.", 0.95),
            "rate_limited": ("The registry limits how often images may be pulled.", 0.95),
            "invalid_name": ("The image reference is not a valid one.", 0.95),
            "never_pull": ("The pull policy is Never and the node does not have the image.", 0.95),
            "pull_failed": ("The image could not be pulled, for a reason that was not recognised.", 0.7),
        },
    ),
    _Family(
        "schedule", ("schedule.", "storage.", "replicas.", "symptom."), EVENTS, _PLACEMENT,
        {
            "insufficient_cpu": ("No node has enough unreserved CPU for the pod's request.", 0.95),
            "insufficient_memory": ("No node has enough unreserved memory for the pod's request.", 0.95),
            "insufficient_resource": ("No node has enough of another resource that the pod requests.", 0.9),
            "too_many_pods": ("The nodes already run as many pods as they may.", 0.9),
            "taint": ("The nodes have a taint that the pod does not tolerate.", 0.95),
            "node_selector": ("No node has the labels that the pod's nodeSelector asks for.", 0.95),
            "node_affinity": ("No node matches the pod's node affinity.", 0.95),
            "pod_affinity": ("No node matches the pod's affinity to other pods.", 0.95),
            "pod_anti_affinity": ("The pod's anti-affinity keeps it off every node.", 0.95),
            "topology_spread": ("The pod's topology spread constraints allow no node.", 0.95),
            "cordon": ("The nodes are cordoned: marked unschedulable.", 0.95),
            "host_port": ("The host port that the pod asks for is taken on every node.", 0.95),
            "volume": ("A volume of the pod cannot be bound or attached where it could run.", 0.7),
            "scheduler_down": ("Pods wait without a word from the scheduler: it is not at work.", 0.7),
            "unschedulable": ("No node takes the pod, for a reason that was not recognised.", 0.6),
        },
    ),
    _Family(
        "config", _NO_START, EVENTS, _CONFIGURATION,
        {
            "missing_configmap": ("A ConfigMap that the pod needs does not exist.", 0.95),
            "missing_secret": ("A Secret that the pod needs does not exist.", 0.95),
            "missing_key": ("A key that the pod needs is not in its ConfigMap or Secret.", 0.95),
            "mount_failed": ("A volume could not be mounted.", 0.7),
        },
    ),
    _Family(
        "admission", ("replicas.", "symptom."), EVENTS, ("serviceAccountName", "securityContext"),
        {
            "service_account": ("The pods' ServiceAccount does not exist, so none can be created.", 0.95),
            "denied": ("An admission rule refuses the pods.", 0.9),
        },
    ),
    _Family(
        "quota", ("replicas.", "admission.", "symptom.", "service.unknown_address"), "kubectl -n {name} describe quota",
        ("resources", "replicas", "hard["),
        {
            "cpu": ("The namespace's CPU quota is used up.", 0.95),
            "memory": ("The namespace's memory quota is used up.", 0.95),
            "pods": ("The namespace's quota of pods is used up.", 0.95),
            "services": ("The namespace's quota of Services is used up.", 0.95),
            "storage": ("The namespace's storage quota is used up.", 0.95),
            "objects": ("Another quota of the namespace is used up.", 0.9),
        },
    ),
    _Family(
        "node", _NOTHING_RUNS, NODE, (),
        {
            "unreachable": ("The node's kubelet stopped reporting: node, network or kubelet down.", 0.95),
            "not_ready": ("The node reports that it is not ready.", 0.9),
            "runtime_down": ("The node's container runtime does not answer.", 0.95),
            "memory_pressure": ("The node runs out of memory and evicts pods.", 0.9),
            "disk_pressure": ("The node runs out of disk and evicts pods.", 0.9),
            "pid_pressure": ("The node runs out of process ids.", 0.9),
            "network_unavailable": ("The node's network is not set up.", 0.9),
            "system_oom": ("The node itself ran out of memory and its kernel killed processes.", 0.75),
        },
    ),
    _Family(
        "probe", ("container.", "probe.", *_SYMPTOMS), DESCRIBE, ("Probe", "ports", *_CODE),
        {
            "liveness_port": ("The liveness probe asks a port that the container does not serve.", 0.9),
            "liveness_protocol": ("The liveness probe speaks another protocol than the port.", 0.95),
            "liveness_timing": ("The liveness probe kills the container before it can be up.", 0.85),
            "liveness_failing": ("The liveness probe fails, so the container is killed again and again.", 0.6),
            "readiness_port": ("The readiness probe asks a port that the container does not serve.", 0.9),
            "readiness_protocol": ("The readiness probe speaks another protocol than the port.", 0.95),
            "readiness_failing": ("The readiness probe fails, so the pod gets no traffic.", 0.55),
            "startup_failing": ("The startup probe fails, so the container is killed before it is up.", 0.6),
        },
    ),
    _Family(
        "storage", ("schedule.volume", "config.mount_failed", "replicas.", "symptom."), "kubectl -n {ns} get pvc",
        ("volumes", "storageClassName", "accessModes", "volumeClaimTemplates"),
        {
            "claim_missing": ("A PersistentVolumeClaim that the pod needs does not exist.", 0.95),
            "class_missing": ("The claim names a StorageClass that does not exist.", 0.95),
            "claim_unbound": ("A PersistentVolumeClaim is not bound: no volume fits it.", 0.75),
        },
    ),
    _Family(
        "service", (*_SYMPTOMS, "container."), "kubectl -n {ns} get svc,endpointslices",
        ("selector",),
        {
            "selector_mismatch": ("The Service's selector matches no pod, so it has no back ends.", 0.95),
            "port_mismatch": ("The Service leads to a port that its pods do not declare.", 0.85),
            "protocol_mismatch": ("The Service speaks another protocol (TCP, UDP) than its pods' port.", 0.9),
            "unknown_address": ("The workload is told to call a Service that does not exist.", 0.75),
        },
    ),
    _Family(
        "autoscaler", ("symptom.", "cpu.", "traffic."), "kubectl -n {ns} get hpa",
        ("maxReplicas", "minReplicas", "metrics"),
        {
            "maxed_out": ("The autoscaler would run more replicas than it may.", 0.7),
            "no_metrics": ("The autoscaler sees no metrics, so it does not scale.", 0.5),
        },
    ),
)  # fmt: skip

_SINGLE = (
    Cause(
        "memory.limit_too_low", "The memory limit is lower than what the container needs.",
        {"memory.limit_below_need": 0.85, "container.init_oom_killed": 0.95}, _CRASH, HISTORY, ("resources",),
    ),
    Cause(
        "memory.oom_killed", "The container was killed at its memory limit.",
        {"container.oom_killed": 0.85, "container.oom_suspected": 0.6},
        _CRASH, PREVIOUS_LOG, (*_CODE, *_CONFIGURATION, "resources"),
    ),
    Cause(
        "memory.near_limit", "The container is close to its memory limit.",
        {"memory.near_limit": 0.55}, ("symptom.",), TOP, (*_CODE, "resources"),
    ),
    Cause(
        "cpu.throttled", "The container is held back by its CPU limit.",
        {"cpu.throttled": 0.6}, ("symptom.", "probe."), TOP, (*_CODE, "resources"),
    ),
    Cause(
        "command.not_found", "The container's command does not exist or may not be executed.",
        {"container.command_not_found": 0.95}, _CRASH, DESCRIBE, (*_CODE, "securityContext"),
    ),
    Cause(
        "application.crash", "The application ends by itself with an error.",
        {"container.exited": 0.6, "log.last_words": 0.25}, _CRASH, PREVIOUS_LOG, (*_CODE, *_CONFIGURATION),
    ),
    Cause(
        "application.completed", "The application ends without an error although it should keep running.",
        {"container.completed": 0.75}, _CRASH, DESCRIBE, (*_CODE, *_CONFIGURATION),
    ),
    Cause(
        "application.permission_denied", "The application may not read or write what it needs.",
        {"log.permission_denied": 0.8}, _CRASH, PREVIOUS_LOG, ("volume", "securityContext", "image"),
    ),
    Cause(
        "dependency.unreachable", "Something that the application calls refuses, times out or does not resolve.",
        {"log.dependency_unreachable": 0.7}, _CRASH, LOG, ("env", "envFrom", "configMap", "data", "selector", "ports["),
    ),
    Cause(
        "pod.evicted", "The node put the pods out: it ran short of a resource, or a more important pod came.",
        {"pod.evicted": 0.75}, ("replicas.", "symptom.", "health."), EVENTS, ("resources", "priorityClassName"),
    ),
    Cause(
        "traffic.surge", "Much more traffic than usual.",
        {"traffic.surge": 0.5}, ("symptom.", "cpu.", "memory."), TOP,
    ),
    Cause(
        "rollout.regression", "The symptom began right after a rollout that could produce it.",
        {"change.suspect": 0.6}, _CRASH, HISTORY, (*_CODE, *_CONFIGURATION, "resources"),
    ),
)  # fmt: skip


def _of_family(family: _Family) -> tuple[Cause, ...]:
    return tuple(
        Cause(
            id=f"{family.prefix}.{name}",
            description=description,
            shown_by={f"{family.prefix}.{name}": weight},
            produces=family.produces,
            next_step=family.next_step,
            changed_by=_changed_by(family, name),
        )
        for name, (description, weight) in family.causes.items()
    )


def _changed_by(family: _Family, name: str) -> tuple[str, ...]:
    if family.prefix == "schedule" and name.startswith("insufficient"):
        return (*family.changed_by, "requests", "resources", "replicas")
    return _SERVICE_PARTS.get(name, family.changed_by) if family.prefix == "service" else family.changed_by


CAUSES: Mapping[str, Cause] = {
    cause.id: cause for cause in sorted((*(c for f in _FAMILIES for c in _of_family(f)), *_SINGLE), key=lambda c: c.id)
}


def produces(cause: Cause, kind: str) -> bool:
    """Whether a finding of this kind can be the consequence of the cause."""
    return any(kind == part or (part.endswith(".") and kind.startswith(part)) for part in cause.produces)


def catalogue_page() -> str:
    """docs/causes.md, made from the catalogue."""
    rows = (f"| `{one.id}` | {one.description} | {_kinds(one)} |" for one in CAUSES.values())
    head = (
        "# Causes\n\n"
        "Made from `app/analyze/causes.py`; do not edit. `cause` of a hypothesis is one of these ids;\n"
        "their meaning never changes. The last column: which kinds of findings a cause can explain.\n\n"
        "| cause | in plain words | can produce |\n|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _kinds(cause: Cause) -> str:
    return ", ".join(f"`{kind.rstrip('.')}`" for kind in cause.produces)
