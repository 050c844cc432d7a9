"""The fields that are read from Kubernetes objects; everything else is skipped while decoding."""

# ruff: noqa: D101 - a shape without a docstring is the API's own object of that name

from typing import Any

import msgspec

Labels = dict[str, str]
Amounts = dict[str, str | int | float]


class Shape(msgspec.Struct, rename="camel", kw_only=True):
    """A part of an object: names in camel case on the wire, null or absent as None."""


class OwnerReference(Shape):
    kind: str = ""
    name: str = ""
    uid: str | None = None
    controller: bool | None = None


class ManagedField(Shape):
    manager: str | None = None
    operation: str | None = None
    time: str | None = None
    subresource: str | None = None


class Metadata(Shape):
    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    labels: Labels | None = None
    annotations: Labels | None = None
    owner_references: list[OwnerReference] | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    generation: int | None = None
    finalizers: list[str] | None = None
    managed_fields: list[ManagedField] | None = None


class Condition(Shape):
    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None
    last_update_time: str | None = None


class HttpGet(Shape):
    path: str | None = None
    port: int | str | None = None
    scheme: str | None = None


class Check(Shape):
    """A liveness, readiness or startup probe; `httpGet.host` and its headers are left out on purpose."""

    http_get: HttpGet | None = None
    tcp_socket: dict[str, Any] | None = None
    grpc: dict[str, Any] | None = None
    exec: dict[str, Any] | None = None
    initial_delay_seconds: int | None = None
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None


class EnvVar(Shape):
    name: str = ""
    value: str | None = None
    value_from: dict[str, Any] | None = None


class Port(Shape):
    name: str | None = None
    container_port: int | str | None = None
    port: int | None = None
    target_port: int | str | None = None
    node_port: int | None = None
    protocol: str | None = None
    app_protocol: str | None = None


class Resources(Shape):
    limits: Amounts | None = None
    requests: Amounts | None = None


class Container(Shape):
    name: str = ""
    image: str | None = None
    image_pull_policy: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    working_dir: str | None = None
    env: list[EnvVar] | None = None
    env_from: list[dict[str, Any]] | None = None
    ports: list[Port] | None = None
    resources: Resources | None = None
    liveness_probe: Check | None = None
    readiness_probe: Check | None = None
    startup_probe: Check | None = None
    volume_mounts: list[dict[str, Any]] | None = None
    security_context: dict[str, Any] | None = None
    restart_policy: str | None = None


class PodSpec(Shape):
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[dict[str, Any]] | None = None
    node_name: str | None = None
    node_selector: Labels | None = None
    affinity: dict[str, Any] | None = None
    tolerations: list[dict[str, Any]] | None = None
    topology_spread_constraints: list[dict[str, Any]] | None = None
    service_account_name: str | None = None
    image_pull_secrets: list[dict[str, Any]] | None = None
    priority_class_name: str | None = None
    restart_policy: str | None = None
    scheduler_name: str | None = None
    termination_grace_period_seconds: int | None = None
    host_network: bool | None = None
    host_aliases: list[dict[str, Any]] | None = None
    dns_config: dict[str, Any] | None = None
    security_context: dict[str, Any] | None = None


class Waiting(Shape):
    reason: str | None = None
    message: str | None = None


class Running(Shape):
    started_at: str | None = None


class Terminated(Shape):
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Shape):
    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Shape):
    name: str = ""
    ready: bool | None = None
    started: bool | None = None
    restart_count: int | None = None
    image: str | None = None
    image_id: str | None = msgspec.field(default=None, name="imageID")
    state: ContainerState | None = None
    last_state: ContainerState | None = None


class PodStatus(Shape):
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    start_time: str | None = None
    qos_class: str | None = None
    pod_ip: str | None = msgspec.field(default=None, name="podIP")
    host_ip: str | None = msgspec.field(default=None, name="hostIP")
    conditions: list[Condition] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Selector(Shape):
    match_labels: Labels | None = None
    match_expressions: list[dict[str, Any]] | None = None


class PodTemplate(Shape):
    metadata: Metadata | None = None
    spec: PodSpec | None = None


class WorkloadSpec(Shape):
    """The union of what Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs specify."""

    replicas: int | None = None
    paused: bool | None = None
    selector: Selector | None = None
    template: PodTemplate | None = None
    strategy: dict[str, Any] | None = None
    service_name: str | None = None
    min_ready_seconds: int | None = None
    progress_deadline_seconds: int | None = None
    backoff_limit: int | None = None
    active_deadline_seconds: int | None = None
    completions: int | None = None
    parallelism: int | None = None
    suspend: bool | None = None
    schedule: str | None = None
    time_zone: str | None = None
    concurrency_policy: str | None = None


class WorkloadStatus(Shape):
    observed_generation: int | None = None
    replicas: int | None = None
    ready_replicas: int | None = None
    updated_replicas: int | None = None
    available_replicas: int | None = None
    unavailable_replicas: int | None = None
    current_revision: str | None = None
    update_revision: str | None = None
    desired_number_scheduled: int | None = None
    current_number_scheduled: int | None = None
    number_ready: int | None = None
    number_available: int | None = None
    number_unavailable: int | None = None
    number_misscheduled: int | None = None
    updated_number_scheduled: int | None = None
    active: int | list[dict[str, Any]] | None = None
    succeeded: int | None = None
    failed: int | None = None
    start_time: str | None = None
    completion_time: str | None = None
    last_schedule_time: str | None = None
    last_successful_time: str | None = None
    conditions: list[Condition] | None = None


class Thing(Shape):
    """What every object has."""

    api_version: str | None = None
    kind: str | None = None
    metadata: Metadata = msgspec.field(default_factory=Metadata)


class Pod(Thing):
    spec: PodSpec | None = None
    status: PodStatus | None = None


class Workload(Thing):
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None
