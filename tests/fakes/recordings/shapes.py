"""Series specs for made-up recordings: what exporters would show for a workload, its pods and the nodes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Spec = dict[str, Any]
Points = Sequence[Sequence[float | None]]
Life = tuple[float, float | None]
MEBI = 1024 * 1024
START = -2 * 86_400
KSM = {"instance": "10.244.3.9:8080", "job": "kube-state-metrics", "service": "kube-state-metrics", "endpoint": "http"}


def gauge(name: str, labels: Mapping[str, str], points: Points, **more: Any) -> Spec:  # noqa: ANN401 - wobble, linear
    return {"metric": {"__name__": name, **labels}, "kind": "gauge", "shape": list(points), **more}


def counter(name: str, labels: Mapping[str, str], rates: Points) -> Spec:
    return {"metric": {"__name__": name, **labels}, "kind": "counter", "shape": list(rates)}


def requests(labels: Mapping[str, str], life: Life, told: tuple[Points, Points, Points]) -> list[Spec]:
    """What a server tells of its requests while it lives; `told`: requests per second, share of 5xx, p95 seconds."""
    rates, errors, p95 = (within(wavering(points), life) for points in told)
    moments = sorted({point[0] for point in (*rates, *errors) if point[0] is not None})
    good = [[m, _times(_at(rates, m), _at(errors, m), failed=False)] for m in moments]
    bad = [[m, _times(_at(rates, m), _at(errors, m), failed=True)] for m in moments]
    base = {**labels, "job": labels["service"]}
    latency = {"metric": {"__name__": "http_request_duration_seconds", **base}, "kind": "histogram"}
    return [
        counter("http_requests_total", {**base, "code": "200"}, good),
        counter("http_requests_total", {**base, "code": "500"}, bad),
        {**latency, "shape": rates, "p95": p95},
    ]


def busy(labels: Mapping[str, str], cores: float, life: Life) -> list[Spec]:
    """What cAdvisor tells of the CPU of one container that is hardly ever throttled."""
    told = {"usage_seconds": cores, "cfs_periods": 10.0, "cfs_throttled_periods": 0.1}
    return [
        counter(f"container_cpu_{name}_total", labels, within(wavering([[START, rate]]), life))
        for name, rate in told.items()
    ]


def state(labels: Mapping[str, str], restarts: Points, memory_limit: float, life: Life) -> list[Spec]:
    """What kube-state-metrics tells of one container."""
    all_labels = {**KSM, **labels}
    limit = {**all_labels, "resource": "memory", "unit": "byte"}
    cpu = {**all_labels, "resource": "cpu", "unit": "core"}
    return [
        gauge("kube_pod_container_status_restarts_total", all_labels, within(restarts, life)),
        gauge("kube_pod_container_resource_limits", limit, within([[START, memory_limit * MEBI]], life)),
        gauge("kube_pod_container_resource_limits", cpu, within([[START, 1]], life)),
        gauge("kube_pod_status_phase", {**all_labels, "phase": "Running"}, within([[START, 1]], life)),
    ]


def replicas(namespace: str, deployment: str, wanted: int, ready: Points) -> list[Spec]:
    labels = {**KSM, "namespace": namespace, "deployment": deployment}
    short = [[m, None if v is None else wanted - v] for m, v in ready]
    return [
        gauge("kube_deployment_spec_replicas", labels, [[START, wanted]]),
        gauge("kube_deployment_status_replicas_available", labels, ready),
        gauge("kube_deployment_status_replicas_ready", labels, ready),
        gauge("kube_deployment_status_replicas_unavailable", labels, short),
    ]


def readiness(namespace: str, pod: str, node: str, lost_since: float | None = None) -> list[Spec]:
    """Where a pod runs, and whether it is ready."""
    labels = {**KSM, "namespace": namespace, "pod": pod}
    ready: Points = [[START, 1]] if lost_since is None else [[START, 1], [lost_since, 0]]
    return [
        gauge("kube_pod_info", {**labels, "node": node}, [[START, 1]]),
        gauge("kube_pod_status_ready", {**labels, "condition": "true"}, ready),
    ]


def node_state(names: Iterable[str], gone: Mapping[str, float] | None = None) -> list[Spec]:
    """Ready and pressure conditions; a node that is gone has been unknown since then."""
    found: list[Spec] = []
    for name in names:
        since = (gone or {}).get(name)
        up: Points = [[START, 1]] if since is None else [[START, 1], [since, 0]]
        lost: Points = [[START, 0]] if since is None else [[START, 0], [since, 1]]
        told = [("Ready", "true", up), ("Ready", "unknown", lost)]
        told += [(pressure, "true", [[START, 0]]) for pressure in ("MemoryPressure", "DiskPressure", "PIDPressure")]
        for condition, status, shape in told:
            labels = {**KSM, "node": name, "condition": condition, "status": status}
            found.append(gauge("kube_node_status_condition", labels, shape))
        found += _exporter(name, since)
    return found


def _exporter(node: str, gone_since: float | None) -> list[Spec]:
    """What node-exporter tells of a node that has room; nothing since it is gone."""
    labels = {"instance": f"10.0.0.1{node[-1]}:9100", "job": "node-exporter"}
    life = (float(START), gone_since)
    free = within([[START, 21 * 1024 * MEBI]], life)
    return [
        gauge("node_uname_info", {**labels, "nodename": node}, within([[START, 1]], life)),
        gauge("node_memory_MemTotal_bytes", labels, within([[START, 32 * 1024 * MEBI]], life)),
        gauge("node_memory_MemAvailable_bytes", labels, free, wobble=0.03),
        counter("node_cpu_seconds_total", {**labels, "cpu": "0", "mode": "idle"}, within([[START, 0.71]], life)),
    ]


def firing(labels: Mapping[str, str], active: float, since: float, now: float) -> list[Spec]:
    """The series that Prometheus keeps of an alert; times in seconds from now, `now` in unix seconds."""
    base = dict(labels)
    return [
        gauge("ALERTS", {**base, "alertstate": "pending"}, [[active, 1], [since, None]]),
        gauge("ALERTS", {**base, "alertstate": "firing"}, [[since, 1]]),
        gauge("ALERTS_FOR_STATE", base, [[active, now + active]]),
    ]


def wavering(points: Points, share: float = 0.04) -> list[list[float | None]]:
    """The first, usual value rises and falls a little until the next point: nothing real stands still."""
    first, rest = points[0], list(points[1:])
    start, value = first[0] or 0.0, first[1] or 0.0
    end = rest[0][0] if rest else 0.0
    count = int(((end or 0.0) - start) // 1200)
    swings = [share * (math.sin(i * 0.9) + math.sin(i * 2.3) / 2) for i in range(count + 1)]
    usual = [[start + 1200 * i, round(value * (1 + swing), 6)] for i, swing in enumerate(swings)]
    return [*usual, *(list(point) for point in rest)]


def within(points: Points, life: Life) -> list[list[float | None]]:
    """The same values, but only between birth and death."""
    born, died = life
    kept: list[list[float | None]] = [[born, _at(points, born)]]
    kept += [list(p) for p in points if p[0] is not None and p[0] > born and (died is None or p[0] < died)]
    return [*kept, [died, None]] if died is not None else kept


def daily(low: float, high: float, wave_seconds: int = 1800) -> list[list[float | None]]:
    """A rise and fall that repeats; for `linear` gauges."""
    count = -START // wave_seconds
    return [[START + i * wave_seconds, high if i % 2 else low] for i in range(count + 1)]


def _at(points: Points, moment: float) -> float | None:
    value = points[0][1]
    for since, held in points:
        if since is not None and since <= moment:
            value = held
    return value


def _times(rate: float | None, errors: float | None, *, failed: bool) -> float | None:
    if rate is None or errors is None:
        return None
    return round(rate * (errors if failed else 1 - errors), 5)
