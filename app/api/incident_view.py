"""The whole record of an incident as REST shows it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from app.api.views import (
    AlertView,
    BlastRadiusView,
    ChangeView,
    DeliveryView,
    FindingView,
    GapView,
    GroupView,
    GuidanceView,
    HypothesisView,
    Instant,
    Resolution,
    SimilarView,
    State,
    SubjectView,
)
from app.domain.alert import AlertStatus
from app.domain.incident import Assessment, Finding, Incident


class IncidentView(BaseModel):
    """The whole record."""

    id: UUID
    url: str
    state: State
    enrichment: Literal["pending", "partial", "complete"]
    severity: str
    title: str
    headline: str
    groups: list[GroupView]
    parent_id: UUID | None
    children: list[UUID]
    onset_at: Instant | None
    started_at: Instant
    received_at: Instant
    first_notified_at: Instant | None
    resolved_at: Instant | None
    alerts: list[AlertView]
    subjects: list[SubjectView]
    hypotheses: list[HypothesisView]
    findings: list[FindingView]
    changes: list[ChangeView]
    similar: list[SimilarView]
    blast_radius: list[BlastRadiusView]
    runbooks: list[str]
    guidance: GuidanceView
    gaps: list[GapView]
    timings: dict[str, float | dict[str, float]]
    deliveries: list[DeliveryView]
    resolution: Resolution | None
    parked: str | None

    @classmethod
    def of(cls, incident: Incident, public_url: str) -> "IncidentView":
        """From the domain."""
        return cls(
            id=incident.id,
            url=f"{public_url}/incidents/{incident.id}",
            state=incident.state.value,
            enrichment=incident.enrichment,
            severity=incident.severity.word,
            title=incident.title,
            headline=incident.headline,
            groups=[
                GroupView(receiver=g.receiver, group_key=g.group_key, state=g.state.value) for g in incident.groups
            ],
            parent_id=incident.parent_id,
            children=list(incident.children),
            onset_at=incident.onset_at,
            started_at=incident.started_at,
            received_at=incident.received_at,
            first_notified_at=incident.first_notified_at,
            resolved_at=incident.resolved_at,
            alerts=_alerts(incident),
            subjects=[SubjectView.of(subject) for subject in incident.subjects],
            runbooks=list(incident.runbooks),
            gaps=[GapView.of(gap) for gap in incident.gaps],
            timings=_timings(incident),
            deliveries=[
                DeliveryView(
                    notifier=d.notifier,
                    part=d.part,
                    state=delivery_state(d.state, d.reference),
                    reference=d.reference,
                    attempts=d.attempts,
                    error=d.error,
                )
                for d in incident.deliveries
            ],
            resolution=Resolution(**incident.resolution) if incident.resolution else None,
            parked=incident.parked,
            **_judgement(incident.assessment, incident.onset_at),
        )


def delivery_state(state: str, reference: str | None) -> str:
    """The outbox's word as its readers know it: `sent` once it stands, also while an edit is due."""
    if state == "shown" or (state == "due" and reference is not None):
        return "sent"
    return state


def _alerts(incident: Incident) -> list[AlertView]:
    return [
        AlertView(
            fingerprint=alert.fingerprint,
            status="firing" if alert.status is AlertStatus.FIRING else "resolved",
            labels=dict(alert.labels),
            annotations=dict(alert.annotations),
            started_at=alert.starts_at,
            ended_at=alert.ended_at,
            generator_url=alert.generator_url,
        )
        for alert in incident.alerts
    ]


def _timings(incident: Incident) -> dict[str, float | dict[str, float]]:
    timings: dict[str, float | dict[str, float]] = {name: float(value) for name, value in incident.timings.items()}
    if incident.first_notified_at:
        waited = (incident.first_notified_at - incident.received_at).total_seconds() * 1000
        timings["first_notified_ms"] = round(waited)
    timings["sources"] = {name: round(value) for name, value in incident.source_milliseconds.items()}
    return timings


def _judgement(assessment: Assessment | None, onset_at: datetime | None) -> dict[str, Any]:
    """The judged fields; empty before the first enrichment."""
    if assessment is None:
        lists: dict[str, Any] = {"hypotheses": [], "findings": [], "changes": [], "similar": [], "blast_radius": []}
        return {**lists, "guidance": GuidanceView()}
    return {
        "hypotheses": [HypothesisView.model_validate(one) for one in assessment.hypotheses],
        "findings": [_finding(one) for one in assessment.findings],
        "changes": [ChangeView.of(change, onset_at) for change in assessment.changes],
        "similar": [SimilarView.model_validate(one) for one in assessment.similar],
        "blast_radius": [BlastRadiusView.model_validate(one) for one in assessment.blast_radius],
        "guidance": GuidanceView.model_validate(assessment.guidance),
    }


def _finding(finding: Finding) -> FindingView:
    return FindingView(
        id=finding.id,
        kind=finding.kind,
        subject=SubjectView.of(finding.subject),
        severity=finding.severity.word,
        onset_at=finding.onset_at,
        statement=finding.statement,
        evidence=list(finding.evidence),
    )
