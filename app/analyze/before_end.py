"""What a container used right before a run of it ended, beside its limit and request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from app.analyze.baseline import combined, of_container, series_of
from app.analyze.pod import Container
from app.analyze.wording import quantity
from app.analyze.world import World
from app.domain.quantity import parse_quantity
from app.domain.subject import Subject

BEFORE_SECONDS, AFTER_SECONDS = 180.0, 15.0
AT_LIMIT = 0.95
_WORTH_TELLING = 0.05


@dataclass(frozen=True, slots=True)
class Use:
    """The most that was in use in the three minutes before, what was allowed and asked for; None where unknown."""

    most: float
    limit: float | None
    request: float | None
    evidence: tuple[str, ...]

    @property
    def is_at_limit(self) -> bool:
        """Whether it was at 95 % of its limit or more."""
        return bool(self.limit) and self.limit is not None and self.most >= AT_LIMIT * self.limit


def memory_before(world: World, workload: Subject, container: Container, at: datetime | None) -> Use | None:
    """Memory in bytes; of the workload's fullest pod, for that is what is measured."""
    return _use(world, ("memory_working_set", workload), container, at)


def cpu_before(world: World, workload: Subject, container: Container, at: datetime | None) -> Use | None:
    """CPU in cores, of the busiest pod."""
    return _use(world, ("cpu_usage", workload), container, at)


def use_in_words(world: World, workload: Subject, container: Container, at: datetime) -> tuple[str, tuple[str, ...]]:
    """`memory 254Mi (limit 256Mi, request 128Mi), CPU 0.2 cores (no limit)`, and its evidence; empty if unmeasured."""
    parts: list[str] = []
    ids: list[str] = []
    for word, unit, used in (
        ("memory", "bytes", memory_before(world, workload, container, at)),
        ("CPU", "cores", cpu_before(world, workload, container, at)),
    ):
        if used is not None:
            parts.append(f"{word} {quantity(used.most, unit)} ({', '.join(_bounds(used, unit))})")
            ids += used.evidence
    if throttled := _most(world, ("cpu_throttled_ratio", workload), container, at):
        ratio, evidence = throttled
        parts += [f"CPU throttled {quantity(ratio, 'ratio')} of the time"] if ratio >= _WORTH_TELLING else []
        ids += evidence
    return ", ".join(parts), tuple(ids)


def _bounds(used: Use, unit: str) -> Iterator[str]:
    yield f"limit {quantity(used.limit, unit)}" if used.limit else "no limit"
    if used.request:
        yield f"request {quantity(used.request, unit)}"


def _use(world: World, asked: tuple[str, Subject], container: Container, at: datetime | None) -> Use | None:
    found = _most(world, asked, container, at) if at is not None else None
    if found is None:
        return None
    resource = asked[0].partition("_")[0]
    return Use(found[0], _amount(container.limit(resource)), _amount(container.request(resource)), found[1])


def _most(
    world: World, asked: tuple[str, Subject], container: Container, at: datetime | None
) -> tuple[float, tuple[str, ...]] | None:
    """The highest value in the minutes before, and the series that tell it."""
    if at is None:
        return None
    series = of_container(series_of(world, *asked), container.name)
    first, last = at.timestamp() - BEFORE_SECONDS, at.timestamp() + AFTER_SECONDS
    values = [value for moment, value in combined(series, additive=False) if first <= moment <= last]
    return (max(values), tuple(sorted(one.id for one in series))) if values else None


def _amount(text: str) -> float | None:
    parsed = parse_quantity(text)
    return float(parsed) if parsed is not None and parsed > 0 else None
