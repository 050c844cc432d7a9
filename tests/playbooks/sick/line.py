"""A series, and series as text for promtool."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

HOUR = 3600.0
POD, OTHER = "checkout-7d9f8b6c5-x2x7k", "checkout-7d9f8b6c5-b4c8d"
JOB = "nightly-28471920"
BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0)
NODES = {"worker-1": "10.0.3.16", "worker-2": "10.0.3.17"}
PODS = {
    POD: "worker-2",
    OTHER: "worker-1",
    "cart-db-0": "worker-2",
    "log-agent-x2x7k": "worker-2",
    f"{JOB}-zzzzz": "worker-2",
}


@dataclass(frozen=True)
class Line:
    """One series: `start` 26 hours ago, `slope` more each second."""

    name: str
    labels: Mapping[str, str]
    start: float
    slope: float = 0.0


def ksm(name: str, start: float, slope: float = 0.0, /, **labels: str) -> Iterator[Line]:
    for instance in ("10.244.0.11:8080", "10.244.0.12:8080"):
        yield Line(name, {"job": "kube-state-metrics", "instance": instance, **labels}, start, slope)


def histogram(name: str, seconds: float, per_second: float, /, **labels: str) -> Iterator[Line]:
    """All observations fall into the bucket that holds `seconds`."""
    for bound in BUCKETS:
        yield Line(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, 0.0, per_second if seconds <= bound else 0.0)
    yield Line(f"{name}_bucket", {**labels, "le": "+Inf"}, 0.0, per_second)
    yield Line(f"{name}_count", labels, 0.0, per_second)


def openmetrics(lines: Iterable[Line], now: float) -> Iterator[str]:
    """The series as text for promtool: two hours up to now, and the same two hours of a day before."""
    by_name = sorted(lines, key=lambda line: line.name)
    begun = now - 26 * HOUR
    moments = [begun + step for step in range(0, int(2 * HOUR) + 1, 60)] + [
        now - 2 * HOUR + step for step in range(0, int(2 * HOUR) + 1, 60)
    ]
    for line in by_name:
        labels = ",".join(f'{name}="{value}"' for name, value in line.labels.items())
        for at in moments:
            yield f"{line.name}{{{labels}}} {line.start + line.slope * (at - begun):.9g} {at:.3f}"
    yield "# EOF"
