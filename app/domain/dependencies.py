"""What a pod template says that it needs: Services that it calls, ConfigMaps and an account that must be there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.addresses import Address, addresses_in

CALLS = "calls"
"""The name of the series that tell who calls whom; `caller_of` and `callee_of` read their labels."""

_MOST = 200
_CALLERS = (
    ("source_workload", "source_workload_namespace"),
    ("deployment", "namespace"),
    ("client", ""),
)
_CALLEES = (
    ("destination_workload", "destination_workload_namespace"),
    ("dst_deployment", "dst_namespace"),
    ("server", ""),
)
_NOBODY = frozenset({"", "unknown"})
_ROOT_CERTIFICATE = "kube-root-ca.crt"


@dataclass(frozen=True, slots=True)
class Mention:
    """An address that a template names, and where: `PAYMENTS_URL`, or `arguments`."""

    address: Address
    where: str


@dataclass(frozen=True, slots=True)
class ConfigUse:
    """A ConfigMap that a template reads: one key of it, or all (empty); `must` be there for the pod to start."""

    name: str
    key: str
    must: bool


def caller_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """(namespace, name) of the workload that calls; the namespace is empty where nobody measured it, or both are."""
    return _first(labels, _CALLERS)


def callee_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """The same of the workload that is called."""
    return _first(labels, _CALLEES)


def _first(labels: Mapping[str, str], pairs: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    for name, namespace in pairs:
        if labels.get(name, "") not in _NOBODY:
            return labels.get(namespace, "") if namespace else "", labels[name]
    return "", ""


def mentions(spec: object) -> Iterator[Mention]:
    """Whatever the containers' variables and arguments name, as far as the source kept it."""
    for container in containers_of(spec):
        for variable in _maps(container.get("env")):
            name = _text(variable.get("name"))
            if value := _text(variable.get("value")):
                yield from (Mention(address, name) for address in addresses_in(value, name))
            for host in _texts(variable.get("calls")):
                yield from (Mention(address, name) for address in addresses_in(host, "HOST"))
        words = [*_texts(container.get("command")), *_texts(container.get("args"))]
        for word in words:
            yield from (Mention(address, "arguments") for address in addresses_in(word))


def config_uses(spec: object) -> tuple[ConfigUse, ...]:
    """Every ConfigMap, once for each key that is read."""
    found = (use for use in _config_uses(_map(spec)) if use.name and use.name != _ROOT_CERTIFICATE)
    return tuple(dict.fromkeys(found))


def account_of(spec: object) -> str:
    """The account that its pods run as; empty for the one that every namespace has."""
    name = _text(_map(spec).get("serviceAccountName"))
    return "" if name == "default" else name


def template_spec(body: object) -> Mapping[str, Any]:
    """The pod spec in a workload's template; a CronJob's is one deeper."""
    spec = _map(_map(body).get("spec"))
    job = _map(_map(spec.get("jobTemplate")).get("spec"))
    return _map(_map((job or spec).get("template")).get("spec"))


def containers_of(spec: object) -> tuple[Mapping[str, Any], ...]:
    """All containers of a pod spec, those that run first and beside the others too."""
    return (*_maps(_map(spec).get("containers")), *_maps(_map(spec).get("initContainers")))


def _config_uses(spec: Mapping[str, Any]) -> Iterator[ConfigUse]:
    for volume in _maps(spec.get("volumes")):
        parts = [_map(volume.get("configMap"))]
        parts += [_map(part.get("configMap")) for part in _maps(_map(volume.get("projected")).get("sources"))]
        for part in filter(None, parts):
            yield from _of_volume(part)
    for container in containers_of(spec):
        for source in _maps(container.get("envFrom")):
            reference = _map(source.get("configMapRef"))
            yield ConfigUse(_text(reference.get("name")), "", must=reference.get("optional") is not True)
        for variable in _maps(container.get("env")):
            reference = _map(_map(variable.get("valueFrom")).get("configMapKeyRef"))
            must = reference.get("optional") is not True
            yield ConfigUse(_text(reference.get("name")), _text(reference.get("key")), must=must)


def _of_volume(part: Mapping[str, Any]) -> Iterator[ConfigUse]:
    name, must = _text(part.get("name")), part.get("optional") is not True
    keys = [_text(item.get("key")) for item in _maps(part.get("items"))]
    yield from (ConfigUse(name, key, must) for key in keys or [""])


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value[:_MOST] if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _texts(value: object) -> list[str]:
    return [one for one in value[:_MOST] if isinstance(one, str)] if isinstance(value, list | tuple) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
