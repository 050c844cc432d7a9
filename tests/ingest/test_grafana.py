"""What Grafana-managed alerting posts is read like Alertmanager's, with its own links kept."""

import json

from app.domain.alert import AlertStatus
from app.ingest.senders.grafana import GrafanaSender
from tests.ingest.bodies import NOW, wire_alert, wire_body

EXTRA = {
    "values": {"A": 0.97, "B": None},
    "valueString": "[ var='A' labels={} value=0.97 ]",
    "silenceURL": "https://grafana.example/alerting/silence/new",
    "dashboardURL": "https://grafana.example/d/abc",
    "panelURL": "https://grafana.example/d/abc?viewPanel=4",
    "ruleUID": "r1",
    "imageURL": None,
    "orgId": 1,
    "enrichments": {},
}


def grafana_body(**changes: object) -> bytes:
    extra = {"orgId": 1, "title": "[FIRING:1]", "state": "alerting", "message": "m", "appVersion": "12.1"}
    return json.dumps(wire_body(wire_alert(**(EXTRA | changes)), version="1", **extra)).encode()


def test_a_grafana_body_becomes_a_group() -> None:
    group = GrafanaSender().read(grafana_body(), "prod", NOW)
    assert (group.sender, group.cluster, group.status) == ("grafana", "prod", AlertStatus.FIRING)
    [alert] = group.alerts
    assert alert.name == "KubePodCrashLooping"
    assert group.rejected == ()


def test_grafanas_links_and_values_stand_among_the_annotations() -> None:
    [alert] = GrafanaSender().read(grafana_body(panelURL=""), None, NOW).alerts
    assert alert.annotations == {
        "summary": "Pod is crash looping.",
        "value_string": "[ var='A' labels={} value=0.97 ]",
        "dashboard_url": "https://grafana.example/d/abc",
        "silence_url": "https://grafana.example/alerting/silence/new",
    }


def test_an_annotation_that_a_person_wrote_wins_over_grafanas_field() -> None:
    own = {"dashboard_url": "https://grafana.example/d/mine"}
    [alert] = GrafanaSender().read(grafana_body(annotations=own), None, NOW).alerts
    assert alert.annotations["dashboard_url"] == "https://grafana.example/d/mine"
