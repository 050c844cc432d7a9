"""What differs between two pod templates, field by field and readable; never a secret value."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from app.domain.change import FieldDiff
from app.domain.watched import Field, differences
from app.gather.sources.kubernetes.bodies import clean, kept_annotations
from app.gather.sources.kubernetes.environment import is_secret_name, without_secrets
from app.gather.sources.kubernetes.shapes import Check, Container, EnvVar, PodSpec, PodTemplate

MAX_VALUE = 300
HIDDEN = "(not shown)"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_SPEC_FIELDS = ("serviceAccountName", "priorityClassName", "schedulerName", "hostNetwork", "restartPolicy")
_SPEC_STRUCTURES = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets")
_REFERENCES = {"configMap": "name", "secret": "secretName", "persistentVolumeClaim": "claimName"}


def diff_templates(old: PodTemplate | None, new: PodTemplate | None) -> tuple[FieldDiff, ...]:
    """Paths such as `containers[app].resources.limits.memory`; images first, at most 60."""
    return differences(_marked(old), _marked(new))


def _marked(template: PodTemplate | None) -> dict[str, Field]:
    """Both the truth and what may be shown of it, so that the change of a secret value is seen and its value is not."""
    return {path: Field(shown(path, value), value) for path, value in template_fields(template).items()}


def shown(path: str, value: str) -> str:
    """What may be read of a field's value; values that are or may be secret are withheld."""
    if ".env[" in path:
        return _env_shown(path.rpartition(".env[")[2].rstrip("]"), value)
    return clean(value)[:MAX_VALUE]


def _env_shown(name: str, value: str) -> str:
    if value.startswith("from "):
        return clean(value)[:MAX_VALUE]
    redacted = clean(value)
    # The redactor knows `password=…` by its name, so it is asked with the name as well.
    in_context = clean(f"{name}={value}") == f"{name}={value}"
    return redacted[:MAX_VALUE] if redacted == value and in_context and not is_secret_name(name) else HIDDEN


def template_fields(template: PodTemplate | None) -> dict[str, str]:
    """Every field of a pod template that can matter, by its path; raw, so not to be stored or shown as it is."""
    fields: dict[str, str] = {}
    if template is None:
        return fields
    annotations = kept_annotations(template.metadata.annotations if template.metadata else None) or {}
    for name, value in annotations.items():
        fields[f"annotations[{name}]"] = value
    if template.spec is not None:
        fields.update(_spec_fields(template.spec))
    return fields


def _spec_fields(spec: PodSpec) -> dict[str, str]:
    plain: dict[str, Any] = msgspec.to_builtins(spec)
    fields = {name: as_text(plain[name]) for name in (*_SPEC_FIELDS, *_SPEC_STRUCTURES) if plain.get(name)}
    fields.update(_volume_fields(spec.volumes or ()))
    for part, containers in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for container in containers or ():
            fields.update(_container_fields(f"{part}[{container.name}]", container))
    return fields


def _volume_fields(volumes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for volume in volumes:
        name = str(volume.get("name", ""))
        if name.startswith("kube-api-access-"):
            continue
        sources = [key for key in volume if key != "name"]
        for source in sources:
            body = volume[source] if isinstance(volume[source], Mapping) else {}
            fields[f"volumes[{name}].{source}"] = as_text(body.get(_REFERENCES.get(source, ""), body))
    return fields


def _container_fields(path: str, container: Container) -> dict[str, str]:
    plain: dict[str, Any] = msgspec.to_builtins(container)
    fields = {f"{path}.image": container.image or ""}
    for name in ("command", "args"):
        if plain.get(name):
            fields[f"{path}.{name}"] = _command_line(plain[name])
    for variable in container.env or ():
        fields[f"{path}.env[{variable.name}]"] = _env_text(variable)
    for index, reference in enumerate(container.env_from or ()):
        fields[f"{path}.envFrom[{index}]"] = as_text(reference)
    for part in ("requests", "limits"):
        for resource, amount in ((plain.get("resources") or {}).get(part) or {}).items():
            fields[f"{path}.resources.{part}.{resource}"] = str(amount)
    for name, check in zip(
        _PROBES, (container.liveness_probe, container.readiness_probe, container.startup_probe), strict=True
    ):
        fields.update(_check_fields(f"{path}.{name}", check))
    fields.update(_mount_and_port_fields(path, container))
    return fields


def _mount_and_port_fields(path: str, container: Container) -> dict[str, str]:
    fields = {}
    for mount in container.volume_mounts or ():
        if "kube-api-access-" not in str(mount.get("name", "")):
            fields[f"{path}.volumeMounts[{mount.get('mountPath', '')}]"] = as_text(mount)
    for port in container.ports or ():
        fields[f"{path}.ports[{port.name or port.container_port}]"] = f"{port.container_port}/{port.protocol or 'TCP'}"
    return fields


def _check_fields(path: str, check: Check | None) -> dict[str, str]:
    if check is None:
        return {}
    plain: dict[str, Any] = msgspec.to_builtins(check)
    if check.exec:
        plain["exec"] = _command_line(check.exec.get("command"))
    return {f"{path}.{name}": as_text(value) for name, value in plain.items() if value is not None}


def _command_line(arguments: Any) -> str:  # noqa: ANN401 - JSON
    """As it would be typed: so the redactor knows what follows a flag."""
    return " ".join(str(one) for one in without_secrets(arguments)) if isinstance(arguments, list) else ""


def _env_text(variable: EnvVar) -> str:
    if variable.value_from:
        return f"from {as_text(variable.value_from)}"
    return variable.value or ""


def as_text(value: object) -> str:
    """A string as it is, anything else as JSON in a fixed order."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(_without_nulls(value), order="sorted").decode()


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
