"""What REST shows of an incident: fixed names, times in RFC 3339 UTC, ids as text."""

import operator
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.domain.change import Change
from app.domain.evidence import Gap
from app.domain.subject import Subject
from app.store.search import Hit, Page

Instant = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]
State = Literal["firing", "resolved"]


class FromDomain(BaseModel):
    """A view whose fields have the names of the domain's own."""

    model_config = ConfigDict(from_attributes=True)


class SubjectView(FromDomain):
    """A Kubernetes object by name."""

    cluster: str
    namespace: str
    kind: str
    name: str

    @classmethod
    def of(cls, subject: Subject) -> "SubjectView":
        """From the domain."""
        return cls(cluster=subject.cluster, namespace=subject.namespace, kind=subject.kind, name=subject.name)


class GuidanceView(FromDomain):
    """What the playbooks say about the alerts: what they measured, what it means, what to check."""

    playbooks: list[str] = []
    measured: list[str] = []
    notes: list[str] = []
    first_checks: list[str] = []


class IncidentLine(BaseModel):
    """An incident in a list."""

    id: UUID
    url: str
    state: State
    enrichment: Literal["pending", "partial", "complete"]
    severity: str
    title: str
    headline: str
    started_at: Instant
    parked: str | None

    @classmethod
    def of(cls, hit: Hit, public_url: str) -> "IncidentLine":
        """From a hit of the search."""
        return cls(
            id=hit.id,
            url=f"{public_url}/incidents/{hit.id}",
            state=hit.state.value,
            enrichment=hit.enrichment,
            severity=hit.severity.word,
            title=hit.title,
            headline=hit.headline,
            started_at=hit.started_at,
            parked=hit.parked,
        )


class IncidentLink(BaseModel):
    """Where to look an incident up."""

    id: str
    url: str


class IncidentPage(BaseModel):
    """A page of incidents, newest first."""

    items: list[IncidentLine]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page, public_url: str) -> "IncidentPage":
        """From a page of the search."""
        return cls(items=[IncidentLine.of(hit, public_url) for hit in page.hits], next_cursor=page.next_cursor)


class GroupView(BaseModel):
    """One alert group of an incident."""

    receiver: str
    group_key: str
    state: State


class AlertView(BaseModel):
    """One alert episode."""

    fingerprint: str
    status: State
    labels: dict[str, str]
    annotations: dict[str, str]
    started_at: Instant
    ended_at: Instant | None
    generator_url: str


class HypothesisView(FromDomain):
    """A candidate explanation."""

    rank: int
    subject: SubjectView
    cause: str
    statement: str
    confidence: Literal["high", "medium", "low"]
    score: float
    because: list[str]
    against: list[str]
    evidence: list[str]
    next_step: str


class FindingView(BaseModel):
    """A judged fact."""

    id: str
    kind: str
    subject: SubjectView
    severity: str
    onset_at: Instant | None
    statement: str
    evidence: list[str]


class DiffView(BaseModel):
    """One field that changed."""

    path: str
    old: str | None
    new: str | None


class ChangeView(BaseModel):
    """Something that someone did; `seconds_before_onset` is negative for what came after it."""

    id: str
    at: Instant
    kind: str
    subject: SubjectView
    summary: str
    diff: list[DiffView]
    seconds_before_onset: float | None

    @classmethod
    def of(cls, change: Change, onset_at: datetime | None) -> "ChangeView":
        """From the domain."""
        return cls(
            id=change.id,
            at=change.at,
            kind=change.change,
            subject=SubjectView.of(change.subject),
            summary=change.summary,
            diff=[DiffView(path=d.path, old=d.old, new=d.new) for d in change.diff],
            seconds_before_onset=(onset_at - change.at).total_seconds() if onset_at else None,
        )


class SimilarView(FromDomain):
    """A past incident that this one resembles."""

    incident_id: UUID
    score: float
    title: str
    cause: str
    root_cause: str
    fix: str
    seconds_to_resolve: float | None


class BlastRadiusView(FromDomain):
    """A neighbour that is touched."""

    subject: SubjectView
    relation: str
    state: str


class GapView(BaseModel):
    """What could not be seen; `cluster` names whose source it is, where clusters have names."""

    source: str
    question: str
    reason: str
    cluster: str = Field("", exclude_if=operator.not_)

    @classmethod
    def of(cls, gap: Gap) -> "GapView":
        """From the domain."""
        return cls(source=gap.source, question=gap.question, reason=gap.reason, cluster=gap.cluster)


class DeliveryView(BaseModel):
    """One way to people, and how far it got."""

    notifier: str
    part: str
    state: str
    reference: str | None
    attempts: int
    error: str | None


class TimelineLine(BaseModel):
    """One line of the story."""

    at: Instant
    kind: str
    text: str
    source: str


class Timeline(BaseModel):
    """The story so far."""

    items: list[TimelineLine]


class Resolution(BaseModel):
    """What a person found: recorded with the incident, and told when one like it comes."""

    cause: Annotated[str, "an id of the cause catalogue, or free"] = ""
    root_cause: str = ""
    fix: str = ""
    notes: str = ""
