"""A recorded incident played through the whole pipeline at its own hour: an incident as the notifiers get it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from json import dumps
from pathlib import Path
from uuid import UUID

from app import registry
from app.bootstrap import pipeline
from app.domain.evidence import Evidence
from app.domain.incident import Enrichment, Incident, PastIncident, Recollection
from app.domain.subject import Subject
from app.gather.gatherer import Gathering
from app.gather.source import Source
from app.gather.sources.kubernetes import Connection, KubernetesSource
from app.ingest.subject import subjects
from app.investigate import incident_of
from app.pipeline import About
from app.settings import Settings
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.fakes.world import World, world

INCIDENT_ID = UUID("0198f000-0000-7000-8000-000000000001")
# Generous: on a busy machine the stand-ins are slow, and what is late would be a gap.
DEADLINE_SECONDS = 30.0
DAYS_SEARCHED = 90
# As on a real evening: the alert came a little before the answers were there.
RECEIVED_BEFORE = timedelta(seconds=4)


@dataclass(frozen=True)
class Play:
    """Which recording, what ails its stand-ins, and what is remembered."""

    recording: str
    troubles: tuple[tuple[str, Trouble], ...] = ()
    deadline_seconds: float = DEADLINE_SECONDS
    past: tuple[PastIncident, ...] = ()
    # Take what is there once only these are still asked, as a first message does; None waits for everything.
    still_asked: frozenset[str] | None = None


async def played(play: Play, folder: Path) -> tuple[Incident, datetime]:
    """The judged incident, and the moment at which it is told."""
    recording = Recording.named(play.recording)
    now = recording.now.astimezone(UTC)
    body = dumps(recording.payload(play.recording)).encode()
    async with world(recording) as stand_ins, _sources(stand_ins, play, folder) as (settings, sources):
        for name, trouble in play.troubles:
            getattr(stand_ins, name).trouble = trouble
        group = registry.senders()["alertmanager"].read(body, settings.cluster, now - RECEIVED_BEFORE)
        about = About(group.alerts, subjects(group), now - RECEIVED_BEFORE)
        stages = pipeline(settings, sources)
        gathering = stages.gather(about, now)
        enrichment: Enrichment = "complete" if play.still_asked is None else "partial"
        if play.still_asked is None:
            evidence = await gathering.finish()
        else:
            evidence = await _so_far(gathering, play.still_asked)
            await gathering.aclose()
        judged = await stages.judge(about, evidence, Recollection(play.past, DAYS_SEARCHED), now)
    incident = incident_of(settings, group, about, judged)
    return replace(incident, id=INCIDENT_ID, enrichment=enrichment), now


async def _so_far(gathering: Gathering, still_asked: frozenset[str]) -> Evidence:
    while True:
        evidence = gathering.evidence()
        if {gap.source for gap in evidence.gaps if gap.is_pending} <= still_asked:
            return evidence
        await asyncio.sleep(0.02)


@asynccontextmanager
async def _sources(stand_ins: World, play: Play, folder: Path) -> AsyncIterator[tuple[Settings, list[Source]]]:
    """The real sources on the stand-ins; no probes, for the recorded pods have no addresses that answer."""
    settings = Settings(
        cluster="prod",
        kubernetes="off",
        prometheus_url=stand_ins.prometheus.url,
        loki_url=stand_ins.loki.url,
        probes="off",
        source_deadline_seconds=play.deadline_seconds,
    )
    config = str(stand_ins.kubernetes.kubeconfig(folder / "kubeconfig"))
    async with AsyncExitStack() as stack:
        connection = await Connection.open(context="", config_file=config, timeout_seconds=play.deadline_seconds)
        assert connection is not None
        sources: list[Source] = [KubernetesSource(connection), *await registry.sources(settings)]
        for source in sources:
            stack.push_async_callback(source.aclose)
        yield settings, sources


def rolled_back_before(subject: Subject, now: datetime, *, cause: str, alertname: str) -> PastIncident:
    """The same workload had this eleven days ago; a person confirmed what ended it."""
    started = now - timedelta(days=11, hours=3)
    return PastIncident(
        incident_id=UUID("0198e000-0000-7000-8000-000000000001"),
        title=f"{alertname} {subject}",
        alertname=alertname,
        subject=subject,
        cause=cause,
        root_cause="memory limit below the working set",
        fix="rollback",
        confirmed=True,
        started_at=started,
        resolved_at=started + timedelta(minutes=21),
    )
