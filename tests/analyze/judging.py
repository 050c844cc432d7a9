"""All detectors, as the registry lists them, and one call that judges a case with them."""

from app.analyze.assess import analyze
from app.analyze.detector import Detector
from app.analyze.detectors.admission import Admission
from app.analyze.detectors.autoscalers import Autoscalers
from app.analyze.detectors.crash_loop import CrashLoop
from app.analyze.detectors.evictions import Evictions
from app.analyze.detectors.health import Health
from app.analyze.detectors.image_pull import ImagePull
from app.analyze.detectors.log_errors import LogErrors
from app.analyze.detectors.missing_config import MissingConfig
from app.analyze.detectors.nodes import Nodes
from app.analyze.detectors.oom_kill import OomKill
from app.analyze.detectors.probes import Probes
from app.analyze.detectors.rollout import Rollout
from app.analyze.detectors.scheduling import Scheduling
from app.analyze.detectors.services import Services
from app.analyze.detectors.storage import Storage
from app.analyze.detectors.symptoms import Symptoms
from app.analyze.onset import find_onset
from app.analyze.world import World
from app.domain.incident import Assessment, Case, Finding, Recollection
from tests.builders import NOW

DETECTORS: tuple[Detector, ...] = (
    Admission(),
    Autoscalers(),
    CrashLoop(),
    Evictions(),
    Health(),
    ImagePull(),
    LogErrors(),
    MissingConfig(),
    Nodes(),
    OomKill(),
    Probes(),
    Rollout(),
    Scheduling(),
    Services(),
    Storage(),
    Symptoms(),
)


def judge(case: Case, recollection: Recollection | None = None) -> Assessment:
    return analyze(case, recollection or Recollection(days_searched=90), NOW, DETECTORS)


def detect(detector: Detector, case: Case) -> list[Finding]:
    """What one detector says alone."""
    world = World(case, NOW)
    world.onset_at = find_onset(world)
    return list(detector.detect(world))


def kinds(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings}
