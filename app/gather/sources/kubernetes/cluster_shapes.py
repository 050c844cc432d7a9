"""Shapes of nodes, Services, quotas, claims, autoscalers, events and what the API says of itself."""

# ruff: noqa: D101 - a shape without a docstring is the API's own object of that name

from typing import Any

import msgspec

from app.gather.sources.kubernetes.shapes import (
    Amounts,
    Condition,
    Labels,
    Port,
    Resources,
    Selector,
    Shape,
    Thing,
    WorkloadSpec,
)


class NodeSpec(Shape):
    unschedulable: bool | None = None
    taints: list[dict[str, Any]] | None = None
    provider_id: str | None = msgspec.field(default=None, name="providerID")


class NodeStatus(Shape):
    conditions: list[Condition] | None = None
    allocatable: Amounts | None = None
    capacity: Amounts | None = None
    node_info: dict[str, Any] | None = None


class ServiceSpec(Shape):
    type: str | None = None
    selector: Labels | None = None
    ports: list[Port] | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    external_name: str | None = None


class HpaSpec(Shape):
    min_replicas: int | None = None
    max_replicas: int | None = None
    scale_target_ref: dict[str, Any] | None = None
    metrics: list[dict[str, Any]] | None = None


class HpaStatus(Shape):
    current_replicas: int | None = None
    desired_replicas: int | None = None
    last_scale_time: str | None = None
    conditions: list[Condition] | None = None


class QuotaSpec(Shape):
    hard: Amounts | None = None
    scopes: list[str] | None = None


class QuotaStatus(Shape):
    hard: Amounts | None = None
    used: Amounts | None = None


class ClaimSpec(Shape):
    """What claims and volumes specify."""

    access_modes: list[str] | None = None
    volume_name: str | None = None
    volume_mode: str | None = None
    storage_class_name: str | None = None
    selector: Selector | None = None
    resources: Resources | None = None
    capacity: Amounts | None = None
    claim_ref: dict[str, Any] | None = None
    persistent_volume_reclaim_policy: str | None = None
    node_affinity: dict[str, Any] | None = None


class ClaimStatus(Shape):
    phase: str | None = None
    message: str | None = None
    reason: str | None = None
    capacity: Amounts | None = None
    conditions: list[Condition] | None = None


class PhaseStatus(Shape):
    phase: str | None = None
    conditions: list[Condition] | None = None


class Node(Thing):
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class Service(Thing):
    spec: ServiceSpec | None = None


class EndpointSlice(Thing):
    address_type: str | None = None
    ports: list[Port] | None = None
    endpoints: list[dict[str, Any]] | None = None


class Autoscaler(Thing):
    spec: HpaSpec | None = None
    status: HpaStatus | None = None


class Quota(Thing):
    spec: QuotaSpec | None = None
    status: QuotaStatus | None = None


class Claim(Thing):
    spec: ClaimSpec | None = None
    status: ClaimStatus | None = None


class Namespace(Thing):
    status: PhaseStatus | None = None


class StorageClass(Thing):
    provisioner: str | None = None
    volume_binding_mode: str | None = None
    reclaim_policy: str | None = None


class Involved(Shape):
    kind: str = ""
    namespace: str | None = None
    name: str = ""
    uid: str | None = None
    field_path: str | None = None


class EventSeries(Shape):
    count: int | None = None
    last_observed_time: str | None = None


class EventSource(Shape):
    component: str | None = None
    host: str | None = None


class Event(Thing):
    """A core/v1 event; emitters of the new style leave `firstTimestamp`, `lastTimestamp` and `count` empty."""

    involved_object: Involved = msgspec.field(default_factory=Involved)
    reason: str | None = None
    message: str | None = None
    type: str | None = None
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: EventSeries | None = None
    source: EventSource | None = None
    reporting_component: str | None = None


class RevisionData(Shape):
    spec: WorkloadSpec | None = None


class ControllerRevision(Thing):
    revision: int | None = None
    data: RevisionData | None = None


class ListMetadata(Shape):
    continue_: str | None = msgspec.field(default=None, name="continue")
    resource_version: str | None = None


class Page(Shape):
    """One page of a list; items stay raw until their kind's shape is known."""

    metadata: ListMetadata | None = None
    items: list[msgspec.Raw] | None = None


class Status(Shape):
    """What the API answers instead of an object."""

    kind: str | None = None
    reason: str | None = None
    message: str | None = None
    metadata: ListMetadata | None = None


class Version(Shape):
    """What the API server says of itself."""

    git_version: str
