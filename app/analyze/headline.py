"""The whole in one sentence of at most 300 characters."""

from app.analyze.briefing import Judgement
from app.analyze.suspects import note
from app.analyze.wording import STATEMENT_LIMIT, cut, duration
from app.analyze.world import World
from app.domain.incident import Briefing


def headline(world: World, judgement: Judgement, briefing: Briefing) -> str:
    """Who, what, since which change, why, and what it resembles."""
    name = world.focus[0].name if world.focus else ", ".join(world.alert_names()) or "alert"
    parts = [f"{name}: {briefing.symptom}"]
    if briefing.facts:
        parts.append(briefing.facts[0])
    top = judgement.top
    if top is not None:
        parts.append(briefing.cause_line[:1].lower() + briefing.cause_line[1:])
        if top.change is not None:
            seconds = max(((world.onset_at or world.now) - top.change.at).total_seconds(), 0.0)
            parts.append(f"{duration(seconds)} after {note(top.change)}")
    if judgement.similar:
        past = judgement.similar[0]
        fix = f" (fixed by {past.fix})" if past.fix else ""
        parts.append(f"like {past.started_at:%Y-%m-%d}{fix}")
    return cut("; ".join(parts), STATEMENT_LIMIT)
