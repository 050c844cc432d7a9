"""`sitrep investigate`: one payload through gathering and judging, without a database."""

import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Literal

from app import registry
from app.api.incident_view import IncidentView
from app.bootstrap import opened, pipeline
from app.domain.alert import AlertGroup, AlertStatus
from app.domain.errors import InvalidPayloadError
from app.domain.incident import GroupState, Incident, Recollection
from app.domain.subject import Subject
from app.ingest.subject import subjects
from app.notify.rendering import DETAILS_LAYOUT, HEAD_LAYOUT, Renderer, Telling
from app.pipeline import About, Judged
from app.settings import Settings
from app.store.identity import uuid7

Output = Literal["text", "json", "slack"]


async def investigate(settings: Settings, body: bytes, output: Output) -> str:
    """The enriched incident as text. Raises `InvalidPayloadError`."""
    now = datetime.now(UTC)
    group = registry.senders()["alertmanager"].read(body, settings.cluster, now)
    if not group.alerts:
        problem = group.rejected[0] if group.rejected else None
        raise InvalidPayloadError(
            problem.reason if problem else "no alert in it", problem.field if problem else "alerts"
        )
    about = About(group.alerts, subjects(group), now)
    async with AsyncExitStack() as stack:
        stages = pipeline(settings, await opened(settings, stack))
        gathering = stages.gather(about, now)
        stack.push_async_callback(gathering.aclose)
        evidence = await gathering.finish()
        judged = await stages.judge(about, evidence, Recollection(), datetime.now(UTC))
    return _shown(settings, incident_of(settings, group, about, judged), output)


def incident_of(settings: Settings, group: AlertGroup, about: About, judged: Judged) -> Incident:
    """What was judged, as an incident of this one group that nothing was stored of."""
    lead = max(group.alerts, key=lambda alert: alert.severity)
    assessment = judged.assessment
    seen = assessment.subjects or about.subjects or (Subject(group.cluster, "", "Cluster", group.cluster),)
    return Incident(
        id=uuid7(),
        state=group.status,
        enrichment="complete",
        severity=group.severity,
        title=f"{lead.name} {seen[0]}",
        headline=assessment.headline,
        groups=(GroupState(group.receiver, group.group_key, group.group_sha, group.status),),
        alerts=group.alerts,
        subjects=seen,
        started_at=min(alert.starts_at for alert in group.alerts),
        received_at=about.received_at,
        alertname=lead.name,
        cluster=group.cluster or settings.cluster,
        onset_at=assessment.onset_at,
        resolved_at=about.received_at if group.status is AlertStatus.RESOLVED else None,
        assessment=assessment,
        gaps=judged.evidence.gaps,
        timings=judged.timings,
        source_milliseconds=judged.evidence.milliseconds,
    )


def _shown(settings: Settings, incident: Incident, output: Output) -> str:
    if output == "json":
        return json.dumps(IncidentView.of(incident, settings.public_url).model_dump(mode="json"), ensure_ascii=False)
    renderer = Renderer(settings.templates_dir)
    telling = Telling(datetime.now(UTC), settings.public_url)
    head = renderer.render(HEAD_LAYOUT, incident, telling)
    if output == "slack":
        return head
    return f"{head}\n\n{renderer.render(DETAILS_LAYOUT, incident, telling)}"
