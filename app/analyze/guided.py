"""An assessment with the words of its playbooks; where no cause is known their first check is the first step."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.analyze.measured import measured
from app.domain.evidence import Evidence
from app.domain.incident import Assessment
from app.domain.playbook import Guidance, PlaybookQuery
from app.domain.subject import Subject

# What a message shows as code, to be copied with one touch.
FIRST_STEP_CHARACTERS = 42


def guided(
    assessment: Assessment,
    told: tuple[Guidance, Iterable[tuple[Subject, PlaybookQuery]]],
    evidence: Evidence,
    now: datetime,
) -> Assessment:
    """The same judgement, with what the playbooks say and what their questions measured."""
    guidance, asked = told
    whole = replace(guidance, measured=measured(evidence, asked, now))
    briefing = assessment.briefing
    known = assessment.hypotheses and assessment.hypotheses[0].confidence != "low"
    first = next((check for check in whole.first_checks if len(check) <= FIRST_STEP_CHARACTERS), "")
    if guidance.playbooks and first and not known:
        briefing = replace(briefing, first_step=first)
    return replace(assessment, briefing=briefing, guidance=whole)
