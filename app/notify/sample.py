"""Made-up incidents on which templates are tried before anybody is paged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.change import Change, FieldDiff
from app.domain.evidence import Gap
from app.domain.incident import (
    Assessment,
    BlastRadiusEntry,
    Briefing,
    ChangeNote,
    Finding,
    GroupState,
    Hypothesis,
    Incident,
    TimelineEntry,
)
from app.domain.subject import Subject

SAMPLE_NOW = datetime(2026, 1, 1, 2, 8, tzinfo=UTC)
_ONSET = SAMPLE_NOW - timedelta(minutes=4)
_SUBJECT = Subject("prod", "shop", "Deployment", "checkout")


def samples() -> tuple[Incident, ...]:
    """Every shape that a template meets: nothing known, everything known, nothing found, over, and a storm."""
    full = replace(
        _pending(), enrichment="complete", assessment=_assessment(), gaps=(Gap("loki", "errors", "HTTP 500"),)
    )
    unknown = replace(full, assessment=replace(_assessment(), briefing=_unknown_briefing(), hypotheses=(), changes=()))
    over = replace(full, state=AlertStatus.RESOLVED, resolved_at=SAMPLE_NOW)
    storm = replace(unknown, alerts=(), groups=(), subjects=(), storm="burst:prod", times_today=3)
    swept_in = replace(full, parent_headline="prod: 60 workloads failing together")
    return (_pending(), replace(full, enrichment="partial"), full, unknown, over, storm, swept_in)


def _pending() -> Incident:
    labels = {"alertname": "KubePodCrashLooping", "severity": "critical", "namespace": "shop"}
    alert = Alert("f1", AlertStatus.FIRING, labels, {"runbook_url": "https://runbooks.example/crash"}, _ONSET, None)
    return Incident(
        id=UUID(int=1),
        state=AlertStatus.FIRING,
        enrichment="pending",
        severity=Severity.CRITICAL,
        title="KubePodCrashLooping shop/checkout",
        headline="",
        groups=(GroupState("sitrep", "{}", b"\x00" * 32, AlertStatus.FIRING),),
        alerts=(alert,),
        subjects=(_SUBJECT,),
        started_at=_ONSET,
        received_at=_ONSET + timedelta(minutes=1),
        alertname="KubePodCrashLooping",
        cluster="prod",
        timeline=(TimelineEntry(_ONSET, "alert.firing", "KubePodCrashLooping fires", "alertmanager"),),
    )


def _briefing() -> Briefing:
    return Briefing(
        symptom="killed for memory",
        facts=("6 kills in 12 min", "1 of 3 pods ready"),
        still="still failing",
        impact="5xx 8.4 % (usual 0.3 %)",
        cause_line="Likely: rollout 42 halved the memory limit",
        because=("used 255Mi at each kill",),
        against="traffic usual",
        change=ChangeNote(_ONSET - timedelta(minutes=4), "limit 512Mi → 256Mi", "c1"),
        no_change="",
        first_step="kubectl -n shop describe pod checkout",
        similar="Nothing similar in 90 days",
    )


def _unknown_briefing() -> Briefing:
    return replace(
        _briefing(),
        cause_line="I don't know why.",
        because=(),
        against="",
        change=None,
        no_change="no change in 26 h",
        first_step="",
        ruled_out=("nodes: usual",),
        odd="ledger-db connections 96/100",
    )


def _assessment() -> Assessment:
    hypothesis = Hypothesis(
        1, _SUBJECT, "memory.limit_too_low", "rollout 42 halved the limit", "high", 0.9, ("a",), ("b",), ("e1",), "look"
    )
    change = Change("c1", _SUBJECT, _ONSET, "rollout", "rollout 42", (FieldDiff("limit", "512Mi", "256Mi"),))
    return Assessment(
        headline="checkout is killed for memory",
        onset_at=_ONSET,
        briefing=_briefing(),
        findings=(Finding("f1", "container.oom_killed", _SUBJECT, Severity.CRITICAL, "killed for memory"),),
        hypotheses=(hypothesis,),
        changes=(change,),
        blast_radius=(BlastRadiusEntry(_SUBJECT, "calls it", "slow"),),
        subjects=(_SUBJECT,),
    )
