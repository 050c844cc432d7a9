"""Queries in words: each names its question, which is what a gap shows."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.dependencies import CALLS, account_of, config_uses, template_spec
from app.domain.evidence import ObjectState
from app.domain.query import (
    ChangesQuery,
    ContainerLogQuery,
    EventQuery,
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    ProbeQuery,
    PromQuery,
    Query,
    QuotaQuery,
    ReferencesQuery,
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.gather.secrets import secrets_of
from app.promql import escape_label_value, escape_regex

Pairs = tuple[tuple[str, str], ...]
CHANGES_OF = timedelta(hours=24)
# A point every three minutes: as exactly as anybody needs to know when.
SECRETS_OF = timedelta(hours=6)
MAX_SECRETS = 20
MAX_CONFIG_MAPS = 3
CALLS_OF = timedelta(minutes=10)
NEIGHBOUR_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
# What leads to Services, and what scales or guards workloads.
DOOR_KINDS = ("Ingress", "HTTPRoute")
AROUND_KINDS = (*DOOR_KINDS, "HorizontalPodAutoscaler", "PodDisruptionBudget")
MAX_NAMESPACES_OF_A_NODE = 2


def state(subject: Subject) -> ObjectQuery:
    """The object as it is now."""
    return ObjectQuery(f"state of {_named(subject)}", subject)


def events(subject: Subject) -> EventQuery:
    """What happened to it."""
    return EventQuery(f"events of {_named(subject)}", subject)


def pods(subject: Subject, match_labels: Pairs = ()) -> PodsQuery:
    """Its pods."""
    return PodsQuery(f"pods of {_named(subject)}", subject, match_labels)


def rollouts(subject: Subject, match_labels: Pairs = ()) -> RolloutQuery:
    """Its rollout history."""
    return RolloutQuery(f"rollouts of {subject}", subject, match_labels)


def services(subject: Subject, match_labels: Pairs = ()) -> ServicesQuery:
    """The Services in front of it."""
    return ServicesQuery(f"Services of {_named(subject)}", subject, match_labels)


def nodes(cluster: str) -> ObjectsQuery:
    """All nodes."""
    return ObjectsQuery("state of the nodes", Subject(cluster, "", "Node", ""))


def claims(pod: Subject) -> ObjectsQuery:
    """The volume claims beside a pod."""
    return ObjectsQuery(f"volume claims of {pod.namespace}", replace(pod, kind="PersistentVolumeClaim", name=""))


def volumes(cluster: str) -> ObjectsQuery:
    """All persistent volumes."""
    return ObjectsQuery("persistent volumes", Subject(cluster, "", "PersistentVolume", ""))


def changes(namespace: Subject, until: datetime) -> ChangesQuery:
    """What somebody changed in the last day, as the journal has it."""
    where = namespace.name or "the cluster"
    return ChangesQuery(f"changes in {where}", namespace, until - CHANGES_OF, until)


def secret_versions(workload: Subject, secrets: Collection[str], until: datetime) -> PromQuery:
    """Whether the Secrets that it refers to changed; what is in them is never read."""
    names = "|".join(escape_regex(name) for name in sorted(secrets)[:MAX_SECRETS])
    namespace = escape_label_value(workload.namespace)
    selector = f'namespace="{namespace}", secret=~"{escape_label_value(names)}"'
    return PromQuery(
        f"versions of the Secrets of {workload}",
        workload,
        "secret_version",
        f"max by (namespace, secret) (kube_secret_metadata_resource_version{{{selector}}})",
        "",
        until - SECRETS_OF,
        until,
        if_empty="kube-state-metrics does not export them",
    )


def ways_in(pods: Iterable[ObjectState]) -> list[Query]:
    """By which Services, hosts and paths people come to these pods: of the two namespaces that have most of them."""
    places = ((pod.subject.cluster, pod.subject.namespace) for pod in pods if pod.subject.namespace)
    where = Counter(Subject(cluster, "", "Namespace", name) for cluster, name in places)
    most = sorted(where, key=lambda one: (-where[one], one))[:MAX_NAMESPACES_OF_A_NODE]
    queries: list[Query] = []
    for namespace in most:
        queries.append(services(namespace))
        queries.extend(_listed(namespace, DOOR_KINDS))
    return queries


def around(workload: ObjectState, until: datetime) -> tuple[Query, ...]:
    """What the workload refers to, and whom it calls and is called by."""
    queries: list[Query] = [calls(workload.subject, until)]
    if names := _references(workload):
        queries.append(ReferencesQuery(f"what {workload.subject} refers to", workload.subject, names))
    if secrets := secrets_of(workload):
        queries.append(secret_versions(workload.subject, secrets, until))
    return tuple(queries)


def _references(workload: ObjectState) -> Pairs:
    """Its ConfigMaps and its account; of Secrets nothing is asked."""
    spec = template_spec(workload.body)
    maps = list(dict.fromkeys(use.name for use in config_uses(spec)))[:MAX_CONFIG_MAPS]
    account = account_of(spec)
    return (*(("ConfigMap", name) for name in maps), *((("ServiceAccount", account),) if account else ()))


def calls(workload: Subject, until: datetime) -> PromQuery:
    """Who calls whom, as Istio, Linkerd or traces have counted; nothing where nobody counts."""
    expr = "\nor\n".join(_counted(escape_label_value(workload.name), escape_label_value(workload.namespace)))
    return PromQuery(f"calls of {workload}", workload, CALLS, expr, "per_second", until - CALLS_OF, until)


def _counted(name: str, namespace: str) -> Iterator[str]:
    """Both directions of each kind of mesh; the labels keep their own names."""
    by = "source_workload, source_workload_namespace, destination_workload, destination_workload_namespace"
    for metric in ("istio_requests_total", "istio_tcp_sent_bytes_total"):
        for side in ("source", "destination"):
            where = f'{side}_workload="{name}", {side}_workload_namespace="{namespace}"'
            yield f"sum by ({by}) (rate({metric}{{{where}}}[5m])) > 0"
    for side in ("client", "server"):
        yield f'sum by (client, server) (rate(traces_service_graph_request_total{{{side}="{name}"}}[5m])) > 0'
    by = "deployment, namespace, dst_deployment, dst_namespace"
    for side in ("", "dst_"):
        where = f'direction="outbound", {side}deployment="{name}", {side}namespace="{namespace}"'
        yield f"sum by ({by}) (rate(response_total{{{where}}}[5m])) > 0"


def log(pod: Subject, container: str, *, previous: bool) -> ContainerLogQuery:
    """The last lines of a container."""
    run = "previous log" if previous else "log"
    return ContainerLogQuery(f"{run} of {pod} ({container})", pod, container, previous)


def health(subject: Subject, url: str) -> ProbeQuery:
    """A health endpoint."""
    return ProbeQuery(f"health of {subject}", subject, url)


def neighbourhood(namespace: Subject) -> tuple[Query, ...]:
    """What a namespace looks like as a whole: a cause is often next door, and quotas stop anybody."""
    listed = _listed(namespace, (*NEIGHBOUR_KINDS, *AROUND_KINDS))
    return (
        events(namespace),
        pods(namespace),
        *listed,
        QuotaQuery(f"quotas of {namespace.name}", namespace),
        services(namespace),
    )


def selector_of(workload: ObjectState) -> Pairs:
    """The labels by which a workload finds its pods, or a Service its back ends."""
    selector = (workload.body.get("spec") or {}).get("selector") or {}
    labels = selector if workload.subject.kind == "Service" else selector.get("matchLabels") or {}
    return tuple(sorted(labels.items()))


def template_labels_of(workload: ObjectState) -> Pairs:
    """The labels that its pods carry."""
    template = (workload.body.get("spec") or {}).get("template") or {}
    return tuple(sorted(((template.get("metadata") or {}).get("labels") or {}).items()))


def _listed(namespace: Subject, kinds: Iterable[str]) -> list[ObjectsQuery]:
    cluster, name = namespace.cluster, namespace.name
    return [ObjectsQuery(f"{_plural(kind)} of {name}", Subject(cluster, name, kind, "")) for kind in kinds]


def _plural(kind: str) -> str:
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def _named(subject: Subject) -> str:
    return f"{subject.kind.lower()} {subject}" if subject.kind in {"Node", "Namespace", "Pod"} else str(subject)
