"""A recorded table of figures by app and node, told as the series that exporters would give."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.fakes.recording import Recording, app_of, main_container
from tests.fakes.series import TimeSeries, expanded

_LOOKBACK_SECONDS = 300.0

Points = list[list[float | None]]


def table_series(recording: Recording) -> list[TimeSeries]:
    """Series of `metrics` in the shape {"cols": ["time", "<app or node>-<figure>", …], "rows": […]}."""
    table: Mapping[str, Any] = recording.metrics or {}
    if not table.get("rows"):
        return []
    nodes = {node["metadata"]["name"]: node for node in recording.of_kind("Node")}
    now = recording.now.timestamp()
    times = _times(table["rows"], recording.now - recording.moved)
    by_app: dict[str, dict[str, Points]] = {}
    for column, header in enumerate(table["cols"]):
        owner, _, figure = header.rpartition("-")
        if not owner:
            continue
        points: Points = [[t, float(row[column])] for t, row in zip(times, table["rows"], strict=True)]
        points.append([times[-1] + _LOOKBACK_SECONDS, None])
        by_app.setdefault(owner, {})[figure] = points
    found: list[TimeSeries] = []
    for owner, figures in by_app.items():
        specs = _node_specs(nodes[owner], figures) if owner in nodes else _app_specs(recording, owner, figures)
        found += [one for spec in specs for one in expanded(spec, now)]
    return found


def _times(rows: list[list[str]], recorded: datetime) -> list[float]:
    """Seconds from the moment of recording. The table is in local time: the zone is the one that ends it near then."""
    written = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() - recorded.timestamp() for row in rows]
    zone = round(written[-1] / 3600) * 3600
    return [moment - zone for moment in written]


def _spec(name: str, labels: Mapping[str, str], points: Points, kind: str = "gauge") -> dict[str, Any]:
    return {"metric": {"__name__": name, **labels}, "kind": kind, "shape": points}


def _scaled(points: Points, factor: float) -> Points:
    return [[moment, None if value is None else value * factor] for moment, value in points]


def _product(left: Points, right: Points, *, complement: bool = False) -> Points:
    return [
        [moment, None if a is None or b is None else a * ((1 - b) if complement else b)]
        for (moment, a), (_, b) in zip(left, right, strict=True)
    ]


def _app_specs(recording: Recording, app: str, figures: dict[str, Points]) -> Iterator[dict[str, Any]]:
    pods = [pod for pod in recording.of_kind("Pod") if app_of(pod, {app: None}) == app]
    namespace = str(recording.label.get("namespace", "default"))
    pod = {"pod": pods[0]["metadata"]["name"]} if pods else {}
    of_pod = {"namespace": namespace, **pod}
    of_container = {**of_pod, "container": main_container(pods[0]) if pods else app}
    if "cpu" in figures:
        yield _spec("container_cpu_usage_seconds_total", of_container, figures["cpu"], "counter")
    if "mem" in figures:
        yield _spec("container_memory_working_set_bytes", of_container, figures["mem"])
    if "cpu_cfs" in figures:
        yield _spec("container_cpu_cfs_throttled_seconds_total", of_container, figures["cpu_cfs"], "counter")
    for direction in ("receive", "transmit"):
        if f"network_{direction}" in figures:
            name = f"container_network_{direction}_packets_total"
            yield _spec(name, of_pod, figures[f"network_{direction}"], "counter")
    served = {**of_pod, "service": app, "app": app}
    if "rps" in figures and "success_rate" in figures:
        good = _product(figures["rps"], figures["success_rate"])
        bad = _product(figures["rps"], figures["success_rate"], complement=True)
        yield _spec("http_requests_total", {**served, "code": "200"}, good, "counter")
        yield _spec("http_requests_total", {**served, "code": "500"}, bad, "counter")
    for figure, share in (("p95latency", 0.95), ("p90latency", 0.90)):
        if figure in figures and "rps" in figures:
            # Milliseconds of one percentile; told as the histogram that an exponential fall-off would give.
            to_p95 = 0.001 * math.log(20) / -math.log(1 - share)
            latency = _spec("http_request_duration_seconds", served, figures["rps"], "histogram")
            yield {**latency, "p95": _scaled(figures[figure], to_p95)}


def _node_specs(node: dict[str, Any], figures: dict[str, Points]) -> Iterator[dict[str, Any]]:
    name = node["metadata"]["name"]
    address = next((a["address"] for a in node["status"].get("addresses", ()) if a["type"] == "InternalIP"), name)
    labels = {"node": name, "instance": f"{address}:9100"}
    total = float(node["status"]["capacity"]["memory"].removesuffix("Ki")) * 1024
    if "cpu" in figures:
        yield _spec("node:node_cpu_utilization:ratio_rate5m", {"node": name}, _scaled(figures["cpu"], 0.01))
        yield _spec("instance:node_cpu_utilisation:rate5m", labels, _scaled(figures["cpu"], 0.01))
    if "mem" in figures:
        free: Points = [[t, None if v is None else total * (1 - v / 100)] for t, v in figures["mem"]]
        yield _spec("node_memory_MemAvailable_bytes", labels, free)
        yield _spec(
            "node_memory_MemTotal_bytes", labels, [[t, None if v is None else total] for t, v in figures["mem"]]
        )
    if "tcp_retans" in figures:
        yield _spec("node_netstat_Tcp_RetransSegs", labels, figures["tcp_retans"], "counter")
