"""Which fields of each kind can matter to somebody: spec, data, taints, versions; never status, never a secret."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from app.gather.sources.kubernetes.cluster_shapes import Node
from app.gather.sources.kubernetes.shapes import Thing, Workload
from app.gather.sources.kubernetes.templates import as_text, template_fields
from app.gather.sources.kubernetes.watched_shapes import (
    ConfigMap,
    CronJob,
    Deployed,
    ServiceAccount,
    Specified,
)

# Taints that say what a node feels; those that somebody set are other ones.
_FELT = "node.kubernetes.io/"
_SOMEBODYS = frozenset({"node.kubernetes.io/out-of-service"})
_SOFT_TAINTS = frozenset({"DeletionCandidateOfClusterAutoscaler"})
_NODE_INFO = ("kubeletVersion", "kernelVersion", "osImage", "containerRuntimeVersion", "bootID")
_WORKLOAD_FIELDS = (
    "replicas", "paused", "strategy", "serviceName", "minReadySeconds", "progressDeadlineSeconds", "schedule",
    "timeZone", "suspend", "concurrencyPolicy", "selector",
)  # fmt: skip
_ARGO_SOURCE = ("repoURL", "targetRevision", "path", "chart")
_FLUX_RELEASE = ("chartVersion", "appVersion", "configDigest", "chartName")
_CHOSEN_BY_THE_API = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "ipFamilies"})

Raw = dict[str, str]


def workload_fields(thing: Thing) -> Raw:
    """The pod template, and how many and when."""
    if not isinstance(thing, Workload) or thing.spec is None:
        return {}
    plain: dict[str, Any] = msgspec.to_builtins(thing.spec)
    fields = {name: as_text(plain[name]) for name in _WORKLOAD_FIELDS if plain.get(name) is not None}
    job = thing.spec.job_template.spec if isinstance(thing, CronJob) and thing.spec.job_template else None
    return {**fields, **template_fields(job.template if job else thing.spec.template)}


def config_map_fields(thing: Thing) -> Raw:
    """Every key; one that replicas elect their leader in changes all the time and means nothing."""
    if not isinstance(thing, ConfigMap) or "control-plane.alpha.kubernetes.io/leader" in _annotations(thing):
        return {}
    values = {**(thing.data or {}), **(thing.binary_data or {})}
    return {f"data[{key}]": value for key, value in values.items()}


def service_fields(thing: Thing) -> Raw:
    """Selector, ports, type; what the API chose itself is left out."""
    spec = _spec(thing)
    fields = _of(spec, ("selector", "type", "externalName", "sessionAffinity", "externalTrafficPolicy"))
    for port in _maps(spec.get("ports")):
        known = {name: value for name, value in port.items() if name not in _CHOSEN_BY_THE_API}
        fields[f"ports[{port.get('name') or port.get('port')}]"] = as_text(known)
    return fields


def ingress_fields(thing: Thing) -> Raw:
    """Which host and path leads to which back end."""
    spec = _spec(thing)
    fields = _of(spec, ("ingressClassName", "defaultBackend", "tls"))
    for rule in _maps(spec.get("rules")):
        http = rule.get("http")
        for path in _maps(http.get("paths") if isinstance(http, Mapping) else None):
            fields[f"rules[{rule.get('host') or '*'}{path.get('path') or '/'}]"] = as_text(path.get("backend"))
    return fields


def quota_fields(thing: Thing) -> Raw:
    """The hard limits."""
    hard = _spec(thing).get("hard")
    return {f"hard[{name}]": as_text(amount) for name, amount in hard.items()} if isinstance(hard, Mapping) else {}


def claim_fields(thing: Thing) -> Raw:
    """What a claim asks for, and the volume that it got."""
    return _of(_spec(thing), ("storageClassName", "volumeName", "accessModes", "resources"))


def spec_fields(thing: Thing) -> Raw:
    """Each part of the spec."""
    spec = _spec(thing)
    return _of(spec, spec)


def account_fields(thing: Thing) -> Raw:
    """What a pod gets from its account; `exists` shows that one without fields is there."""
    if not isinstance(thing, ServiceAccount):
        return {}
    return {"exists": "yes", **_of(msgspec.to_builtins(thing), ("imagePullSecrets", "automountServiceAccountToken"))}


def node_fields(thing: Thing) -> Raw:
    """Cordon, taints that somebody set, versions, and which boot it is."""
    if not isinstance(thing, Node):
        return {}
    spec: dict[str, Any] = msgspec.to_builtins(thing.spec) if thing.spec else {}
    info = (thing.status.node_info if thing.status else None) or {}
    fields = {"unschedulable": "true"} if spec.get("unschedulable") else {}
    fields |= _of(info, _NODE_INFO)
    for taint in _maps(spec.get("taints")):
        key = str(taint.get("key", ""))
        if key in _SOFT_TAINTS or (key.startswith(_FELT) and key not in _SOMEBODYS):
            continue
        fields[f"taints[{key}:{taint.get('effect', '')}]"] = str(taint.get("value") or "yes")
    return fields


def application_fields(thing: Thing) -> Raw:
    """What an Argo CD Application should run, and the revision that was deployed last."""
    if not isinstance(thing, Deployed):
        return {}
    sources = [(thing.spec or {}).get("source"), *_maps((thing.spec or {}).get("sources"))]
    fields: Raw = {}
    for index, source in enumerate(one for one in sources if isinstance(one, Mapping)):
        fields |= {f"source[{index}].{name}": text for name, text in _of(source, _ARGO_SOURCE).items()}
    for deployed in _maps((thing.status or {}).get("history"))[-1:]:
        fields |= {f"deployed.{name}": text for name, text in _of(deployed, ("revision", "revisions")).items()}
    return fields


def release_fields(thing: Thing) -> Raw:
    """What a Flux release should run, and what was applied last."""
    if not isinstance(thing, Deployed):
        return {}
    spec, status = thing.spec or {}, thing.status or {}
    fields = _of(spec, ("chart", "chartRef", "path", "sourceRef", "suspend", "values"))
    for newest in _maps(status.get("history"))[:1]:
        fields |= {f"deployed.{name}": text for name, text in _of(newest, _FLUX_RELEASE).items()}
    return {**fields, **{f"deployed.{name}": text for name, text in _of(status, ("lastAppliedRevision",)).items()}}


FIELDS: dict[str, tuple[type[Thing], Callable[[Thing], Raw]]] = {
    "Deployment": (Workload, workload_fields),
    "StatefulSet": (Workload, workload_fields),
    "DaemonSet": (Workload, workload_fields),
    "CronJob": (CronJob, workload_fields),
    "ConfigMap": (ConfigMap, config_map_fields),
    "Service": (Specified, service_fields),
    "Ingress": (Specified, ingress_fields),
    "HorizontalPodAutoscaler": (Specified, spec_fields),
    "PodDisruptionBudget": (Specified, spec_fields),
    "ResourceQuota": (Specified, quota_fields),
    "NetworkPolicy": (Specified, spec_fields),
    "ServiceAccount": (ServiceAccount, account_fields),
    "PersistentVolumeClaim": (Specified, claim_fields),
    "Node": (Node, node_fields),
    "Application": (Deployed, application_fields),
    "HelmRelease": (Deployed, release_fields),
    "Kustomization": (Deployed, release_fields),
}
"""The kinds that are watched: the shape in which each is read, and its fields."""


def _annotations(thing: Thing) -> Mapping[str, str]:
    return thing.metadata.annotations or {}


def _spec(thing: Thing) -> Mapping[str, Any]:
    return (thing.spec or {}) if isinstance(thing, Specified) else {}


def _of(body: Mapping[str, Any], names: Iterable[str]) -> Raw:
    return {name: as_text(body[name]) for name in names if body.get(name) not in (None, [], {}, "")}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
