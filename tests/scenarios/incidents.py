"""Two judged incidents written by hand, as good as a message can be: what the layout alone is judged by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.change import Change, FieldDiff
from app.domain.evidence import Gap
from app.domain.incident import (
    Assessment,
    Briefing,
    ChangeNote,
    Finding,
    GroupState,
    Hypothesis,
    Incident,
    TimelineEntry,
)
from app.domain.subject import Subject

ONSET = datetime(2026, 10, 19, 2, 4, tzinfo=UTC)
NOW = ONSET + timedelta(minutes=4)
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")


def _alert(name: str, **labels: str) -> Alert:
    named = {"alertname": name, "severity": "critical", **labels}
    notes = {"runbook_url": f"https://runbooks.example/{name}", "summary": name}
    return Alert("f1" * 8, AlertStatus.FIRING, named, notes, ONSET, None)


def incident(
    alert: Alert, subject: Subject, assessment: Assessment | None, severity: Severity = Severity.CRITICAL
) -> Incident:
    """An incident of one alert group about one subject."""
    name = alert.labels["alertname"]
    group = GroupState("sitrep", f'{{}}:{{alertname="{name}"}}', bytes(range(32)), AlertStatus.FIRING)
    return Incident(
        id=UUID("0198f000-0000-7000-8000-000000000001"),
        state=AlertStatus.FIRING,
        enrichment="complete" if assessment else "pending",
        severity=severity,
        title=f"{name} {subject}",
        headline=assessment.headline if assessment else "",
        groups=(group,),
        alerts=(alert,),
        subjects=(subject,),
        started_at=ONSET,
        received_at=ONSET + timedelta(minutes=3),
        alertname=name,
        cluster=subject.cluster,
        onset_at=ONSET,
        assessment=assessment,
        timeline=(TimelineEntry(ONSET + timedelta(minutes=3), "alert.firing", f"{name} fires", "alertmanager"),),
    )


def _hypothesis(subject: Subject, cause: str, briefing: Briefing, confidence: str = "high") -> Hypothesis:
    against = (briefing.against,) if briefing.against else ()
    statement = briefing.cause_line.partition(": ")[2] or briefing.cause_line
    return Hypothesis(
        1, subject, cause, statement, confidence, 0.9, briefing.because, against, ("e1",), briefing.first_step
    )  # type: ignore[arg-type]


def oom_after_rollout() -> Incident:
    """Killed for memory: a rollout halved the limit."""
    change = Change(
        "c1",
        CHECKOUT,
        ONSET - timedelta(minutes=4),
        "rollout",
        "rollout 42",
        (
            FieldDiff("resources.limits.memory", "512Mi", "256Mi"),
            FieldDiff("image", "checkout:1.4.1", "checkout:1.4.2"),
        ),
    )
    briefing = Briefing(
        symptom="killed for memory",
        facts=("6 kills in 12 min", "1 of 3 pods ready"),
        still="still failing",
        impact="5xx 8.4 % (usual 0.3 %)",
        cause_line="Likely: rollout 42 halved the memory limit",
        because=("used 255Mi at each kill; usual peak 410Mi",),
        against="none found (nodes ok, traffic usual)",
        change=ChangeNote(change.at, "limit 512Mi → 256Mi, image 1.4.2", "c1"),
        no_change="",
        first_step="kubectl -n shop rollout history deploy/checkout",
        similar="Like 3 Oct: rollback fixed it in 21 min (confirmed)",
    )
    headline = "checkout is crash looping: killed for memory 6 times in 12 min, 4 min after rollout 42 halved its limit"
    assessment = Assessment(
        headline,
        ONSET,
        briefing,
        (
            Finding(
                "f1",
                "container.oom_killed",
                CHECKOUT,
                Severity.CRITICAL,
                "checkout was killed for memory 6 times in 12 min",
            ),
        ),
        (_hypothesis(CHECKOUT, "memory.limit_too_low", briefing),),
        (change,),
        subjects=(CHECKOUT,),
    )
    found = incident(_alert("KubePodCrashLooping", namespace="shop", pod="checkout-5d9f"), CHECKOUT, assessment)
    return replace(found, gaps=(Gap("loki", "errors of shop/checkout", "no answer in 4 s"),))


def cause_unknown() -> Incident:
    """A symptom alert with no cause found."""
    subject = Subject("prod", "shop", "Deployment", "payments")
    briefing = Briefing(
        symptom="slow, cause unknown",
        facts=("p95 2.9 s (usual 0.4 s)", "errors usual"),
        still="steady",
        impact="orders down 18 %",
        cause_line="I don't know why.",
        because=(),
        against="",
        change=None,
        no_change="rollout, config: none here or in callees for 26 h",
        first_step="slow queries on ledger-db (dashboard ↗)",
        similar="Nothing similar in 90 days",
        ruled_out=("pods ready; nodes, CPU, memory usual",),
        odd="ledger-db connections 96/100 (usual 40), rose 3 min AFTER onset",
    )
    found = incident(
        _alert("LatencyHigh", namespace="shop"),
        subject,
        Assessment("payments is slow", ONSET, briefing),
        Severity.WARNING,
    )
    return replace(found, gaps=(Gap("loki", "logs of ledger-db", "HTTP 403"),))


CASES = {case.__name__: case for case in (oom_after_rollout, cause_unknown)}


def pending() -> Incident:
    """Announced from the labels: nothing is known yet."""
    return incident(_alert("KubePodCrashLooping", namespace="shop"), CHECKOUT, None)


def resolved(base: Incident, *, confirmed: bool) -> Incident:
    """The same incident, over."""
    ended_at = NOW + timedelta(minutes=17)
    timeline = base.timeline
    if confirmed:
        timeline = (
            *timeline,
            TimelineEntry(ended_at, "recovery.confirmed", "the alert's expression is normal", "prometheus"),
        )
    return replace(base, state=AlertStatus.RESOLVED, resolved_at=ended_at, timeline=timeline)
