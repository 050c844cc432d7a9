"""Recorded faults of Services, gathered over HTTP from the stand-in and judged: nobody's pods are sick, and yet."""

from pathlib import Path

import pytest

from app.analyze.assess import analyze
from app.domain.alert import Alert, AlertStatus
from app.domain.incident import Assessment, Case, Recollection
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from tests.analyze.judging import DETECTORS
from tests.fakes.recording import Recording
from tests.gather.cluster import kubernetes

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("name", "workload", "cause"),
    [
        ("boutique_service_31", "adservice", "service.selector_mismatch"),
        ("boutique_service_9", "adservice", "service.port_mismatch"),
        ("boutique_service_23", "adservice", "service.protocol_mismatch"),
        ("boutique_service_1", "cartservice", "service.unknown_address"),
    ],
)
async def test_the_fault_is_found_and_who_calls_it_is_told(
    shared: Path, tmp_path: Path, name: str, workload: str, cause: str
) -> None:
    recording = Recording.load(shared / "scenarios" / f"{name}.json.gz")
    judged = await judged_from(recording, Subject("", "boutique", "Deployment", workload), tmp_path)
    first = judged.hypotheses[0]
    assert (first.cause, first.subject.name) == (cause, workload)
    assert first.confidence != "low"
    assert "frontend" in {entry.subject.name for entry in judged.blast_radius if entry.relation == "calls it"}


async def test_from_the_namespace_a_service_that_selects_nobody_is_found_too(shared: Path, tmp_path: Path) -> None:
    recording = Recording.load(shared / "scenarios" / "boutique_service_31.json.gz")
    judged = await judged_from(recording, Subject("", "", "Namespace", "boutique"), tmp_path)
    assert judged.hypotheses[0].cause == "service.selector_mismatch"


async def judged_from(recording: Recording, about: Subject, folder: Path) -> Assessment:
    alert = Alert("f1", AlertStatus.FIRING, {"alertname": "HighErrorRate"}, {}, recording.now, None)
    async with kubernetes(folder, *recording.objects, logs=recording.logs) as (fake, source):
        evidence = await Gatherer([source], Planner(), 5).start((alert,), (about,), recording.now).finish()
        assert len(fake.requests) <= 40
    return analyze(Case((alert,), (about,), evidence), Recollection(), recording.now, DETECTORS)
