"""Label and field selectors as the Kubernetes API reads them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_SET = re.compile(rf"^(?P<key>{_NAME})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(rf"^(?P<key>{_NAME})\s*(?P<op>==|!=|=)\s*(?P<value>[-A-Za-z0-9_.]*)$")
_EXISTS = re.compile(rf"^(?P<negated>!?)\s*(?P<key>{_NAME})$")
_FIELD = re.compile(r"^(?P<path>[^=!]+)(?P<op>==|!=|=)(?P<value>.*)$")

FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    "events": frozenset(
        {f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion")}
        | {"involvedObject.resourceVersion", "involvedObject.fieldPath"}
        | {"reason", "reportingComponent", "source", "type"}
    ),
    "nodes": frozenset({"spec.unschedulable"}),
    "namespaces": frozenset({"status.phase"}),
    "secrets": frozenset({"type"}),
    "replicasets": frozenset({"status.replicas"}),
    "jobs": frozenset({"status.successful"}),
}


class SelectorError(ValueError):
    """A selector that the API refuses; the message is the API's."""


def label_predicate(selector: str) -> Predicate:
    """Whether an object's labels meet every requirement of `selector`."""
    requirements = [_requirement(part.strip()) for part in _split(selector) if part.strip()]
    return lambda item: all(meets(item["metadata"].get("labels") or {}) for meets in requirements)


def field_predicate(resource: str, selector: str) -> Predicate:
    """Whether an object's fields meet `selector`; only the fields that the type supports may be asked."""
    allowed = FIELDS.get(resource, frozenset()) | {"metadata.name", "metadata.namespace"}
    wanted: list[tuple[str, bool, str]] = []
    for part in filter(None, selector.split(",")):
        match = _FIELD.match(part)
        if match is None:
            raise SelectorError(f"invalid selector: '{selector}'; can't understand '{part}'")
        if match["path"] not in allowed:
            raise SelectorError(
                f'Unable to find "{resource}" that match label selector "", field selector "{selector}": '
                f"field label not supported: {match['path']}"
            )
        wanted.append((match["path"], match["op"] != "!=", match["value"]))
    return lambda item: all((_value(item, path) == value) is equal for path, equal, value in wanted)


def _split(selector: str) -> list[str]:
    return re.split(r",(?![^()]*\))", selector)


def _requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET.match(text):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUALITY.match(text):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.match(text):
        key, present = match["key"], not match["negated"]
        return lambda labels: (key in labels) is present
    raise SelectorError(f"unable to parse requirement: found '{text}', expected: a key, an operator and values")


def _value(item: Mapping[str, Any], path: str) -> str:
    found: Any = item
    for name in ("source", "component") if path == "source" else path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return str(found).lower()
    if found is None:
        return "false" if path == "spec.unschedulable" else ""
    return str(found)
