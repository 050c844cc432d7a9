"""Incidents in the database at each stage of their life, as the jobs would have written them."""

from app.domain.evidence import ClusterEvent, Evidence, LogPattern, Probe, Series
from app.domain.incident import Enrichment, Incident, Recollection
from app.store.codec import Summary
from app.store.enrichment import Conclusion, Enrichments
from app.store.identity import uuid7
from tests.api.running import House
from tests.ingest.bodies import wire_alert, wire_body
from tests.scenarios.incidents import CHECKOUT, ONSET


async def opened(running: House, name: str = "KubePodCrashLooping", status: str = "firing") -> str:
    """An incident that nobody has looked at yet."""
    labels = {"alertname": name, "severity": "critical", "namespace": "shop", "deployment": "checkout"}
    notes = {"summary": f"{name} fires", "runbook_url": f"https://runbooks.example/{name}"}
    alert = wire_alert(labels=labels, annotations=notes, startsAt=ONSET.isoformat(), status=status)
    if status == "resolved":
        alert["endsAt"] = ONSET.replace(hour=3).isoformat()
    return await running.opened(wire_body(alert, groupKey=name, status=status))


async def judged(
    running: House, case: Incident, enrichment: Enrichment = "complete", evidence: Evidence | None = None
) -> str:
    """An incident with the judgement and the gaps of this case."""
    assert case.assessment
    identifier = await opened(running, case.alertname)
    enrichments = Enrichments(running.app.state.context.store)
    work = await enrichments.begin(identifier)  # type: ignore[arg-type] # PostgreSQL takes it as text
    assert work
    summary = Summary(case.assessment, Recollection(), case.gaps, {"gathered_ms": 820.0}, {"kubernetes": 310.0})
    assert await enrichments.conclude(work, Conclusion(summary, evidence or Evidence(), enrichment))
    return identifier


def hostile_evidence(markup: str) -> Evidence:
    """Every kind of evidence, each text of it markup that wants to run."""
    subject = CHECKOUT
    points = tuple((ONSET.timestamp() + 60 * n, float(n) if n != 3 else None) for n in range(20))
    return Evidence.seen(
        (
            ClusterEvent("e1", subject, ONSET, ONSET, markup, markup, warning=True, count=3, source=markup),
            LogPattern("e2", subject, markup, 4, 0, ONSET, ONSET, (markup,), markup, markup),
            Probe("e3", subject, ONSET, f"http://10.0.0.1/{markup}", None, 3.0, markup),
            Series("e4", subject, markup, markup, markup, {"pod": markup}, points),
            Series("e5", subject, markup, markup, markup, {}, points[:1]),
        )
    )


def another_id() -> str:
    return str(uuid7())
