"""Storms written by hand, as the keeper would show them."""

from datetime import timedelta
from uuid import UUID

from app.analyze.storm import describe_storm
from app.domain.alert import AlertStatus, Severity
from app.domain.incident import Incident
from app.domain.storm import Storm, StormMember
from app.domain.subject import Subject
from tests.scenarios.incidents import NOW

BEGAN = NOW - timedelta(minutes=12)


def member(number: int, **how: object) -> StormMember:
    """The incident of a workload of its own."""
    defaults: dict[str, object] = {
        "incident_id": UUID(int=number),
        "subject": Subject("prod", ("shop", "payments", "search")[number % 3], "Deployment", f"app-{number}"),
        "alertname": "KubePodNotReady" if number % 4 else "KubeDeploymentReplicasMismatch",
        "severity": Severity.WARNING,
        "state": AlertStatus.FIRING,
        "cause": "",
        "is_judged": False,
        "started_at": BEGAN + timedelta(seconds=number),
        "received_at": BEGAN + timedelta(seconds=number + 30),
        "resolved_at": None,
    }
    return StormMember(**{**defaults, **how})  # type: ignore[arg-type]


def storm(key: str, *members: StormMember) -> Storm:
    worst = max(one.severity for one in members)
    newest_at = max(one.received_at for one in members)
    return Storm(UUID(int=999), key, "prod", worst, is_ended=False, members=members, newest_at=newest_at, at=NOW)


def node_down() -> Storm:
    """83 workloads of a dead node: some judged, one with a cause of its own, two critical, three over."""
    members = [member(number) for number in range(83)]
    for number in range(40):
        members[number] = member(number, cause="node.unreachable", is_judged=True)
    members[7] = member(7, cause="image.not_found", is_judged=True)
    for number, name in ((1, "checkout"), (4, "ledger")):
        subject = Subject("prod", "shop", "Deployment", name)
        members[number] = member(
            number, subject=subject, severity=Severity.CRITICAL, cause="node.unreachable", is_judged=True
        )
    for number in (80, 81, 82):
        members[number] = member(number, state=AlertStatus.RESOLVED, resolved_at=NOW)
    return storm("node:prod/node-7", *members)


def burst() -> Storm:
    """Dozens at once, and nobody has looked yet."""
    return storm("burst:prod", *(member(number) for number in range(36)))


def backlog() -> Storm:
    """What Alertmanager had been firing for days when Sitrep was installed."""
    old = BEGAN - timedelta(days=2)
    return storm("backlog:prod", *(member(number, started_at=old + timedelta(hours=number)) for number in range(14)))


def quota() -> Storm:
    """A namespace whose quota holds everything back."""
    subjects = [Subject("prod", "shop", "Deployment", f"app-{number}") for number in range(24)]
    members = [member(n, subject=one, cause="quota.cpu", is_judged=True) for n, one in enumerate(subjects)]
    return storm("quota:prod/shop", *members)


def dependency() -> Storm:
    """A database that nobody reaches any more."""
    members = [member(n, alertname="HighErrorRate", cause="dependency.unreachable", is_judged=True) for n in range(30)]
    return storm("dependency:prod/ledger-db.shop:5432", *members)


STORMS = {
    "storm_node": node_down,
    "storm_burst": burst,
    "storm_backlog": backlog,
    "storm_quota": quota,
    "storm_dependency": dependency,
}


def parent_of(told: Storm) -> Incident:
    """The incident that speaks for the storm."""
    assessment = describe_storm(told)
    return Incident(
        id=told.parent_id,
        state=AlertStatus.FIRING,
        enrichment="complete",
        severity=told.severity,
        title=f"Storm {told.key}",
        headline=assessment.headline,
        groups=(),
        alerts=(),
        subjects=assessment.subjects,
        started_at=BEGAN,
        received_at=BEGAN + timedelta(seconds=30),
        alertname="Storm",
        cluster="prod",
        revision=3,
        onset_at=assessment.onset_at,
        assessment=assessment,
        children=tuple(one.incident_id for one in told.members),
        storm=told.key,
    )
