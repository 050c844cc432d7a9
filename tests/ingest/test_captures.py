"""Bodies that a real Alertmanager sent are read whole."""

import json
from pathlib import Path

from app.domain.alert import AlertStatus
from app.ingest.identity import fingerprint
from app.ingest.subject import subjects
from tests.ingest.bodies import read


def captures(shared: Path) -> list[Path]:
    found = sorted(path for path in (shared / "captures" / "alertmanager").glob("*.json") if path.stem != "_headers")
    assert len(found) > 200
    return found


def test_every_captured_body_is_read_with_nothing_rejected(shared: Path) -> None:
    for path in captures(shared):
        told = json.loads(path.read_bytes())
        group = read(path.read_bytes())
        assert group.rejected == (), path.name
        assert len(group.alerts) == len(told["alerts"]), path.name
        assert group.status == told["status"], path.name
        assert group.cluster == told["commonLabels"]["cluster"], path.name
        assert [dict(a.labels) for a in group.alerts] == [a["labels"] for a in told["alerts"]], path.name
        assert all(a.ended_at is None or a.status is AlertStatus.RESOLVED for a in group.alerts), path.name


def test_the_computed_fingerprint_of_every_captured_alert_is_alertmanagers(shared: Path) -> None:
    for path in captures(shared):
        for alert in json.loads(path.read_bytes())["alerts"]:
            assert fingerprint(alert["labels"]) == alert["fingerprint"], path.name


def test_sixty_pods_of_one_deployment_are_one_subject(shared: Path) -> None:
    [path] = (shared / "captures" / "alertmanager").glob("firing_KubePodCrashLooping_*_60.json")
    group = read(path.read_bytes())
    assert len(group.alerts) == 60
    assert [(s.namespace, s.kind, s.name) for s in subjects(group)] == [("storm", "Deployment", "checkout")]
