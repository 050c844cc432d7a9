"""Databases, ways in, certificates and whatever else stands around."""

from collections.abc import Iterator

from tests.playbooks.sick.line import HOUR, OTHER, POD, Line, histogram


def around(now: float) -> Iterator[Line]:
    web = {"job": "checkout", "namespace": "shop", "service": "checkout"}
    for pod, works in ((POD, 0.0), (OTHER, 1.0)):
        target = {**web, "pod": pod, "instance": f"10.244.1.{int(works)}:8080"}
        yield Line("up", target, works)
        yield Line("scrape_duration_seconds", target, 10)
        yield Line("scrape_samples_post_metric_relabeling", target, 40_000)
    for name in ("CheckoutSlow", "KubePodCrashLooping"):
        yield Line(
            "ALERTS",
            {
                "alertname": name,
                "alertstate": "firing",
                "severity": "critical",
                "namespace": "shop",
                "node": "worker-2",
            },
            1,
        )
    ksm = {"job": "kube-state-metrics", "instance": "10.244.0.11:8081", "resource": "*v1.Pod"}
    yield Line("up", ksm, 1)
    for what in ("list", "watch"):
        for result in ("success", "error"):
            yield Line(f"kube_state_metrics_{what}_total", {**ksm, "result": result}, 0, 1)
    yield Line("kube_state_metrics_total_shards", ksm, 2)
    yield Line("kube_state_metrics_shard_ordinal", {**ksm, "shard_ordinal": "0"}, 0)
    grafana = {
        "job": "grafana",
        "namespace": "monitoring",
        "pod": "grafana-6d8f7c6b9-x2x7k",
        "handler": "/api/dashboards/uid/:uid",
    }
    yield from histogram("grafana_http_request_duration_seconds", 2.0, 5.0, **grafana, status_code="500")
    yield Line("grafana_datasource_request_total", {**grafana, "datasource": "prometheus", "code": "502"}, 0, 1)
    database = {
        "job": "postgres",
        "instance": "cart-db.shop.svc:5432",
        "namespace": "shop",
        "service": "cart-db-metrics",
        "server": "cart-db:5432",
    }
    yield Line("pg_up", database, 1)
    yield Line("pg_settings_max_connections", database, 100)
    yield Line("pg_stat_activity_count", {**database, "datname": "cart", "state": "active", "usename": "cart"}, 60)
    yield Line(
        "pg_stat_activity_count", {**database, "datname": "cart", "state": "idle in transaction", "usename": "cart"}, 36
    )
    yield Line("pg_stat_activity_max_tx_duration", {**database, "datname": "cart", "state": "active"}, 1800)
    yield Line("pg_stat_database_deadlocks", {**database, "datname": "cart"}, 0, 12 / HOUR)
    yield Line("pg_replication_lag_seconds", database, 90)
    yield from _edge(now)


def _edge(now: float) -> Iterator[Line]:
    for pod in ("ingress-nginx-controller-a", "ingress-nginx-controller-b"):
        at = {"job": "ingress-nginx", "namespace": "ingress", "controller_pod": pod, "pod": pod}
        served = {**at, "exported_namespace": "shop", "ingress": "checkout", "exported_service": "checkout"}
        for status, rate in (("200", 9.0), ("502", 1.0)):
            yield Line("nginx_ingress_controller_requests", {**served, "status": status}, 0, rate)
        yield from histogram("nginx_ingress_controller_response_duration_seconds", 2.0, 10.0, **served)
        yield Line("nginx_ingress_controller_config_last_reload_successful", at, 0)
        yield Line("nginx_ingress_controller_ssl_expire_time_seconds", {**at, "host": "shop.example"}, now + 100_000)
    issuer = {"job": "cert-manager", "namespace": "cert-manager", "instance": "10.244.0.50:9402"}
    certificate = {**issuer, "name": "shop-tls", "exported_namespace": "shop"}
    yield Line("certmanager_certificate_expiration_timestamp_seconds", certificate, now + 100_000)
    yield Line("certmanager_certificate_ready_status", {**certificate, "condition": "False"}, 1)
    yield Line("certmanager_http_acme_client_request_count", {**issuer, "host": "acme.example", "status": "429"}, 0, 1)
    yield Line("certmanager_controller_sync_error_count", {**issuer, "controller": "certificates-issuing"}, 0, 1)
