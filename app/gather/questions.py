"""Queries in words: each names its question, which is what a gap shows."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

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
    RolloutQuery,
    ServicesQuery,
)
from app.domain.subject import Subject
from app.promql import escape_label_value, escape_regex

Pairs = tuple[tuple[str, str], ...]
CHANGES_OF = timedelta(hours=24)
# A point every three minutes: as exactly as anybody needs to know when.
SECRETS_OF = timedelta(hours=6)
MAX_SECRETS = 20
NEIGHBOUR_KINDS = ("Deployment", "StatefulSet", "DaemonSet")


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
    return ChangesQuery(f"what changed in {where}", namespace, until - CHANGES_OF, until)


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


def log(pod: Subject, container: str, *, previous: bool) -> ContainerLogQuery:
    """The last lines of a container."""
    run = "previous log" if previous else "log"
    return ContainerLogQuery(f"{run} of {pod} ({container})", pod, container, previous)


def health(subject: Subject, url: str) -> ProbeQuery:
    """A health endpoint."""
    return ProbeQuery(f"health of {subject}", subject, url)


def neighbourhood(namespace: Subject) -> tuple[Query, ...]:
    """What a namespace looks like as a whole: a cause is often next door, and quotas stop anybody."""
    cluster, name = namespace.cluster, namespace.name
    listed = (ObjectsQuery(f"{kind}s of {name}", Subject(cluster, name, kind, "")) for kind in NEIGHBOUR_KINDS)
    return (
        events(namespace),
        pods(namespace),
        *listed,
        QuotaQuery(f"quotas of {name}", namespace),
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


def _named(subject: Subject) -> str:
    return f"{subject.kind.lower()} {subject}" if subject.kind in {"Node", "Namespace", "Pod"} else str(subject)
