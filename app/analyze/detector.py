"""What every detector offers, and the runner in which a broken one costs only itself."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.incident import Finding
from app.domain.subject import Subject

DETECTOR_FAILED = "sitrep.detector_failed"


class Detector(Protocol):
    """A judge over one concern. Stateless and pure: the same world gives the same findings."""

    name: str

    def detect(self, world: World) -> Iterable[Finding]:
        """What this concern has to say; nothing where all is well."""
        ...


def run_detectors(detectors: Sequence[Detector], world: World) -> tuple[Finding, ...]:
    """All findings, worst first, numbered `f1`, `f2`, …; one that failed stands among them by name."""
    found: list[Finding] = []
    for detector in sorted(detectors, key=lambda one: one.name):
        try:
            found.extend(detector.detect(world))
        except Exception as error:  # noqa: BLE001 - a broken detector costs only itself
            found.append(_failure(detector.name, error, world))
    unique = sorted(set(found), key=_order)
    return tuple(replace(each, id=f"f{number}") for number, each in enumerate(unique, start=1))


def _failure(name: str, error: Exception, world: World) -> Finding:
    subject = world.focus[0] if world.focus else Subject("", "", "Cluster", "")
    statement = f"detector {name} failed ({type(error).__name__}): its judgement is missing"
    return finding(DETECTOR_FAILED, subject, Severity.NONE, statement)


def _order(one: Finding) -> tuple[int, str, Subject, str]:
    return (-one.severity, one.kind, one.subject, one.statement)
