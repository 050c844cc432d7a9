"""Time series as functions of time, written as shapes: what held since when, with a little wobble."""

import bisect
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.recording import Recording

Shape = Sequence[Sequence[float | None]]
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
BUCKETS = (*_FAST, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, math.inf)
_WOBBLE_PERIOD_SECONDS = 900.0
_LEAST_SECONDS = 0.0001


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """`at` gives the value at unix seconds, None where the series does not exist."""

    labels: Mapping[str, str]
    at: Callable[[float], float | None]


def series_of(recording: Recording) -> list[TimeSeries]:
    """All series of a recording whose `metrics` hold `series`: a list of specs.

    A spec is {"metric": labels, "kind": "gauge"|"counter"|"histogram", "shape": [[seconds from now, value], …]}
    and maybe "wobble" (a share), "linear" (between points; else each value holds until the next; null ends it).
    A counter's shape is its rate per second; a histogram's too, and its "p95" is a shape of seconds.
    """
    now = recording.now.timestamp()
    return [one for spec in (recording.metrics or {}).get("series", ()) for one in expanded(spec, now)]


def expanded(spec: Mapping[str, Any], now: float) -> list[TimeSeries]:
    """One series, or all those of a histogram."""
    return _histogram(spec, now) if spec["kind"] == "histogram" else [one_series(spec, now)]


def one_series(spec: Mapping[str, Any], now: float) -> TimeSeries:
    """A gauge or a counter."""
    labels = spec["metric"]
    times = [now + float(point[0]) for point in spec["shape"]]
    values = [point[1] for point in spec["shape"]]
    if spec["kind"] == "counter":
        return TimeSeries(labels, _integral(times, values))
    phase = zlib.crc32(repr(sorted(labels.items())).encode()) % 628 / 100
    wobble, linear = float(spec.get("wobble", 0.0)), bool(spec.get("linear"))

    def at(moment: float) -> float | None:
        index = bisect.bisect_right(times, moment) - 1
        value = values[index] if index >= 0 else None
        if value is None:
            return None
        following = values[index + 1] if index + 1 < len(values) else None
        if linear and following is not None:
            value += (following - value) * (moment - times[index]) / (times[index + 1] - times[index])
        return value * (1 + wobble * math.sin(moment * math.tau / _WOBBLE_PERIOD_SECONDS + phase))

    return TimeSeries(labels, at)


def _integral(times: list[float], rates: list[float | None]) -> Callable[[float], float | None]:
    """A counter that grows by these rates; it starts at zero."""
    totals = [0.0]
    for index in range(len(times) - 1):
        totals.append(totals[-1] + (rates[index] or 0.0) * (times[index + 1] - times[index]))

    def at(moment: float) -> float | None:
        index = bisect.bisect_right(times, moment) - 1
        rate = rates[index] if index >= 0 else None
        return None if rate is None else totals[index] + rate * (moment - times[index])

    return at


def _histogram(spec: Mapping[str, Any], now: float) -> list[TimeSeries]:
    """Buckets, count and sum of latencies that fall off exponentially with the given 95th percentile."""
    name, labels = spec["metric"]["__name__"], spec["metric"]
    moments = sorted({float(p[0]) for p in spec["shape"]} | {float(p[0]) for p in spec["p95"]})
    held = [(m, _held(spec["shape"], m), _held(spec["p95"], m)) for m in moments]

    def counter(suffix: str, extra: Mapping[str, str], share: Callable[[float], float]) -> TimeSeries:
        shape = [[m, None if rate is None or p95 is None else rate * share(p95)] for m, rate, p95 in held]
        metric = {**labels, **extra, "__name__": f"{name}_{suffix}"}
        return one_series({"metric": metric, "kind": "counter", "shape": shape}, now)

    def below(bound: float) -> Callable[[float], float]:
        return lambda p95: 1 - math.exp(-bound * math.log(20) / max(p95, _LEAST_SECONDS))

    buckets = [counter("bucket", {"le": "+Inf" if math.isinf(b) else f"{b:g}"}, below(b)) for b in BUCKETS]
    return [*buckets, counter("count", {}, lambda _: 1.0), counter("sum", {}, lambda p95: p95 / math.log(20))]


def _held(shape: Shape, moment: float) -> float | None:
    value = None
    for since, held in shape:
        if since is not None and since <= moment:
            value = held
    return value
