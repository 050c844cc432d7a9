"""The story without a known cause: `payments` is slow, nothing changed, and an odd figure rose only afterwards."""

from datetime import UTC, datetime

from tests.fakes.recordings import shapes, story
from tests.fakes.recordings.story import Clock, Object, Workload

CLOCK = Clock(datetime(2026, 10, 21, 2, 43, tzinfo=UTC))
MONTHS, ROLLED_OUT = -120 * story.DAY, -26 * 3600.0
ONSET, STARTS = -12 * 60.0, -5 * 60.0
NODES = ("worker-1", "worker-2", "worker-3")
PAYMENTS = Workload("payments", "registry.example/shop/payments:3.2.0", env={"LEDGER_HOST": "ledger-db.data:5432"})
CHECKOUT = Workload("checkout", "registry.example/shop/checkout:1.4.1", env={"PAYMENTS_ADDRESS": "payments:8080"})
LEDGER = Workload("ledger-db", "registry.example/data/ledger-db:16.4", memory="4Gi", namespace="data")
DIGESTS = {"payments": "84b8c87d54", "checkout": "6c8f7d9b54", "ledger-db": "7b4d5c6f98"}
SUFFIXES = ("h6n2p", "z8rjt")
EXPRESSION = (
    "histogram_quantile(0.95, sum by (le, namespace, service) "
    '(rate(http_request_duration_seconds_bucket{namespace="shop",service="payments"}[5m]))) > 1'
)
LABELS = {
    "alertname": "ServiceLatencyHigh",
    "cluster": "prod",
    "namespace": "shop",
    "prometheus": "monitoring/k8s",
    "service": "payments",
    "severity": "warning",
}
ANNOTATIONS = {"summary": "95th percentile of payments is above 1 s.", "description": "Users wait for payments."}


def objects() -> list[Object]:
    """A cluster in which every object is healthy."""
    at = CLOCK.at
    found: list[Object] = []
    pods: list[Object] = []
    for number, workload in enumerate((PAYMENTS, CHECKOUT, LEDGER), start=1):
        template, digest = workload.template(), DIGESTS[workload.name]
        found.append(story.deployment(workload, template, 8, (at(MONTHS), at(ROLLED_OUT)), ready=(2, 2)))
        found.append(story.replica_set(workload, template, digest, (8, at(ROLLED_OUT), 2, 2)))
        for index, suffix in enumerate(SUFFIXES, start=1):
            placed = (at(ROLLED_OUT), NODES[index], f"10.244.{index}.{10 * number + index}")
            name = f"{workload.name}-{digest}-{suffix}"
            pods.append(story.pod(workload, template, name, placed, status=story.running(at(ROLLED_OUT))))
    for workload in (PAYMENTS, CHECKOUT, LEDGER):
        found += [story.service(workload, at(MONTHS)), story.endpoints(workload, pods)]
    nodes = [story.node(name, f"10.0.0.1{name[-1]}", at(MONTHS), heard=at(-20)) for name in NODES]
    return found + pods + nodes


def logs() -> Object:
    """Slow, but no errors; the usual day before reads the same."""
    at, name = CLOCK.at, f"payments-{DIGESTS['payments']}-{SUFFIXES[0]}"
    usual = [[at(-story.DAY - 1800 + 40 * i), f'level=info msg="captured" order={i} ms=380'] for i in range(60)]
    slow = [[at(ONSET + 12 * i), f'level=info msg="captured" order={600 + i} ms={2600 + i}'] for i in range(50)]
    return {f"{name}/app": usual + slow}


def metrics() -> Object:
    """Latency rises at onset, orders fall a little, the connections of the database only three minutes later."""
    series: list[Object] = []
    steady: shapes.Life = (float(shapes.START), None)
    usual_errors = [[shapes.START, 0.002]]
    told = {
        "payments": ([[shapes.START, 9.0], [ONSET, 7.4]], usual_errors, [[shapes.START, 0.4], [ONSET, 2.9]]),
        "checkout": ([[shapes.START, 14.0], [ONSET, 11.5]], usual_errors, [[shapes.START, 0.5], [ONSET, 3.1]]),
    }
    for workload in (PAYMENTS, CHECKOUT, LEDGER):
        for suffix in SUFFIXES:
            pod = f"{workload.name}-{DIGESTS[workload.name]}-{suffix}"
            mine = {"namespace": workload.namespace, "pod": pod, "container": "app"}
            used = [[m, (v or 0) * shapes.MEBI] for m, v in shapes.daily(180.0, 220.0)]
            series.append(shapes.gauge("container_memory_working_set_bytes", mine, used, linear=True))
            series += shapes.busy(mine, 0.2, steady)
            series += shapes.state(mine, [[shapes.START, 0]], 512 if workload is not LEDGER else 4096, steady)
        series += shapes.replicas(workload.namespace, workload.name, 2, [[shapes.START, 2]])
        if workload.name in told:
            pod = f"{workload.name}-{DIGESTS[workload.name]}-{SUFFIXES[0]}"
            served = {"namespace": "shop", "pod": pod, "container": "app", "service": workload.name}
            series += shapes.requests(served, steady, told[workload.name])
    orders = {"namespace": "shop", "service": "checkout", "job": "checkout"}
    series.append(shapes.counter("orders_placed_total", orders, shapes.wavering([[shapes.START, 3.3], [ONSET, 2.7]])))
    database = {"namespace": "data", "service": "ledger-db", "job": "ledger-db", "datname": "ledger"}
    crowd = [[shapes.START, 40], [ONSET + 180, 71], [ONSET + 300, 96]]
    series.append(shapes.gauge("pg_stat_activity_count", database, crowd))
    series.append(shapes.gauge("pg_settings_max_connections", database, [[shapes.START, 100]]))
    series += shapes.node_state(NODES)
    alert = {name: value for name, value in LABELS.items() if name not in {"cluster", "prometheus"}}
    series += shapes.firing(alert, STARTS - 300, STARTS, CLOCK.now.timestamp())
    rule = {"type": "alerting", "name": LABELS["alertname"], "query": EXPRESSION, "duration": 300, "health": "ok"}
    rule |= {"labels": {"severity": "warning"}, "annotations": ANNOTATIONS, "state": "firing"}
    return {"series": series, "rules": [rule], "alerts": []}


def make() -> tuple[Object, Object]:
    """The recording and the alert that told of it."""
    label = {"namespace": "shop", "result": {"fault_object": "app/payments", "root_cause": "unknown"}}
    payload = story.alert_payload(CLOCK, LABELS, ANNOTATIONS, EXPRESSION, since=STARTS)
    body = {"now": CLOCK.at(0), "label": label, "alerts": []}
    return {**body, "objects": objects(), "logs": logs(), "metrics": metrics()}, payload


if __name__ == "__main__":
    story.write("payments_slow", *make())
