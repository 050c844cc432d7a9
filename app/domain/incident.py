"""The judged whole: findings, hypotheses, what the message says, and the incident over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.change import Change
from app.domain.evidence import DROPPED, Evidence, Gap
from app.domain.playbook import Guidance
from app.domain.scope import EVERYTHING, Scope
from app.domain.subject import Subject

Confidence = Literal["high", "medium", "low"]
Enrichment = Literal["pending", "partial", "complete"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A judged fact. `kind` is dotted ("container.oom_killed"); `statement` stands alone, ≤ 300 characters.

    `names`: what else it is about, in the words of what was seen: a host that cannot be reached, say.
    """

    id: str
    kind: str
    subject: Subject
    severity: Severity
    statement: str
    onset_at: datetime | None = None
    evidence: tuple[str, ...] = ()
    names: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A candidate explanation. `cause` is an id of the cause catalogue; `score` is 0 to 1."""

    rank: int
    subject: Subject
    cause: str
    statement: str
    confidence: Confidence
    score: float
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident that ended, as far as recall needs it; `fix` is empty where nobody recorded one."""

    incident_id: UUID
    title: str
    alertname: str
    subject: Subject
    cause: str
    root_cause: str
    fix: str
    confirmed: bool
    started_at: datetime
    resolved_at: datetime | None
    score: float = 0.0

    @property
    def seconds_to_resolve(self) -> float | None:
        """From the first alert to the end, in seconds."""
        return (self.resolved_at - self.started_at).total_seconds() if self.resolved_at else None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What analysis needs from memory; stored with the incident so that it can be replayed."""

    past: tuple[PastIncident, ...] = ()
    days_searched: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """All that one judgement starts from: same case and recollection, same assessment."""

    alerts: tuple[Alert, ...]
    subjects: tuple[Subject, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ChangeNote:
    """The one change the message names: when, and what in short ("limit 512Mi → 256Mi, image 1.4.2")."""

    at: datetime
    text: str
    change_id: str


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the message says, in reading order and in words; templates only lay it out.

    Every text is raw (the notifier escapes) and short: no line passes 90 characters.
    """

    symptom: str
    facts: tuple[str, ...]
    still: str
    impact: str
    cause_line: str
    because: tuple[str, ...]
    against: str
    change: ChangeNote | None
    no_change: str
    first_step: str
    similar: str
    ruled_out: tuple[str, ...] = ()
    odd: str = ""


@dataclass(frozen=True, slots=True)
class BlastRadiusEntry:
    """One neighbour that is touched, how it is related, and its state in a word."""

    subject: Subject
    relation: str
    state: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The judgement over one case."""

    headline: str
    onset_at: datetime | None
    briefing: Briefing
    findings: tuple[Finding, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    changes: tuple[Change, ...] = ()
    similar: tuple[PastIncident, ...] = ()
    blast_radius: tuple[BlastRadiusEntry, ...] = ()
    subjects: tuple[Subject, ...] = ()
    guidance: Guidance = field(default_factory=Guidance)


@dataclass(frozen=True, slots=True)
class GroupState:
    """One alert group of an incident."""

    receiver: str
    group_key: str
    group_sha: bytes
    state: AlertStatus


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """One way to people, and how far it got."""

    notifier: str
    target: str
    part: str
    state: str
    reference: str | None
    attempts: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the story; `kind` is dotted ("alert.firing", "news.severity")."""

    at: datetime
    kind: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Incident:
    """The whole as it stands now: what pages, REST and messages are drawn from.

    `storm`: the key of the storm that this is the parent of. `parent_headline`: of the storm that swept it in, while
    that storm rages. `times_today`: how often it began in a day. `parked`: why nobody looks into it any more.
    `scope`: whom this view of it is for; `elsewhere`: how many workloads of other namespaces it leaves out.
    """

    id: UUID
    state: AlertStatus
    enrichment: Enrichment
    severity: Severity
    title: str
    headline: str
    groups: tuple[GroupState, ...]
    alerts: tuple[Alert, ...]
    subjects: tuple[Subject, ...]
    started_at: datetime
    received_at: datetime
    alertname: str
    cluster: str
    revision: int = 0
    parent_id: UUID | None = None
    children: tuple[UUID, ...] = ()
    onset_at: datetime | None = None
    announced_at: datetime | None = None
    first_notified_at: datetime | None = None
    resolved_at: datetime | None = None
    assessment: Assessment | None = None
    gaps: tuple[Gap, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    source_milliseconds: Mapping[str, float] = field(default_factory=dict)
    deliveries: tuple[DeliveryState, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    resolution: Mapping[str, str] | None = None
    storm: str | None = None
    parked: str | None = None
    parent_headline: str = ""
    times_today: int = 1
    scope: Scope = EVERYTHING
    elsewhere: int = 0

    @property
    def is_absorbed(self) -> bool:
        """Whether the message of a storm, which still rages, speaks for it."""
        return bool(self.parent_headline)

    @property
    def is_dropped(self) -> bool:
        """Whether only the compact record is left of it."""
        return DROPPED in self.gaps

    @property
    def runbooks(self) -> tuple[str, ...]:
        """The runbook addresses that the alerts' annotations name, then those of the playbooks, once each."""
        own = (alert.annotations.get("runbook_url", "") for alert in self.alerts)
        urls = (*own, *(self.assessment.guidance.runbooks if self.assessment else ()))
        return tuple(dict.fromkeys(url for url in urls if url))

    @property
    def subject(self) -> Subject:
        """The first subject: what the message is titled with."""
        return self.subjects[0] if self.subjects else Subject(self.cluster, "", "Cluster", self.cluster)
