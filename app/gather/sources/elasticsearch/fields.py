"""What the indices call things: asked once, since each agent and each template has names and types of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain.errors import SourceError

# fluent-bit, Beats and Elastic Agent, OpenTelemetry in two layouts, ECS.
NAMESPACE: Final = (
    "kubernetes.namespace_name",
    "kubernetes.namespace",
    "k8s.namespace.name",
    "resource.attributes.k8s.namespace.name",
    "orchestrator.namespace",
)
POD: Final = (
    "kubernetes.pod_name",
    "kubernetes.pod.name",
    "k8s.pod.name",
    "resource.attributes.k8s.pod.name",
    "orchestrator.resource.name",
)
CONTAINER: Final = (
    "kubernetes.container_name",
    "kubernetes.container.name",
    "k8s.container.name",
    "resource.attributes.k8s.container.name",
    "container.name",
)
MESSAGE: Final = ("message", "log", "body.text", "body", "MESSAGE", "msg")
LEVEL: Final = ("log.level", "severity_text", "level")
HOST: Final = ("host.name", "host.hostname", "_HOSTNAME", "hostname", "agent.hostname")
UNIT: Final = ("systemd.unit", "_SYSTEMD_UNIT")
SYSLOG: Final = ("syslog.identifier", "log.syslog.appname", "SYSLOG_IDENTIFIER")
TIME: Final = "@timestamp"

# A template may map names as text, which no exact question finds; dynamic mapping puts a keyword beside it.
_BESIDE: Final = ".keyword"
_EXACT: Final = frozenset({"keyword", "constant_keyword", "wildcard"})
_TEXT: Final = frozenset({"text", "match_only_text"})


def asked_for() -> tuple[str, ...]:
    """Every name that we would use, for one bounded question."""
    names = (*NAMESPACE, *POD, *LEVEL, *HOST, *UNIT, *SYSLOG)
    return (*names, *(name + _BESIDE for name in names), *MESSAGE, TIME)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that there are: `exact` compare as a whole, `text` by word. `indices`: how many match the pattern."""

    indices: int
    exact: frozenset[str]
    text: frozenset[str]

    @classmethod
    def of(cls, body: Any) -> "Fields":  # noqa: ANN401 - JSON of any shape
        """Out of the answer of `_field_caps`. Raises `SourceError` for another shape."""
        found = body.get("fields") if isinstance(body, dict) else None
        if not isinstance(found, dict):
            raise SourceError("answered JSON that is not Elasticsearch's")
        types = {str(name): frozenset(kinds) for name, kinds in found.items() if isinstance(kinds, dict)}
        indices = body.get("indices")
        return cls(
            len(indices) if isinstance(indices, list) else len(types),
            frozenset(name for name, kinds in types.items() if kinds & _EXACT),
            frozenset(name for name, kinds in types.items() if kinds & _TEXT),
        )

    def exactly(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names by which a whole value can be asked, under which name ever."""
        return tuple(one for name in names for one in (name, name + _BESIDE) if one in self.exact)

    def texts(self) -> tuple[str, ...]:
        """The fields that hold the line."""
        return tuple(name for name in MESSAGE if name in self.text)

    def has_journals(self) -> bool:
        """Whether lines of system services are here, by node."""
        return bool(self.exactly(HOST) and self.exactly((*UNIT, *SYSLOG)))

    def missing(self) -> str:
        """What no question can do without, in words; empty if nothing is missing."""
        if not self.indices:
            return "no index matches"
        if not self.texts():
            return f"no field for the line ({', '.join(MESSAGE)}) is text that can be searched"
        if not self.exactly(NAMESPACE):
            return "no field says which namespace a line comes from"
        return ""


def value_of(source: Mapping[str, Any], name: str) -> str:
    """The value at a dotted name, whether its parts are nested or stand in one key; empty if there is none."""
    if name in source:
        found = source[name]
        found = found[0] if isinstance(found, list) and found else found
        return found if isinstance(found, str) else ""
    head, _, rest = name.partition(".")
    while rest:
        inner = source.get(head)
        if isinstance(inner, dict) and (found := value_of(inner, rest)):
            return found
        part, _, rest = rest.partition(".")
        head = f"{head}.{part}"
    return ""


def first_of(source: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of the names that has a value."""
    return next((value for name in names if (value := value_of(source, name))), "")
