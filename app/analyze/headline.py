"""The whole in one sentence of at most 300 characters."""

from app.analyze.briefing import Judgement
from app.analyze.correlate import Explanation
from app.analyze.suspects import title
from app.analyze.wording import STATEMENT_LIMIT, apart, cut
from app.analyze.world import World
from app.domain.incident import Briefing


def headline(world: World, judgement: Judgement, briefing: Briefing) -> str:
    """Who, what, since which change, why, and what it resembles."""
    name = world.focus[0].name if world.focus else ", ".join(world.alert_names()) or "alert"
    fact = f" ({briefing.facts[0]})" if briefing.facts and "(" not in briefing.facts[0] else ""
    parts = [f"{name}: {briefing.symptom}{fact}"]
    if briefing.facts and not fact:
        parts.append(briefing.facts[0])
    if judgement.top is not None:
        parts.append(_cause(world, judgement.top, briefing))
    if judgement.similar:
        past = judgement.similar[0]
        fix = f" (fixed by {past.fix})" if past.fix else ""
        parts.append(f"like {past.started_at:%Y-%m-%d}{fix}")
    return cut("; ".join(parts), STATEMENT_LIMIT)


def _cause(world: World, top: Explanation, briefing: Briefing) -> str:
    """`likely: rollout 42 halved the memory limit, 4 min before it began`."""
    said = briefing.cause_line[:1].lower() + briefing.cause_line[1:]
    if top.change is None:
        return said
    change = title(top.change)
    when = f"{apart(((world.onset_at or world.now) - top.change.at).total_seconds())} before it began"
    said = said.removesuffix(", just before it began")
    return f"{said}, {when}" if change in said else f"{said}; {change} came {when}"
