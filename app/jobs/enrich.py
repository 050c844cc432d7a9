"""The enrich job: gather, judge, store, announce; again while the incident asks for more."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import structlog

from app import telemetry
from app.domain.alert import AlertStatus
from app.domain.evidence import Evidence
from app.domain.incident import Assessment, Enrichment, Recollection
from app.jobs.announce import Announcer
from app.pipeline import About, Judged, Pipeline
from app.redact import redact
from app.store.codec import Summary
from app.store.engine import StoreUnavailableError
from app.store.enrichment import PAST_DAYS, Conclusion, Enrichments, Work
from app.store.news import News
from app.store.queue import MAX_ATTEMPTS, Queue

# A first message is rendered and sent in what is left of the budget.
BEFORE_BUDGET_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 45
MAX_ROUNDS = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Enricher:
    """Does the work of one incident at a time; any number of them may run, the fence keeps twins apart."""

    enrichments: Enrichments
    pipeline: Pipeline
    announcer: Announcer
    queue: Queue
    budget_seconds: float

    async def enrich(self, incident_id: UUID) -> None:
        """Until nothing is behind: what came while one round ran is seen by the next."""
        for rounds in range(MAX_ROUNDS):
            if await self._gave_up(incident_id):
                return
            work = await self.enrichments.begin(incident_id)
            if work is None:
                if rounds == 0:
                    # Whoever concluded it may have died before it announced: what is wanted already stays.
                    await self.announcer.announce(incident_id)
                return
            try:
                await self._round(work)
            except StoreUnavailableError:
                raise
            except Exception as error:
                await self.enrichments.tries.stumbled(incident_id, work.fence, _reason(error))
                raise

    async def look_again(self, incident_id: UUID) -> None:
        """Ask once more what was empty at first: a crash whose last lines had not arrived yet."""
        if await self.enrichments.tries.count(incident_id) >= MAX_ATTEMPTS:
            # What was judged stands; a look that takes the process with it is not worth another try.
            return
        work = await self.enrichments.begin(incident_id, again=True)
        if work is None or work.previous is None or work.state is AlertStatus.RESOLVED:
            return
        more = await self.pipeline.ask_again(work.previous_evidence, datetime.now(UTC))
        if not more.items:
            return
        evidence = work.previous_evidence + more
        judged = await self.pipeline.judge(_about(work), evidence, work.previous.recollection, datetime.now(UTC))
        await self._conclude(work, judged, work.previous.recollection, "complete")

    async def _gave_up(self, incident_id: UUID) -> bool:
        """Whether it was tried too often: parked, and told from what is known."""
        if await self.enrichments.tries.count(incident_id) < MAX_ATTEMPTS:
            return False
        if not await self.enrichments.tries.park(incident_id, MAX_ATTEMPTS):
            return False
        telemetry.ENRICHMENTS.labels("parked").inc()
        log.error("an incident could not be looked into, and is given up")
        await self.announcer.announce(incident_id)
        return True

    async def _round(self, work: Work) -> None:
        if work.state is AlertStatus.RESOLVED and work.previous is not None:
            await self._close(work, work.previous)
            return
        started_at = datetime.now(UTC)
        gathering = self.pipeline.gather(_about(work), started_at)
        try:
            recalling = asyncio.create_task(self._recall(work))
            left = self.budget_seconds - BEFORE_BUDGET_SECONDS - (started_at - work.received_at).total_seconds()
            # A partial record is for the first message only; it never replaces what was known before.
            if work.previous is None and left > 0 and not await gathering.wait(left):
                work = await self._conclude_partial(work, gathering.evidence(), await recalling)
            evidence = await gathering.finish()
        finally:
            await gathering.aclose()
        _count(evidence)
        recollection = await recalling
        judged = await self.pipeline.judge(_about(work), evidence, recollection, datetime.now(UTC))
        kept = await self._conclude(work, judged, recollection, "complete")
        if kept and self.pipeline.worth_asking_again(evidence):
            await self.queue.look_again(work.incident_id, LOOK_AGAIN_SECONDS)

    async def _conclude_partial(self, work: Work, evidence: Evidence, recollection: Recollection) -> Work:
        """Say what is known at the budget; what the complete judgement adds to it is news."""
        judged = await self.pipeline.judge(_about(work), evidence, recollection, datetime.now(UTC))
        await self._conclude(work, judged, recollection, "partial")
        return replace(work, previous=_summary(judged, recollection))

    async def _close(self, work: Work, previous: Summary) -> None:
        """It resolved: what was judged stays; only whether it really recovered is asked now."""
        now = datetime.now(UTC)
        recovery = await self.pipeline.recovery(_about(work), now)
        if recovery.confirmed:
            await self.enrichments.recovered(work, recovery.statement, now)
        assessment = self.pipeline.closed(previous.assessment, recovery)
        judged = Judged(assessment, work.previous_evidence + recovery.evidence, previous.timings)
        await self._conclude(work, judged, previous.recollection, "complete")

    async def _recall(self, work: Work) -> Recollection:
        alertname = work.alerts[0].name if work.alerts else ""
        return Recollection(await self.enrichments.past(work, alertname), PAST_DAYS)

    async def _conclude(self, work: Work, judged: Judged, recollection: Recollection, enrichment: Enrichment) -> bool:
        """Write and announce; False if another runner has taken the incident over."""
        summary = _summary(judged, recollection)
        news = _news(work, judged.assessment)
        shares = self.pipeline.shared_causes(_about(work), judged.assessment)
        kept = await self.enrichments.conclude(work, Conclusion(summary, judged.evidence, enrichment, shares), news)
        telemetry.ENRICHMENTS.labels(enrichment if kept else "fenced").inc()
        if kept:
            await self.announcer.announce(work.incident_id)
        else:
            log.warning("another runner has taken this incident over")
        return kept


def _count(evidence: Evidence) -> None:
    for way, milliseconds in evidence.milliseconds.items():
        source, _, cluster = way.partition("@")
        telemetry.GATHER_SECONDS.labels(source, cluster).observe(milliseconds / 1000)
    for gap in evidence.gaps:
        telemetry.GAPS.labels(gap.source, gap.cluster).inc()


def _reason(error: Exception) -> str:
    """The kind of the error and its first line: further lines of a database's quote whole rows."""
    said = redact(next(iter(str(error).splitlines()), ""))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _about(work: Work) -> About:
    return About(work.alerts, work.subjects, work.received_at, str(work.incident_id))


def _summary(judged: Judged, recollection: Recollection) -> Summary:
    return Summary(
        assessment=judged.assessment,
        recollection=recollection,
        gaps=judged.evidence.gaps,
        timings=dict(judged.timings),
        source_milliseconds=dict(judged.evidence.milliseconds),
    )


def _news(work: Work, assessment: Assessment) -> list[News]:
    """A cause that became clear after the first message, and the end, are said in the thread."""
    before = work.previous.assessment if work.previous else None
    if work.state is AlertStatus.RESOLVED:
        return [News("resolved", assessment.briefing.still)] if work.told else []
    if before is None:
        return []
    first = assessment.hypotheses[0] if assessment.hypotheses else None
    known = before.hypotheses[0] if before.hypotheses else None
    if first is None or first.confidence != "high":
        return []
    is_known = known is not None and known.confidence == "high" and known.cause == first.cause
    return [] if is_known else [News("cause", f"likely cause found: {first.statement}")]
