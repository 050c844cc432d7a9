"""Which Secrets a workload refers to; only their names, for what is in them is never read."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.evidence import ObjectState


def secrets_of(workload: ObjectState) -> frozenset[str]:
    """The names of the Secrets in its pod template: mounted, as variables, or to pull images with."""
    template = (workload.body.get("spec") or {}).get("template") or {}
    return frozenset(name for name in _names(template.get("spec") or {}) if name)


def _names(spec: Mapping[str, Any]) -> Iterator[str]:
    for pull in spec.get("imagePullSecrets") or ():
        yield str(pull.get("name") or "")
    for volume in spec.get("volumes") or ():
        yield str((volume.get("secret") or {}).get("secretName") or "")
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield str((source.get("secret") or {}).get("name") or "")
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        for source in container.get("envFrom") or ():
            yield str((source.get("secretRef") or {}).get("name") or "")
        for variable in container.get("env") or ():
            yield str(((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name") or "")
