"""The catalogue's questions against a recorded incident: what detectors will find under which name."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import Evidence, Series
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.gather.sources.prometheus import PrometheusSource
from app.playbooks.loader import load_playbooks
from app.playbooks.questions import Questions
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import RECORDINGS, Recording
from tests.gather.canned import settings

CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
ASKED = {
    "alert_condition",
    "alert_value",
    "memory_working_set",
    "memory_limit",
    "memory_limit_usual",
    "restarts",
    "replicas_available",
    "replicas_wanted",
    "error_ratio",
    "alerts_firing_nearby",
}

pytestmark = pytest.mark.anyio


def recorded_alerts(path: Path) -> list[Alert]:
    body = json.loads(path.read_text())
    return [
        Alert(
            one["fingerprint"],
            AlertStatus.FIRING,
            one["labels"],
            {},
            datetime.fromisoformat(one["startsAt"]).astimezone(UTC),
            None,
            one["generatorURL"],
        )
        for one in body["alerts"]
    ]


async def gathered(recording: Recording) -> Evidence:
    alerts = recorded_alerts(RECORDINGS / "checkout_oom_alert.json")
    questions = Questions(load_playbooks())(alerts, CHECKOUT, recording.now)
    async with FakePrometheus(recording) as prometheus:
        source = PrometheusSource(settings(prometheus_url=prometheus.url, source_deadline_seconds=60))
        chosen = [query for query in questions if isinstance(query, PromQuery) and query.name in ASKED]
        answers = await asyncio.gather(*(source.answer(query) for query in chosen))
        await source.aclose()
        assert prometheus.unknown == []
    return sum(answers, Evidence())


async def test_a_kill_for_memory_is_told_by_the_agreed_names() -> None:
    evidence = await gathered(Recording.named("checkout_oom"))
    found: dict[str, list[Series]] = {}
    for series in evidence.of(Series):
        found.setdefault(series.name, []).append(series)
    assert found.keys() == ASKED
    last = {name: [value for _, value in series[0].points if value is not None][-1] for name, series in found.items()}
    assert last["memory_limit"] == 256 * 2**20
    assert last["memory_limit_usual"] == 512 * 2**20
    assert last["replicas_available"] < last["replicas_wanted"] == 3
    assert last["error_ratio"] > 0.05
    assert last["alert_condition"] == last["alert_value"] == 1
    assert max(value for series in found["restarts"] for _, value in series.points if value is not None) >= 3
    assert found["memory_working_set"][0].labels == {"container": "app"}
    assert evidence.gaps == ()
