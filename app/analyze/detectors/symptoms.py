"""What users feel and what runs short, now against usual."""

from collections.abc import Iterable, Iterator

from app.analyze.baseline import Reading, read
from app.analyze.wording import against_usual, quantity
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

_ERRORS_ADDED, _LATENCY_ADDED_SECONDS = 0.01, 0.05
_LATENCY_TIMES, _ERRORS_TIMES = 1.5, 2.0
_SURGE, _DROP = 1.8, 0.5
_THROTTLED = 0.25
_NEAR_LIMIT = 0.9


class Symptoms:
    """`symptom.*`, `traffic.surge`, `cpu.throttled`, `replicas.missing`."""

    name = "symptoms"

    def detect(self, world: World) -> Iterable[Finding]:
        """The series of what the alert is about; a value without a usual one is judged by itself."""
        for subject in world.focus:
            yield from _errors(world, subject)
            yield from _latency(world, subject)
            yield from _traffic(world, subject)
            yield from _cpu(world, subject)
            yield from _replicas(world, subject)


def _one(subject: Subject, kind: str, reading: Reading, statement: str) -> Finding:
    severity = Severity.CRITICAL if kind.startswith("symptom.") else Severity.WARNING
    return finding(kind, subject, severity, statement, evidence=reading.evidence)


def _errors(world: World, subject: Subject) -> Iterator[Finding]:
    reading = read(world, "error_ratio", subject)
    if reading and reading.now > max((reading.usual or 0) * _ERRORS_TIMES, (reading.usual or 0) + _ERRORS_ADDED):
        yield _one(subject, "symptom.errors", reading, f"5xx {against_usual(reading.now, reading.usual, 'ratio')}")


def _latency(world: World, subject: Subject) -> Iterator[Finding]:
    reading = read(world, "latency_p95", subject)
    if not reading or reading.usual is None:
        return
    if reading.now > max(reading.usual * _LATENCY_TIMES, reading.usual + _LATENCY_ADDED_SECONDS):
        yield _one(subject, "symptom.latency", reading, f"p95 {against_usual(reading.now, reading.usual, 'seconds')}")


def _traffic(world: World, subject: Subject) -> Iterator[Finding]:
    reading = read(world, "request_rate", subject)
    times = reading.times_usual() if reading else None
    if reading is None or times is None:
        return
    statement = f"traffic {against_usual(reading.now, reading.usual, 'per_second')}"
    if times >= _SURGE:
        yield _one(subject, "traffic.surge", reading, statement)
    elif times <= _DROP:
        yield _one(subject, "symptom.traffic_drop", reading, statement)


def _cpu(world: World, subject: Subject) -> Iterator[Finding]:
    throttled = read(world, "cpu_throttled_ratio", subject)
    if throttled and throttled.now >= max(_THROTTLED, 2 * (throttled.usual or 0)):
        statement = f"CPU throttled {against_usual(throttled.now, throttled.usual, 'ratio')} of the time"
        yield _one(subject, "cpu.throttled", throttled, statement)
        return
    used, limit = read(world, "cpu_usage", subject), read(world, "cpu_limit", subject)
    if used and limit and limit.now > 0 and used.now >= _NEAR_LIMIT * limit.now:
        statement = f"CPU {quantity(used.now, 'cores')} of its limit {quantity(limit.now, 'cores')}"
        yield _one(subject, "cpu.throttled", used, statement)


def _replicas(world: World, subject: Subject) -> Iterator[Finding]:
    available, wanted = read(world, "replicas_available", subject), read(world, "replicas_wanted", subject)
    if available and wanted and available.now < wanted.now:
        statement = f"{available.now:.0f} of {wanted.now:.0f} replicas available"
        yield _one(subject, "replicas.missing", available, statement)
