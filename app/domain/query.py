"""What can be looked up. A query names its question in words, for the gap if nobody answers."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.subject import Subject


@dataclass(frozen=True, slots=True)
class ObjectQuery:
    """One Kubernetes object as it is now."""

    question: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class ObjectsQuery:
    """All Kubernetes objects of the subject's kind in its namespace, the unhealthy first; its name is empty."""

    question: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class PodsQuery:
    """The pods of a workload (by its selector), those on a node, or those of a namespace."""

    question: str
    subject: Subject
    match_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EventQuery:
    """The events about one object, newest last; or of its whole namespace for a Namespace subject."""

    question: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class RolloutQuery:
    """The rollout history of a workload, as changes with a diff."""

    question: str
    subject: Subject
    match_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ServicesQuery:
    """The Services of a namespace that select these pod labels."""

    question: str
    subject: Subject
    match_labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaQuery:
    """The ResourceQuotas of the subject's namespace."""

    question: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class ReferencesQuery:
    """Whether what a workload refers to is there: (kind, name) of ConfigMaps and accounts, never of Secrets."""

    question: str
    subject: Subject
    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ContainerLogQuery:
    """The last lines of one container from the Kubernetes API; `previous` is the run before this one."""

    question: str
    subject: Subject
    container: str
    previous: bool


@dataclass(frozen=True, slots=True)
class PromQuery:
    """One PromQL expression over a range (`start` to `end`, UTC); `unit` is a UCUM-like word or empty.

    `name` is what detectors look for in the resulting `Series` ("memory_working_set", "alert_value").
    `alert_labels`: the label sets of alerts; only series whose labels stand in one of them are kept. Empty: all.
    `if_empty`: why, where nothing comes back; without it that is an answer too.
    """

    question: str
    subject: Subject
    name: str
    expr: str
    unit: str
    start: datetime
    end: datetime
    alert_labels: tuple[tuple[tuple[str, str], ...], ...] = ()
    if_empty: str = ""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """The subject's log lines that look like errors, in [start, end); of a Node, those of its system services.

    `usual`: short samples [start, end) of the usual time, to compare with.
    """

    question: str
    subject: Subject
    start: datetime
    end: datetime
    usual: tuple[tuple[datetime, datetime], ...] = ()
    pods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeQuery:
    """One GET of a health endpoint; `url` comes from the settings or the API server, never from an alert."""

    question: str
    subject: Subject
    url: str


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """What changed in the subject's namespace, and in the cluster as a whole, between `since` and `until` (UTC)."""

    question: str
    subject: Subject
    since: datetime
    until: datetime


Query = (
    ObjectQuery
    | ObjectsQuery
    | PodsQuery
    | EventQuery
    | RolloutQuery
    | ServicesQuery
    | QuotaQuery
    | ReferencesQuery
    | ContainerLogQuery
    | PromQuery
    | LogQuery
    | ProbeQuery
    | ChangesQuery
)

KUBERNETES_QUERIES: tuple[type[Query], ...] = (
    ObjectQuery,
    ObjectsQuery,
    PodsQuery,
    EventQuery,
    RolloutQuery,
    ServicesQuery,
    QuotaQuery,
    ReferencesQuery,
    ContainerLogQuery,
)
"""What only the Kubernetes API can answer."""
