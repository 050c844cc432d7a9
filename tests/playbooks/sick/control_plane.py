"""The API server and etcd."""

from collections.abc import Iterator

from tests.playbooks.sick.line import HOUR, Line, histogram


def api_server(now: float) -> Iterator[Line]:
    for number in (1, 2):
        at = {"job": "apiserver", "instance": f"10.0.0.{number}:6443", "namespace": "default", "service": "kubernetes"}
        yield Line("up", at, float(number == 1))
        for code, rate in (("200", 90.0), ("504", 10.0)):
            yield Line("apiserver_request_total", {**at, "verb": "LIST", "resource": "pods", "code": code}, 0, rate)
        yield from histogram(
            "apiserver_request_duration_seconds",
            2.0,
            10.0,
            **at,
            verb="LIST",
            resource="pods",
            subresource="",
            scope="cluster",
        )
        yield from histogram(
            "apiserver_admission_webhook_admission_duration_seconds", 8.0, 1.0, **at, name="policy.example.org"
        )
        yield from histogram("etcd_request_duration_seconds", 0.4, 10.0, **at, operation="get", type="pods")
        yield Line("apiserver_current_inflight_requests", {**at, "request_kind": "readOnly"}, 390)
        yield Line(
            "apiserver_flowcontrol_rejected_requests_total",
            {**at, "priority_level": "workload-low", "reason": "queue-full", "flow_schema": "service-accounts"},
            0,
            3,
        )
        yield Line("rest_client_requests_total", {**at, "code": "503", "method": "GET", "host": "[::1]:6443"}, 0, 2)
        yield from histogram("apiserver_client_certificate_expiration_seconds", 2.0, 1.0, **at)
        yield Line("apiserver_client_certificate_expiration_seconds_bucket", {**at, "le": "604800"}, 0, 1)
        yield Line("aggregator_unavailable_apiservice", {**at, "name": "v1beta1.metrics.k8s.io"}, 1)
        yield Line(
            "aggregator_unavailable_apiservice_total",
            {**at, "name": "v1beta1.metrics.k8s.io", "reason": "MissingEndpoints"},
            0,
            0.2,
        )
        yield Line("kubernetes_build_info", {**at, "git_version": f"v1.3{number}.1"}, 1)
        yield Line("apiserver_storage_objects", {**at, "resource": "events"}, 90_000)
    manager = {
        "job": "kube-controller-manager",
        "instance": "10.0.0.1:10257",
        "namespace": "kube-system",
        "pod": "kube-scheduler-m1",
        "service": "kube-controller-manager",
    }
    yield Line("up", manager, 0)
    yield Line("workqueue_depth", {**manager, "name": "deployment"}, 300)
    # A lease whose holder wavers.
    yield Line("leader_election_master_status", {**manager, "name": "kube-scheduler"}, 0, 1 / HOUR)
    yield Line("process_start_time_seconds", manager, now - 900)


def etcd() -> Iterator[Line]:
    for number in (1, 2, 3):
        at = {
            "job": "kube-etcd",
            "instance": f"10.0.0.{number}:2381",
            "namespace": "kube-system",
            "pod": f"etcd-m{number}",
            "service": "kube-etcd",
        }
        yield Line("up", at, float(number != 3))
        yield Line("etcd_server_has_leader", at, float(number != 3))
        yield Line("etcd_server_leader_changes_seen_total", at, 0, 6 / HOUR)
        yield Line("etcd_server_proposals_failed_total", at, 0, 7)
        yield Line("etcd_server_proposals_pending", at, 40)
        yield Line("etcd_mvcc_db_total_size_in_bytes", at, 2.0 * 2**30)
        yield Line("etcd_mvcc_db_total_size_in_use_in_bytes", at, 0.5 * 2**30, 1000)
        yield Line("etcd_server_quota_backend_bytes", at, 2.1 * 2**30)
        yield Line("etcd_mvcc_put_total", at, 0, 300)
        yield from histogram("etcd_disk_wal_fsync_duration_seconds", 0.9, 20.0, **at)
        yield from histogram("etcd_disk_backend_commit_duration_seconds", 0.4, 20.0, **at)
        yield from histogram("etcd_network_peer_round_trip_time_seconds", 0.3, 20.0, **at, To=f"peer-{number}")
        call = {**at, "grpc_type": "unary", "grpc_method": "Range", "grpc_service": "etcdserverpb.KV"}
        yield from histogram("grpc_server_handling_seconds", 0.3, 50.0, **call)
        yield Line("grpc_server_handled_total", {**call, "grpc_code": "OK"}, 0, 90)
        yield Line("grpc_server_handled_total", {**call, "grpc_code": "Unavailable"}, 0, 10)
