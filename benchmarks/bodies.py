"""What the benchmarks post: Alertmanager bodies that differ only where groups differ."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from tests.fakes.recording import Recording

ALERTS_IN_A_BODY = 10
RECORDING = "checkout_oom"
GROUP = "GROUP-MARK"
CHANNEL = "CHANNEL-MARK"


def ten_alerts() -> bytes:
    """A body of ten alerts as kube-state-metrics' rules send them; `GROUP` marks what tells groups apart."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="KubePodNotReady", namespace="{GROUP}"}}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "sitrep",
            "groupLabels": {"alertname": "KubePodNotReady", "namespace": GROUP},
            "commonLabels": {"alertname": "KubePodNotReady", "namespace": GROUP, "severity": "warning"},
            "commonAnnotations": {"runbook_url": "https://runbooks.example/kubepodnotready"},
            "externalURL": "http://alertmanager.example:9093",
            "alerts": [_alert(number) for number in range(ALERTS_IN_A_BODY)],
        }
    ).encode()


def _alert(number: int) -> dict[str, object]:
    pod = f"checkout-7d9f8b6c5f-x2x{number:02d}"
    return {
        "status": "firing",
        "labels": {
            "alertname": "KubePodNotReady",
            "cluster": "prod",
            "container": "app",
            "instance": f"10.244.3.{number}:8080",
            "job": "kube-state-metrics",
            "namespace": GROUP,
            "pod": pod,
            "prometheus": "monitoring/k8s",
            "severity": "warning",
            "uid": f"9274c769-b7fd-5b8d-92bb-d3a2b54857{number:02d}",
        },
        "annotations": {
            "summary": "Pod has been in a non-ready state for more than 15 minutes.",
            "description": f"Pod {GROUP}/{pod} has been in a non-ready state for longer than 15 minutes.",
            "runbook_url": "https://runbooks.example/kubepodnotready",
        },
        "startsAt": "2026-10-14T02:12:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"93a397c582c73a{number:02x}",
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=kube_pod_status_phase&g0.tab=1",
    }


def recorded_alert(recording: Recording) -> bytes:
    """The recording's own alert; `GROUP` and `CHANNEL` mark its group and the channel that it goes to."""
    body = recording.payload(RECORDING)
    body["groupKey"] = f'{{}}:{{alertname="KubePodCrashLooping", team="{GROUP}"}}'
    for labels in (body["commonLabels"], *(alert["labels"] for alert in body["alerts"])):
        labels["team"], labels["channel"] = GROUP, CHANNEL
    for alert in body["alerts"]:
        del alert["fingerprint"]
    return json.dumps(body).encode()


def filling(template: bytes, prefix: str, channels: int = 1) -> Callable[[int], bytes]:
    """Bodies by number, each a group of its own; `channels` of them take turns."""
    started = f"{prefix}-{datetime.now(UTC):%H%M%S%f}"

    def body(number: int) -> bytes:
        filled = template.replace(GROUP.encode(), f"{started}-{number}".encode())
        return filled.replace(CHANNEL.encode(), str(number % channels).encode())

    return body
