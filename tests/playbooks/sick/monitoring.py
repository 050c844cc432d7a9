"""What watches the cluster: Prometheus, its operator and Alertmanager."""

from collections.abc import Iterator

from tests.playbooks.sick.line import HOUR, Line, histogram


def prometheus(now: float) -> Iterator[Line]:
    for number in (0, 1):
        at = {
            "job": "prometheus-k8s",
            "namespace": "monitoring",
            "pod": f"prometheus-k8s-{number}",
            "instance": f"10.244.0.2{number}:9090",
            "service": "prometheus-k8s",
            "container": "prometheus",
            "endpoint": "web",
        }
        yield Line("up", at, 1)
        gauges = {
            "engine_queries": 30,
            "engine_queries_concurrent_max": 20,
            "tsdb_head_series": 2_000_000,
            "notifications_alertmanagers_discovered": 0,
            "notifications_queue_length": 9000,
            "notifications_queue_capacity": 10_000,
            "config_last_reload_successful": 0,
            "config_last_reload_success_timestamp_seconds": now - 30 * HOUR,
            "tsdb_storage_blocks_bytes": 2**36,
            "tsdb_wal_storage_size_bytes": 2**34,
        }
        yield from (Line(f"prometheus_{name}", at, value) for name, value in gauges.items())
        rates = {
            "tsdb_head_samples_appended_total": 1000,
            "tsdb_compactions_failed_total": 1 / HOUR,
            "tsdb_reloads_failures_total": 2 / HOUR,
            "target_scrapes_exceeded_sample_limit_total": 9 / HOUR,
            "target_scrapes_exceeded_body_size_limit_total": 3 / HOUR,
            "target_scrapes_sample_duplicate_timestamp_total": 0.5,
            "target_scrapes_sample_out_of_order_total": 0.2,
            "notifications_dropped_total": 1,
            "sd_kubernetes_failures_total": 4 / HOUR,
        }
        yield from (Line(f"prometheus_{name}", at, 0, rate) for name, rate in rates.items())
        rules = {**at, "rule_group": "/rules/shop.yaml;shop"}
        yield Line("prometheus_rule_evaluation_failures_total", rules, 0, 60 / HOUR)
        yield Line("prometheus_rule_group_iterations_missed_total", rules, 0, 20 / HOUR)
        yield Line("prometheus_rule_group_last_duration_seconds", rules, 45)
        yield Line("prometheus_rule_group_interval_seconds", rules, 30)
        yield Line("prometheus_engine_query_duration_seconds", {**at, "slice": "inner_eval", "quantile": "0.9"}, 6)
        for other in ("a", "b"):
            sent = {**at, "alertmanager": f"http://{other}:9093/api/v2/alerts"}
            yield Line("prometheus_notifications_errors_total", sent, 0, 0.5)
            yield Line("prometheus_notifications_sent_total", sent, 0, 1)
        pool = {**at, "scrape_job": "shop/checkout/0"}
        yield Line(
            "prometheus_sd_discovered_targets", {**pool, "config": "shop", "name": "scrape"}, 10, -5 / (26 * HOUR)
        )
        yield Line("prometheus_sd_refresh_failures_total", {**at, "mechanism": "http", "config": "shop"}, 0, 6 / HOUR)
        yield Line("prometheus_target_sync_failed_total", pool, 0, 6 / HOUR)
        yield Line("prometheus_target_scrape_pool_exceeded_target_limit_total", pool, 0, 6 / HOUR)
        yield Line("prometheus_target_scrape_pool_exceeded_label_limits_total", pool, 0, 6 / HOUR)
        remote = {**at, "remote_name": "far", "url": "https://far.example/write"}
        yield Line("prometheus_remote_storage_queue_highest_timestamp_seconds", remote, now - 26 * HOUR, 1)
        yield Line("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", remote, now - 26 * HOUR - 900, 1)
        for name, value in (("shards_desired", 400), ("shards_max", 200)):
            yield Line(f"prometheus_remote_storage_{name}", remote, value)
        for name, rate in (("samples_failed_total", 5), ("samples_retried_total", 50)):
            yield Line(f"prometheus_remote_storage_{name}", remote, 0, rate)
        yield from histogram("prometheus_remote_storage_sent_batch_duration_seconds", 9.0, 5.0, **remote)


def operator() -> Iterator[Line]:
    at = {
        "job": "prometheus-operator",
        "namespace": "monitoring",
        "pod": "prometheus-operator-5d8f7c6b9-x2x7k",
        "instance": "10.244.0.30:8443",
        "controller": "prometheus",
    }
    for name, rate in (
        ("reconcile_errors_total", 1),
        ("reconcile_operations_total", 2),
        ("list_operations_failed_total", 1),
        ("watch_operations_failed_total", 1),
        ("node_address_lookup_errors_total", 1),
    ):
        yield Line(f"prometheus_operator_{name}", at, 0, rate)
    for state in ("rejected", "selected"):
        yield Line("prometheus_operator_managed_resources", {**at, "resource": "ServiceMonitor", "state": state}, 3)
    yield Line("prometheus_operator_syncs", {**at, "status": "failed"}, 1)
    yield Line("prometheus_operator_ready", at, 0)
    sidecar = {
        "job": "prometheus-k8s",
        "namespace": "monitoring",
        "pod": "prometheus-k8s-0",
        "container": "config-reloader",
        "instance": "10.244.0.20:8080",
    }
    yield Line("reloader_last_reload_successful", sidecar, 0)
    yield Line("reloader_reloads_failed_total", sidecar, 0, 30 / HOUR)


def alertmanager(now: float) -> Iterator[Line]:
    for number in (0, 1):
        at = {
            "job": "alertmanager-main",
            "namespace": "monitoring",
            "pod": f"alertmanager-main-{number}",
            "instance": f"10.244.0.4{number}:9093",
            "service": "alertmanager-main",
            "container": "alertmanager",
        }
        yield Line("up", at, float(number == 0))
        yield Line("process_start_time_seconds", at, now, 1 / 600)
        for name, value in (
            ("cluster_members", 1),
            ("cluster_failed_peers", 1),
            ("config_last_reload_successful", 0),
            ("config_hash", 1000 + number),
        ):
            yield Line(f"alertmanager_{name}", at, value)
        yield Line("alertmanager_alerts", {**at, "state": "active"}, 700)
        for integration, failed in (("webhook", 0.9), ("slack", 0.0)):
            way = {**at, "integration": integration}
            yield Line("alertmanager_notifications_total", way, 0, 1)
            yield Line("alertmanager_notifications_failed_total", {**way, "reason": "clientError"}, 0, failed)
            yield from histogram("alertmanager_notification_latency_seconds", 8.0, 1.0, **way)
