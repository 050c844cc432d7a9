"""How often a workload restarted, or was killed, since it began, as far as that can be known."""

from dataclasses import dataclass

from app.analyze.baseline import increase, series_of
from app.analyze.pod import Container
from app.analyze.world import World
from app.domain.subject import Subject

_YOUNG_SECONDS = 3600.0
_SLACK_SECONDS = 60.0
OOM_KILLED = "OOMKilled"


@dataclass(frozen=True, slots=True)
class Restarts:
    """So many restarts within so many seconds up to now."""

    count: int
    seconds: float


def restarts_since_onset(world: World, workload: Subject) -> Restarts | None:
    """From the restart counter, else from pods so young that their own count is recent; None where neither says."""
    onset = world.onset_at.timestamp() if world.onset_at else 0.0
    steps = [s for s in increase(series_of(world, "restarts", workload)) if s[0] >= onset - _SLACK_SECONDS]
    if steps:
        since = max(onset, steps[0][0] - _SLACK_SECONDS)
        return Restarts(round(sum(step for _, step in steps)), max(world.now.timestamp() - since, _SLACK_SECONDS))
    pods = world.pods_of(workload)
    ages = [(world.now - pod.created_at).total_seconds() for pod in pods if pod.created_at]
    count = sum(container.restarts for pod in pods for container in pod.containers)
    if count and len(ages) == len(pods) and max(ages) <= _YOUNG_SECONDS:
        return Restarts(count, max(ages))
    return None


def kills_since_onset(world: World, workload: Subject) -> Restarts | None:
    """The restarts, and one more for each container that was killed for memory and waits to start again."""
    restarts = restarts_since_onset(world, workload)
    if restarts is None:
        return None
    down = sum(
        container.waiting_reason == "CrashLoopBackOff" and _killed_for_memory(container)
        for pod in world.pods_of(workload)
        for container in pod.containers
    )
    return Restarts(restarts.count + down, restarts.seconds)


def _killed_for_memory(container: Container) -> bool:
    end = container.last_failure
    return end is not None and end.reason == OOM_KILLED
