"""When it began: earlier than the alert, which waits for its `for:`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from app.analyze.baseline import combined, increase, series_of
from app.analyze.body import dig, maps, moment
from app.analyze.world import World
from app.domain.subject import Subject

# Alerts wait up to an hour and a bit; what is older than this has another story.
_LOOK_BACK = timedelta(hours=2)
_MIN_POINTS = 8
_JUMP_IN_DEVIATIONS = 4.0
BAD_REASONS = (
    "BackOff", "Failed", "FailedScheduling", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox",
    "FailedCreate", "OOMKilling", "SystemOOM", "Evicted", "NodeNotReady", "Unhealthy",
)  # fmt: skip


def find_onset(world: World) -> datetime | None:
    """The earliest moment that fits: a jump of the alert's own value, a bad end or wait, the alert's start."""
    starts = [alert.starts_at for alert in world.case.alerts]
    started = min(starts) if starts else None
    latest = started or world.now
    earliest = latest - _LOOK_BACK if latest.year > 1 else latest
    signs = [at for at in _signs(world) if earliest <= at <= max(latest, world.now)]
    first = min(signs, default=None)
    if started is None:
        return first
    return min(first, started) if first is not None else started


def _signs(world: World) -> Iterator[datetime]:
    jump = change_point(combined(tuple(s for s in world.series if s.name == "alert_value"), additive=False))
    if jump is not None:
        yield jump
    for subject in world.focus:
        for at, _ in increase(series_of(world, "restarts", subject))[:1]:
            yield datetime.fromtimestamp(at, UTC)
        yield from _node_signs(world, subject)
        if world.is_whole(subject):
            continue
        yield from (event.first_at for event in world.events_about(subject, *BAD_REASONS))
        for pod in world.pods_of(subject):
            ends = (container.last_failure for container in pod.containers)
            yield from (end.finished_at for end in ends if end is not None and end.finished_at is not None)


def _node_signs(world: World, subject: Subject) -> Iterator[datetime]:
    """When a node stopped being ready."""
    state = world.find(subject) if subject.kind == "Node" else None
    for condition in maps(dig(state.body, "status", "conditions")) if state else ():
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            at = moment(condition.get("lastTransitionTime"))
            if at is not None:
                yield at


def change_point(points: tuple[tuple[float, float], ...]) -> datetime | None:
    """Where the mean of a series shifts most (CUSUM), None where the shift is within its usual noise."""
    if len(points) < _MIN_POINTS:
        return None
    values = np.array([value for _, value in points])
    sums = np.cumsum(values - values.mean())
    split = int(np.argmax(np.abs(sums[:-1]))) + 1
    before, after = values[:split], values[split:]
    if min(len(before), len(after)) < 2:  # noqa: PLR2004 - one point on a side is no level
        return None
    middle = float(np.median(before))
    noise = max(1.4826 * float(np.median(np.abs(before - middle))), 0.02 * abs(middle), 1e-9)
    if abs(float(np.median(after)) - middle) < _JUMP_IN_DEVIATIONS * noise:
        return None
    return datetime.fromtimestamp(points[split][0], UTC)
