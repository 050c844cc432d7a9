"""What the message says, each line short and each claim seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.analyze.checks import Suspicion, changes_judged, in_order
from app.analyze.correlate import BEGAN, EXPLAINS, Explanation
from app.analyze.facts import facts
from app.analyze.next_step import look_into, next_step
from app.analyze.similarity import similar_line
from app.analyze.state_now import impact, still
from app.analyze.suspects import NOTE_LIMIT, note, telling_fields
from app.analyze.symptom import symptom_of
from app.analyze.wording import cut
from app.analyze.world import World
from app.domain.incident import Briefing, ChangeNote, Finding, PastIncident, Recollection

UNKNOWN_CAUSE, UNKNOWN_YET = "I don't know why.", "I don't know why yet."
NOTHING_SEEN = "I don't know why: nothing could be looked at."


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the stages before found, for the words."""

    findings: tuple[Finding, ...]
    explanations: tuple[Explanation, ...]
    similar: tuple[PastIncident, ...]
    recollection: Recollection

    @property
    def top(self) -> Explanation | None:
        """The first explanation, if it convinces at least in part."""
        first = self.explanations[0] if self.explanations else None
        return first if first is not None and first.hypothesis.confidence != "low" else None


def brief(world: World, judgement: Judgement) -> Briefing:
    """Every field of the briefing, in words, no line above 90 characters."""
    top = judgement.top
    suspicion = changes_judged(world, top)
    numbers = tuple(cut(line) for line in facts(world, judgement.findings))
    felt = cut(impact(world, numbers))
    return Briefing(
        symptom=cut(symptom_of(world, judgement.findings, judgement.explanations), 60),
        facts=numbers,
        still=still(world, judgement.findings),
        impact=felt,
        cause_line=cause_line(world, top),
        because=_because(top, numbers),
        against=_against(world, judgement),
        change=_change_note(suspicion, top),
        no_change=suspicion.none_seen,
        first_step=_first_step(world, judgement),
        similar=cut(similar_line(judgement.similar, judgement.recollection)),
        ruled_out=() if top else _ruled_out(world, judgement, felt),
        odd="" if top else _odd(world, judgement),
    )


def cause_line(world: World, top: Explanation | None) -> str:
    """`Likely: …`, `Possibly: …`, or the plain word that we do not know."""
    if top is None and world.is_waiting:
        return UNKNOWN_YET
    if top is None:
        return UNKNOWN_CAUSE if world.case.evidence.items else NOTHING_SEEN
    word = "Likely" if top.hypothesis.confidence == "high" else "Possibly"
    return cut(f"{word}: {top.phrase}")


def _because(top: Explanation | None, numbers: Sequence[str]) -> tuple[str, ...]:
    if top is None:
        return ()
    # The change has its own line, and what the cause explains besides is for the thread.
    beside = (EXPLAINS, BEGAN) if top.change is not None else (EXPLAINS,)
    lines = (line for line in top.hypothesis.because if not line.startswith(beside))
    return tuple(line for line in lines if line not in numbers)[:3]


def _against(world: World, judgement: Judgement) -> str:
    top = judgement.top
    if top is None:
        return ""
    if top.hypothesis.against:
        return cut(top.hypothesis.against[0])
    checked = in_order(world, judgement.findings)
    if not checked:
        return "none found, but little could be checked"
    return cut(f"none found ({', '.join(checked[:3])})")


def _change_note(suspicion: Suspicion, top: Explanation | None) -> ChangeNote | None:
    change = suspicion.change
    first = telling_fields(top.hypothesis.cause) if top else ()
    return ChangeNote(change.at, cut(note(change, first), NOTE_LIMIT), change.id) if change else None


def _first_step(world: World, judgement: Judgement) -> str:
    top = judgement.top
    if top is not None and top.hypothesis.next_step:
        return top.hypothesis.next_step
    subject = next(iter(world.focus), None)
    if subject is None:
        return ""
    felt = any(one.kind.startswith("symptom.") and one.subject == subject for one in judgement.findings)
    return look_into(subject) if felt and world.is_whole(subject) else next_step(None, subject)


def _ruled_out(world: World, judgement: Judgement, felt: str) -> tuple[str, ...]:
    checked = [one for one in in_order(world, judgement.findings) if one not in felt.split(" · ")]
    return (cut(", ".join(checked)),) if checked else ()


def _odd(world: World, judgement: Judgement) -> str:
    """What is out of the ordinary but proves nothing: a weak explanation, or a new error in the log."""
    if judgement.explanations:
        return cut(judgement.explanations[0].phrase)
    for one in judgement.findings:
        if one.kind.startswith(("log.", "container.killed")) and one.subject in world.focus:
            return cut(one.statement)
    return ""
