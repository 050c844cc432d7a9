"""LogQL for a subject's error lines, whatever the log agent calls its labels. Times are integer nanoseconds."""

from calendar import timegm
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from app.domain.query import LogQuery
from app.gather.logs.journal import UNITS, hosts_of
from app.gather.logs.words import ERROR_WORDS
from app.playbooks.pod_names import pod_pattern
from app.promql import escape_label_value

# The agents' names for the same thing, the usual first.
NAMESPACE_LABELS: Final = ("namespace", "k8s_namespace_name", "kubernetes_namespace_name", "kubernetes_namespace")
POD_LABELS: Final = ("pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name")
CONTAINER_LABELS: Final = ("container", "k8s_container_name", "kubernetes_container_name", "container_name")
OPENTELEMETRY_POD: Final = "k8s_pod_name"
UNIT_LABELS: Final = ("unit", "systemd_unit", "_SYSTEMD_UNIT")
HOST_LABELS: Final = ("hostname", "nodename", "host", "node", "node_name", "k8s_node_name", "instance")


def error_lines(query: LogQuery, labels: Iterable[str]) -> tuple[str, str]:
    """The stream selector, and the whole query; `labels` are the names that this Loki has indexed."""
    subject = query.subject
    known = frozenset(labels)
    namespace_label = _first(NAMESPACE_LABELS, known) or NAMESPACE_LABELS[0]
    is_namespace = subject.kind == "Namespace"
    matchers = [f'{namespace_label}="{escape_label_value(subject.name if is_namespace else subject.namespace)}"']
    filters = ""
    if not is_namespace:
        pods = escape_label_value(pod_pattern(subject, query.pods))
        pod_label = _first(POD_LABELS, known)
        # OpenTelemetry keeps the pod beside the line, not in the index: it cannot stand between the braces.
        if pod_label is None and namespace_label.startswith("k8s_"):
            filters = f' | {OPENTELEMETRY_POD}=~"{pods}"'
        else:
            matchers.append(f'{pod_label or POD_LABELS[0]}=~"{pods}"')
    selector = "{" + ", ".join(matchers) + "}"
    return selector, f"{selector}{filters} |~ `{ERROR_WORDS}`"


def journals(labels: Iterable[str]) -> str | None:
    """A selector of the journal streams of all nodes; None where no agent ships them."""
    known = frozenset(labels)
    if unit := _first(UNIT_LABELS, known):
        return f'{{{unit}=~"{UNITS}"}}'
    return '{job=~".*journal.*"}' if "job" in known else None


def journal_lines(node: str, streams: Iterable[Mapping[str, str]]) -> tuple[str, str] | None:
    """The stream selector and the whole query for the node's system services, if one of these streams is its."""
    hosts = hosts_of(node)
    for stream in streams:
        host = next((label for label in HOST_LABELS if stream.get(label) in hosts), None)
        if host is None:
            continue
        unit = _first(UNIT_LABELS, frozenset(stream))
        matchers = [f'{host}="{escape_label_value(stream[host])}"']
        job = stream.get("job", "")
        filters = ""
        if job:
            # The kernel's lines have no unit: they are found beside the others, by the journal's own label.
            matchers.append(f'job="{escape_label_value(job)}"')
            filters = f' | {unit or UNIT_LABELS[0]}=~"{UNITS}|"'
        else:
            matchers.append(f'{unit or UNIT_LABELS[0]}=~"{UNITS}"')
        selector = "{" + ", ".join(matchers) + "}"
        return selector, f"{selector}{filters} |~ `{ERROR_WORDS}`"
    return None


def times(window: tuple[datetime, datetime]) -> tuple[tuple[str, str], ...]:
    """`start` (inclusive) and `end` (exclusive) of a request."""
    return (("start", str(nanoseconds(window[0]))), ("end", str(nanoseconds(window[1]))))


def nanoseconds(at: datetime) -> int:
    """Whole numbers only: a float of today's nanoseconds is wrong by up to 128 of them, milliseconds mean 1970."""
    return timegm(at.astimezone(UTC).timetuple()) * 10**9 + at.microsecond * 1000


def _first(names: Iterable[str], known: frozenset[str]) -> str | None:
    return next((name for name in names if name in known), None)
