"""LogQL for a subject's error lines, whatever the log agent calls its labels. Times are integer nanoseconds."""

from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from app.domain.query import LogQuery
from app.playbooks.pod_names import pod_pattern
from app.promql import escape_label_value

# No word boundary before it: NullPointerException and TypeError are errors too.
ERROR_WORDS: Final = (
    "(?i)(error|exception|fatal|panic|traceback|critical|oom|fail|refused|denied|timed? ?out|unable|cannot"
    "|no such|not found|killed|unhealthy)"
)
# The agents' names for the same thing, the usual first.
NAMESPACE_LABELS: Final = ("namespace", "k8s_namespace_name", "kubernetes_namespace_name", "kubernetes_namespace")
POD_LABELS: Final = ("pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name")
CONTAINER_LABELS: Final = ("container", "k8s_container_name", "kubernetes_container_name", "container_name")
OPENTELEMETRY_POD: Final = "k8s_pod_name"


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


def times(window: tuple[datetime, datetime]) -> tuple[tuple[str, str], ...]:
    """`start` (inclusive) and `end` (exclusive) of a request."""
    return (("start", str(nanoseconds(window[0]))), ("end", str(nanoseconds(window[1]))))


def nanoseconds(at: datetime) -> int:
    """Whole numbers only: a float of today's nanoseconds is wrong by up to 128 of them, milliseconds mean 1970."""
    return timegm(at.astimezone(UTC).timetuple()) * 10**9 + at.microsecond * 1000


def _first(names: Iterable[str], known: frozenset[str]) -> str | None:
    return next((name for name in names if name in known), None)
