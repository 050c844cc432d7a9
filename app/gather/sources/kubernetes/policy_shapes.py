"""Shapes of what pods need and are bound by: accounts, disruption budgets, and ConfigMaps without their values."""

# ruff: noqa: D101 - a shape without a docstring is the API's own object of that name

import msgspec

from app.gather.sources.kubernetes.shapes import Condition, Metadata, Selector, Shape, Thing

MAX_KEYS = 200


class BudgetSpec(Shape):
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    selector: Selector | None = None


class BudgetStatus(Shape):
    disruptions_allowed: int | None = None
    current_healthy: int | None = None
    desired_healthy: int | None = None
    expected_pods: int | None = None
    conditions: list[Condition] | None = None


class VersionedMetadata(Metadata):
    """With the version of the object, which tells only whether it is still the same."""

    resource_version: str | None = None


class PodDisruptionBudget(Thing):
    spec: BudgetSpec | None = None
    status: BudgetStatus | None = None


class ServiceAccount(Thing):
    image_pull_secrets: list[dict[str, str]] | None = None


class ConfigMap(Thing):
    """Its keys alone: the values are let go while it is decoded, so that nothing after this can show them.

    `calls`: by key the Services that its value names; never the API's, and set by who has looked.
    """

    metadata: VersionedMetadata = msgspec.field(default_factory=VersionedMetadata)
    data: dict[str, msgspec.Raw] | None = None
    binary_data: dict[str, msgspec.Raw] | None = None
    keys: list[str] | None = None
    calls: dict[str, list[str]] | None = None

    def __post_init__(self) -> None:
        """From what was decoded to names."""
        found = sorted({*(self.data or ()), *(self.binary_data or ())})
        self.keys = found[:MAX_KEYS]
        self.data = self.binary_data = self.calls = None


class ConfigMapText(Thing):
    """With its values, for whoever looks which Services they name, and keeps no more than that."""

    data: dict[str, str] | None = None
