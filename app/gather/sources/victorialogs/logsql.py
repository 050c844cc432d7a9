"""LogsQL for a subject's error lines, whatever the log agent calls its fields."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from app.domain.query import LogQuery
from app.gather.logs.journal import KERNEL, UNITS, hosts_of
from app.gather.logs.lines import Window
from app.gather.logs.words import ERROR_WORDS
from app.gather.text import storable
from app.playbooks.pod_names import pod_pattern

# The agents' names for the same thing: promtail and Alloy, fluent-bit, Vector, Filebeat, OpenTelemetry.
NAMESPACE_FIELDS: Final = (
    "namespace",
    "kubernetes.namespace_name",
    "kubernetes.pod_namespace",
    "kubernetes.namespace",
    "k8s.namespace.name",
    "kubernetes_namespace_name",
)
POD_FIELDS: Final = (
    "pod",
    "kubernetes.pod_name",
    "kubernetes.pod.name",
    "k8s.pod.name",
    "kubernetes_pod_name",
)
CONTAINER_FIELDS: Final = (
    "container",
    "kubernetes.container_name",
    "kubernetes.container.name",
    "k8s.container.name",
    "kubernetes_container_name",
)
# Of a node's journal: journald itself, and what agents make of it.
HOST_FIELDS: Final = ("_HOSTNAME", "hostname", "host", "host.name", "host.hostname", "nodename")
UNIT_FIELDS: Final = ("_SYSTEMD_UNIT", "unit", "systemd.unit")
SYSLOG_FIELDS: Final = ("SYSLOG_IDENTIFIER", "syslog.identifier")
TIME, MESSAGE = "_time", "_msg"
_SHOWN: Final = {False: CONTAINER_FIELDS, True: (*UNIT_FIELDS, *SYSLOG_FIELDS)}


def error_lines(query: LogQuery, window: Window, stream_fields: Iterable[str]) -> str:
    """The query for the window, without a limit; `stream_fields` are the names that streams are kept by."""
    streams = frozenset(stream_fields)
    is_node = query.subject.kind == "Node"
    whose = _of_node(query.subject.name, streams) if is_node else _of_pods(query, streams)
    shown = ", ".join(_quoted(name) for name in (TIME, MESSAGE, *_SHOWN[is_node]))
    return f"{during(window)} {whose} {_quoted(MESSAGE)}:~{_quoted(ERROR_WORDS)} | fields {shown}"


def any_namespace(window: Window) -> str:
    """Any line that says which namespace it comes from."""
    known = " or ".join(f"{_quoted(name)}:*" for name in NAMESPACE_FIELDS)
    return f"{during(window)} ({known}) | fields {_quoted(TIME)}, {_quoted(MESSAGE)}"


def during(window: Window) -> str:
    """The filter for a time: its start is inside, its end is not."""
    start, end = (_instant(at) for at in window)
    return f"_time:[{start}, {end})"


def _of_pods(query: LogQuery, streams: frozenset[str]) -> str:
    subject = query.subject
    if subject.kind == "Namespace":
        return _is(NAMESPACE_FIELDS, (subject.name,), streams)
    pods = pod_pattern(subject, query.pods)
    return f"{_is(NAMESPACE_FIELDS, (subject.namespace,), streams)} {_matches(POD_FIELDS, pods, streams)}"


def _of_node(node: str, streams: frozenset[str]) -> str:
    # The kernel's lines have no unit: the journal names who wrote them.
    services = [_regex(name, UNITS) for name in UNIT_FIELDS]
    kernel = [f"{_quoted(name)}:={_quoted(KERNEL)}" for name in SYSLOG_FIELDS]
    return f"{_is(HOST_FIELDS, hosts_of(node), streams)} ({' or '.join((*services, *kernel))})"


def _is(names: tuple[str, ...], values: Iterable[str], streams: frozenset[str]) -> str:
    """One of these fields is one of these values; by the streams where they are kept by it, which reads far less."""
    kept_by = [name for name in names if name in streams]
    wanted = [_quoted(value) for value in values]
    if kept_by:
        return "{" + " or ".join(f"{_quoted(name)}={value}" for name in kept_by for value in wanted) + "}"
    return "(" + " or ".join(f"{_quoted(name)}:={value}" for name in names for value in wanted) + ")"


def _matches(names: tuple[str, ...], pattern: str, streams: frozenset[str]) -> str:
    kept_by = [name for name in names if name in streams]
    if kept_by:
        return "{" + " or ".join(f"{_quoted(name)}=~{_quoted(pattern)}" for name in kept_by) + "}"
    return "(" + " or ".join(_regex(name, pattern) for name in names) + ")"


def _regex(name: str, pattern: str) -> str:
    """Over the whole value: a field's regular expression may match anywhere in it."""
    return f"{_quoted(name)}:~{_quoted(f'^({pattern})$')}"


def _quoted(text: str) -> str:
    """A string of LogsQL is one of Go: JSON's, but for escaped pairs of surrogates. No name breaks out of it."""
    return json.dumps(storable(text), ensure_ascii=False)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
