"""A case, judged: the one way in. Pure: the same case, memory and moment give the same assessment."""

from collections.abc import Sequence
from datetime import datetime

from app.analyze.blast_radius import blast_radius
from app.analyze.briefing import Judgement, brief
from app.analyze.correlate import correlate
from app.analyze.detector import Detector, run_detectors
from app.analyze.headline import headline
from app.analyze.onset import find_onset
from app.analyze.similarity import resembling
from app.analyze.world import World
from app.domain.change import Change
from app.domain.incident import Assessment, Case, Recollection


def analyze(case: Case, recollection: Recollection, now: datetime, detectors: Sequence[Detector]) -> Assessment:
    """The assessment of a case at `now`. A detector that fails stands among the findings by name."""
    world = World(case, now)
    world.onset_at = find_onset(world)
    findings = run_detectors(detectors, world)
    explanations = correlate(world, findings)
    hypotheses = tuple(one.hypothesis for one in explanations)
    if hypotheses and hypotheses[0].confidence != "low":
        world.lead_with(hypotheses[0].subject)
    similar = resembling(recollection, world.focus, world.alert_names(), hypotheses)
    judgement = Judgement(findings, explanations, similar, recollection)
    briefing = brief(world, judgement)
    return Assessment(
        headline=headline(world, judgement, briefing),
        onset_at=world.onset_at,
        briefing=briefing,
        findings=findings,
        hypotheses=hypotheses,
        changes=_newest_first(world),
        similar=similar,
        blast_radius=blast_radius(world),
        subjects=world.focus,
    )


def _newest_first(world: World) -> tuple[Change, ...]:
    return tuple(reversed(world.changes))
