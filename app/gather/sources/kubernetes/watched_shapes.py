"""Shapes of what the journal alone reads: just the fields whose change somebody made."""

# ruff: noqa: D101 - a shape without a docstring is the API's own object of that name

from typing import Any

import msgspec

from app.gather.sources.kubernetes.shapes import Shape, Thing, Workload, WorkloadSpec


class Specified(Thing):
    """Whatever is told by its `spec` alone."""

    spec: dict[str, Any] | None = None


class ConfigMap(Thing):
    data: dict[str, str] | None = None
    binary_data: dict[str, str] | None = None


class ServiceAccount(Thing):
    image_pull_secrets: list[dict[str, Any]] | None = None
    automount_service_account_token: bool | None = None


class JobTemplate(Shape):
    spec: WorkloadSpec | None = None


class CronJobSpec(WorkloadSpec):
    job_template: JobTemplate | None = None


class CronJob(Workload):
    spec: CronJobSpec | None = None


class Deployed(Thing):
    """An Argo CD Application or a Flux release: what should run, and what was deployed last."""

    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


class WatchEvent(Shape):
    """One line of a watch; the object stays raw until its kind's shape is known."""

    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


class Version(Shape):
    resource_version: str | None = None


class Versioned(Shape):
    """Of any object, where in the history of the cluster it stands."""

    metadata: Version = msgspec.field(default_factory=Version)


class Refusal(Shape):
    """Why a watch ends."""

    code: int | None = None
    reason: str | None = None
