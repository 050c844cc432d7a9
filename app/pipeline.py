"""The stages in order: an alert's case is gathered, judged, and, when it ends, checked for recovery."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

from app.analyze.assess import analyze
from app.analyze.detector import Detector
from app.analyze.guided import guided
from app.analyze.storm import describe_storm
from app.analyze.storm_causes import shared_causes
from app.domain.alert import Alert
from app.domain.evidence import Evidence
from app.domain.incident import Assessment, Case, Recollection
from app.domain.query import PromQuery
from app.domain.storm import Storm
from app.domain.story import StormKey
from app.domain.subject import Subject
from app.follow.recovery import CONDITION, VALUE, Recovery, closed, judge_recovery
from app.gather.gatherer import Gatherer, Gathering
from app.playbooks.guidance import Guide


@dataclass(frozen=True, slots=True)
class About:
    """What a job knows of its incident before it looks: alerts, subjects, and when the first body came."""

    alerts: tuple[Alert, ...]
    subjects: tuple[Subject, ...]
    received_at: datetime
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An assessment, the evidence it stands on, and how long each stage took, in milliseconds."""

    assessment: Assessment
    evidence: Evidence
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Carries values from stage to stage; holds no state of its own."""

    gatherer: Gatherer
    detectors: Sequence[Detector]
    guide: Guide | None = None
    # One at a time: more threads judge no faster, and each would make the acceptance of alerts wait for its turn.
    _desk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "judge"), repr=False)

    def gather(self, about: About, now: datetime) -> Gathering:
        """Ask all sources at once; the caller waits, takes what is there, and closes."""
        return self.gatherer.start(about.alerts, about.subjects, now, about.incident)

    async def judge(self, about: About, evidence: Evidence, recollection: Recollection, now: datetime) -> Judged:
        """Evidence to assessment, in a thread: numbers must not hold up the next alert's acceptance."""
        gathered = (now - about.received_at).total_seconds() * 1000
        began = perf_counter()
        case = Case(about.alerts, about.subjects, evidence)
        loop = asyncio.get_running_loop()
        assessment = await loop.run_in_executor(self._desk, self._assess, case, recollection, now)
        analyzed = (perf_counter() - began) * 1000
        return Judged(assessment, evidence, {"gathered_ms": round(gathered), "analyzed_ms": round(analyzed)})

    def _assess(self, case: Case, recollection: Recollection, now: datetime) -> Assessment:
        assessment = analyze(case, recollection, now, self.detectors)
        if self.guide is None:
            return assessment
        return guided(assessment, self.guide(case.alerts, case.subjects), case.evidence, now)

    def worth_asking_again(self, evidence: Evidence) -> bool:
        """Whether a crash's log was still empty."""
        return bool(self.gatherer.planner.retry_later(evidence))

    async def ask_again(self, evidence: Evidence, now: datetime) -> Evidence:
        """What was empty before, asked once more."""
        return await self.gatherer.ask(self.gatherer.planner.retry_later(evidence), now)

    async def recovery(self, about: About, now: datetime) -> Recovery:
        """The alerts' own expressions, asked again at the end."""
        queries = self.gatherer.planner.plan(about.alerts, about.subjects, now)
        own = [query for query in queries if isinstance(query, PromQuery) and query.name in {CONDITION, VALUE}]
        evidence = await self.gatherer.ask(tuple(own), now)
        return judge_recovery(evidence, now)

    def shared_causes(self, about: About, assessment: Assessment) -> tuple[StormKey, ...]:
        """By which storms the incident may be known."""
        return shared_causes(assessment, about.subjects)

    def describe(self, storm: Storm) -> Assessment:
        """What the one message of a storm says."""
        return describe_storm(storm)

    def closed(self, assessment: Assessment, recovery: Recovery) -> Assessment:
        """The assessment as it stands at the end."""
        return closed(assessment, recovery)
