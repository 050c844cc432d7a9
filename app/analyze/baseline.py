"""Now against usual: each series beside the same series a day earlier (`<name>_usual`)."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.analyze.world import World
from app.domain.evidence import Series
from app.domain.subject import Subject

USUAL = "_usual"
NEWEST_POINTS = 3
_STALE_SECONDS = 600.0
_LARGEST = 1e100
# Per pod or per path, these add up; of all others the worst one speaks.
_ADDITIVE = frozenset({"request_rate", "restarts", "replicas_available", "replicas_wanted", "alerts_firing_nearby"})

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity: its value now, its peak, and the usual ones; `unit` as the series has it."""

    name: str
    unit: str
    now: float
    peak: float
    usual: float | None
    usual_peak: float | None
    points: Points
    evidence: tuple[str, ...]

    def times_usual(self) -> float | None:
        """How many times the usual value this is, None where that is not known or zero."""
        return self.now / self.usual if self.usual else None


def read(world: World, name: str, subject: Subject | None = None, container: str = "") -> Reading | None:
    """The quantity now and usually; None where it was not measured or its newest value is stale."""
    series = of_container(series_of(world, name, subject), container)
    points = combined(series, additive=name in _ADDITIVE)
    if not points or points[-1][0] < world.now.timestamp() - _STALE_SECONDS:
        return None
    earlier = of_container(series_of(world, name + USUAL, subject), container)
    usual = combined(earlier, additive=name in _ADDITIVE)
    return Reading(
        name=name,
        unit=series[0].unit,
        now=float(np.median([value for _, value in points[-NEWEST_POINTS:]])),
        peak=max(value for _, value in points),
        usual=float(np.median([value for _, value in usual])) if usual else None,
        usual_peak=max(value for _, value in usual) if usual else None,
        points=points,
        evidence=tuple(sorted(one.id for one in (*series, *earlier))),
    )


def series_of(world: World, name: str, subject: Subject | None) -> tuple[Series, ...]:
    """The series of this name about a workload; those of single pods only where the workload itself has none.

    The same is asked of a pod that an alert names and of its workload: both together would count twice.
    """
    named = [one for one in world.series if one.name == name]
    mine = [one for one in named if subject is None or world.workload_of(one.subject) == subject]
    own = [one for one in mine if one.subject == subject]
    return tuple(own or mine)


def of_container(series: tuple[Series, ...], container: str) -> tuple[Series, ...]:
    """The series of one container, and those that are not told apart by container."""
    return tuple(one for one in series if not container or one.labels.get("container", container) == container)


def _is_sane(value: float) -> bool:
    """Whether arithmetic with it stays finite; nothing real is that large."""
    return abs(value) <= _LARGEST


def combined(series: tuple[Series, ...], *, additive: bool) -> Points:
    """Several series as one: added up, or the highest at each moment."""
    by_time: dict[float, list[float]] = {}
    for one in series:
        for at, value in one.points:
            if value is not None and _is_sane(value):
                by_time.setdefault(at, []).append(value)
    fold = sum if additive else max
    return tuple((at, float(fold(values))) for at, values in sorted(by_time.items()))


def increase(series: tuple[Series, ...]) -> list[tuple[float, float]]:
    """When counters rose and by how much, in order of time; a reset to a lower value counts as none."""
    steps: list[tuple[float, float]] = []
    for one in series:
        known = [(at, value) for at, value in one.points if value is not None and _is_sane(value)]
        pairs = pairwise(known)
        steps.extend((at, value - before) for (_, before), (at, value) in pairs if value > before)
    return sorted(steps)
