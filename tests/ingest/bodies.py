"""Bodies as Alertmanager and Grafana write them, for the tests of this folder."""

import json
from datetime import UTC, datetime
from typing import Any

from app.domain.alert import Alert, AlertGroup
from app.ingest.senders.alertmanager import AlertmanagerSender

NOW = datetime(2026, 8, 22, 10, 5, tzinfo=UTC)
ZERO_TIME = "0001-01-01T00:00:00Z"


def wire_alert(**changes: object) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "checkout-7d9f8b6c5-x2x7k"},
        "annotations": {"summary": "Pod is crash looping."},
        "startsAt": "2026-08-22T10:00:00.123456789Z",
        "endsAt": ZERO_TIME,
        "generatorURL": "http://prom.example:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    } | changes


def wire_body(*alerts: object, **changes: object) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="KubePodCrashLooping", namespace="shop"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "sitrep",
        "groupLabels": {"alertname": "KubePodCrashLooping", "namespace": "shop"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://am-0.example:9093",
        "alerts": list(alerts) or [wire_alert()],
    } | changes


def read(body: dict[str, Any] | bytes, cluster: str | None = None) -> AlertGroup:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return AlertmanagerSender().read(raw, cluster, NOW)


def read_one(**changes: object) -> Alert:
    group = read(wire_body(wire_alert(**changes)))
    assert group.rejected == ()
    [alert] = group.alerts
    return alert
