"""How often a workload restarted since it began, as far as that can be known."""

from dataclasses import dataclass

from app.analyze.baseline import increase
from app.analyze.world import World
from app.domain.subject import Subject

_YOUNG_SECONDS = 3600.0
_SLACK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Restarts:
    """So many restarts within so many seconds up to now."""

    count: int
    seconds: float


def restarts_since_onset(world: World, workload: Subject) -> Restarts | None:
    """From the restart counter, else from pods so young that their own count is recent; None where neither says."""
    onset = world.onset_at.timestamp() if world.onset_at else 0.0
    counters = tuple(s for s in world.series if s.name == "restarts" and world.workload_of(s.subject) == workload)
    steps = [(at, step) for at, step in increase(counters) if at >= onset - _SLACK_SECONDS]
    if steps:
        since = max(onset, steps[0][0] - _SLACK_SECONDS)
        return Restarts(round(sum(step for _, step in steps)), max(world.now.timestamp() - since, _SLACK_SECONDS))
    pods = world.pods_of(workload)
    ages = [(world.now - pod.created_at).total_seconds() for pod in pods if pod.created_at]
    count = sum(container.restarts for pod in pods for container in pod.containers)
    if count and len(ages) == len(pods) and max(ages) <= _YOUNG_SECONDS:
        return Restarts(count, max(ages))
    return None
