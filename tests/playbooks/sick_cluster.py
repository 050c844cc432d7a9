"""The series of a cluster in which everything that the usual rules look for is wrong, with exporters' real label sets.

Each series is a straight line: its value 26 hours ago and what it gains a second since then. kube-state-metrics has
just been replaced, so each of its series is there twice: what joins them carelessly matches many to many.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

HOUR = 3600.0
POD, OTHER = "checkout-7d9f8b6c5-x2x7k", "checkout-7d9f8b6c5-b4c8d"
JOB = "nightly-28471920"
BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 60.0)
NODES = {"worker-1": "10.0.3.16", "worker-2": "10.0.3.17"}
PODS = {
    POD: "worker-2",
    OTHER: "worker-1",
    "cart-db-0": "worker-2",
    "log-agent-x2x7k": "worker-2",
    f"{JOB}-zzzzz": "worker-2",
}


@dataclass(frozen=True)
class Line:
    """One series: `start` 26 hours ago, `slope` more each second."""

    name: str
    labels: Mapping[str, str]
    start: float
    slope: float = 0.0


def sick_cluster(now: float) -> Iterator[Line]:
    """All series; `now` in unix seconds, for those whose values are times."""
    yield from _workloads()
    yield from _objects(now)
    yield from _usage()
    yield from _nodes(now)
    yield from _kubelets()
    yield from _api_server(now)
    yield from _etcd()
    yield from _prometheus(now)
    yield from _operator()
    yield from _alertmanager(now)
    yield from _around(now)


def _ksm(name: str, start: float, slope: float = 0.0, /, **labels: str) -> Iterator[Line]:
    for instance in ("10.244.0.11:8080", "10.244.0.12:8080"):
        yield Line(name, {"job": "kube-state-metrics", "instance": instance, **labels}, start, slope)


def _histogram(name: str, seconds: float, per_second: float, /, **labels: str) -> Iterator[Line]:
    """All observations fall into the bucket that holds `seconds`."""
    for bound in BUCKETS:
        yield Line(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, 0.0, per_second if seconds <= bound else 0.0)
    yield Line(f"{name}_bucket", {**labels, "le": "+Inf"}, 0.0, per_second)
    yield Line(f"{name}_count", labels, 0.0, per_second)


def _workloads() -> Iterator[Line]:
    for pod, node in PODS.items():
        shop = {"namespace": "shop", "pod": pod, "uid": f"uid-{pod}"}
        sick = pod != OTHER
        yield from _ksm("kube_pod_info", 1, **shop, node=node, host_ip=NODES[node], pod_ip="10.244.1.9")
        yield from _ksm("kube_pod_status_ready", float(not sick), **shop, condition="true")
        yield from _ksm("kube_pod_status_ready", float(sick), **shop, condition="false")
        for phase in ("Running", "Pending", "Failed"):
            yield from _ksm("kube_pod_status_phase", float(phase == "Running"), **shop, phase=phase)
        yield from _ksm("kube_pod_status_unschedulable", float(pod == POD), **shop)
        server = {**shop, "container": "server"}
        gains = 6 / HOUR if pod == POD else 0.0
        yield from _ksm("kube_pod_container_status_restarts_total", 0, gains, **server)
        yield from _ksm("kube_pod_container_status_last_terminated_reason", 1, **server, reason="OOMKilled")
        yield from _ksm("kube_pod_container_status_last_terminated_exitcode", 137, **server)
        yield from _ksm("kube_pod_container_status_terminated_reason", 1, **server, reason="Error")
        yield from _ksm("kube_pod_container_status_waiting_reason", float(sick), **server, reason="CrashLoopBackOff")
        yield from _ksm(
            "kube_pod_init_container_status_waiting_reason", 1, **shop, container="init", reason="PodInitializing"
        )
        for kind, unit, request, limit in (("cpu", "core", 0.25, 0.5), ("memory", "byte", 200 * 2**20, 256 * 2**20)):
            of_node = {**server, "node": node, "resource": kind, "unit": unit}
            yield from _ksm("kube_pod_container_resource_requests", request, **of_node)
            yield from _ksm("kube_pod_container_resource_limits", limit, **of_node)
        yield from _ksm(
            "kube_pod_spec_volumes_persistentvolumeclaims_info",
            1,
            **shop,
            volume="data",
            persistentvolumeclaim="data-cart-db-0",
        )
    for pod, place in (
        ("alertmanager-main-0", "monitoring"),
        ("kube-scheduler-m1", "kube-system"),
        ("metrics-server-5d8f7c6b9-x2x7k", "kube-system"),
        ("node-exporter-6hx2c", "monitoring"),
        ("prometheus-k8s-0", "monitoring"),
        ("grafana-6d8f7c6b9-x2x7k", "monitoring"),
    ):
        at = {"namespace": place, "pod": pod, "uid": f"uid-{pod}"}
        yield from _ksm("kube_pod_status_ready", float(pod != "kube-scheduler-m1"), **at, condition="true")
        yield from _ksm("kube_pod_info", 1, **at, node="worker-2", host_ip=NODES["worker-2"])
        yield from _ksm("kube_pod_status_phase", 1, **at, phase="Running")
        yield from _ksm("kube_pod_status_phase", 2, **at, phase="Pending")
        yield from _ksm("kube_pod_container_status_restarts_total", 0, 2 / HOUR, **at, container="main")


def _objects(now: float) -> Iterator[Line]:
    checkout = {"namespace": "shop", "deployment": "checkout"}
    for name, value in (
        ("spec_replicas", 2),
        ("status_replicas_updated", 1),
        ("status_replicas_unavailable", 1),
        ("status_replicas_available", 1),
        ("metadata_generation", 42),
        ("status_observed_generation", 41),
        ("created", 1),
    ):
        yield from _ksm(f"kube_deployment_{name}", value, **checkout)
    yield from _ksm("kube_deployment_status_condition", 1, **checkout, condition="Progressing", status="false")
    database = {"namespace": "shop", "statefulset": "cart-db"}
    for name, value in (
        ("replicas", 3),
        ("status_replicas_ready", 2),
        ("status_replicas_updated", 1),
        ("metadata_generation", 7),
        ("status_observed_generation", 6),
    ):
        yield from _ksm(f"kube_statefulset_{name}", value, **database)
    agent = {"namespace": "shop", "daemonset": "log-agent"}
    for name, value in (
        ("status_number_unavailable", 1),
        ("status_desired_number_scheduled", 4),
        ("status_current_number_scheduled", 3),
        ("status_number_misscheduled", 1),
        ("status_updated_number_scheduled", 2),
        ("status_number_available", 3),
    ):
        yield from _ksm(f"kube_daemonset_{name}", value, **agent)
    job = {"namespace": "shop", "job_name": JOB}
    yield from _ksm("kube_job_status_failed", 1, **job, reason="BackoffLimitExceeded")
    yield from _ksm("kube_job_failed", 1, **job, condition="true")
    for name, value in (
        ("status_start_time", now - 13 * HOUR),
        ("status_succeeded", 1),
        ("spec_completions", 4),
        ("status_active", 1),
    ):
        yield from _ksm(f"kube_job_{name}", value, **job)
    scaler = {"namespace": "shop", "horizontalpodautoscaler": "checkout"}
    for name, value in (("status_desired_replicas", 10), ("status_current_replicas", 10), ("spec_max_replicas", 10)):
        yield from _ksm(f"kube_horizontalpodautoscaler_{name}", value, **scaler)
    cpu = {**scaler, "metric_name": "cpu", "metric_target_type": "utilization"}
    yield from _ksm("kube_horizontalpodautoscaler_status_target_metric", 140, **cpu)
    yield from _ksm("kube_horizontalpodautoscaler_spec_target_metric", 70, **cpu)
    yield from _ksm(
        "kube_horizontalpodautoscaler_status_condition", 1, **scaler, condition="ScalingLimited", status="true"
    )
    yield from _ksm(
        "kube_horizontalpodautoscaler_info",
        1,
        **scaler,
        scaletargetref_kind="Deployment",
        scaletargetref_name="checkout",
    )
    budget = {"namespace": "shop", "poddisruptionbudget": "checkout"}
    for name, value in (("desired_healthy", 2), ("current_healthy", 1), ("expected_pods", 2)):
        yield from _ksm(f"kube_poddisruptionbudget_status_{name}", value, **budget)
    for resource, used, hard in (("requests.cpu", 4.0, 4.0), ("requests.memory", 3 * 2**30, 4 * 2**30)):
        quota = {"namespace": "shop", "resourcequota": "compute", "resource": resource}
        yield from _ksm("kube_resourcequota", used, **quota, type="used")
        yield from _ksm("kube_resourcequota", hard, **quota, type="hard")
    claim = {"namespace": "shop", "persistentvolumeclaim": "data-cart-db-0"}
    yield from _ksm("kube_persistentvolumeclaim_status_phase", 1, **claim, phase="Bound")
    yield from _ksm("kube_persistentvolumeclaim_resource_requests_storage_bytes", 10 * 2**30, **claim)
    yield from _ksm("kube_persistentvolume_status_phase", 1, persistentvolume="pv-1", phase="Failed")
    yield from _ksm(
        "kube_persistentvolume_claim_ref", 1, persistentvolume="pv-1", claim_namespace="shop", name="data-cart-db-0"
    )
    yield from _ksm("kube_persistentvolume_info", 1, persistentvolume="pv-1", storageclass="fast")


def _usage() -> Iterator[Line]:
    for pod, node in PODS.items():
        cadvisor = {
            "job": "kubelet",
            "metrics_path": "/metrics/cadvisor",
            "instance": f"{NODES[node]}:10250",
            "node": node,
        }
        container = {
            **cadvisor,
            "namespace": "shop",
            "pod": pod,
            "container": "server",
            "image": "shop/server:1",
            "id": f"/kubepods/{pod}",
        }
        yield Line("container_memory_working_set_bytes", container, 230 * 2**20)
        yield Line("container_cpu_usage_seconds_total", container, 0, 0.45)
        yield Line("container_cpu_cfs_throttled_seconds_total", container, 0, 0.3)
        yield Line("container_cpu_cfs_throttled_periods_total", container, 0, 6)
        yield Line("container_cpu_cfs_periods_total", container, 0, 10)
        yield Line("container_fs_usage_bytes", {**container, "device": "/dev/vda1"}, 2**30)
        yield Line("container_fs_writes_bytes_total", {**container, "device": "/dev/vda1"}, 0, 2**20)
        yield Line("container_file_descriptors", container, 900)
        yield Line("http_requests_total", {"namespace": "shop", "pod": pod, "service": "checkout", "code": "200"}, 0, 9)
        yield Line("http_requests_total", {"namespace": "shop", "pod": pod, "service": "checkout", "code": "500"}, 0, 1)


def _nodes(now: float) -> Iterator[Line]:
    for node, address in NODES.items():
        yield from _ksm("kube_node_info", 1, node=node, internal_ip=address, kubelet_version="v1.33.1")
        for condition, bad in (("Ready", False), ("MemoryPressure", True)):
            ill = node == "worker-2"
            truth = ill if bad else not ill
            yield from _ksm("kube_node_status_condition", float(truth), node=node, condition=condition, status="true")
            yield from _ksm(
                "kube_node_status_condition", float(not truth), node=node, condition=condition, status="false"
            )
        yield from _ksm("kube_node_spec_unschedulable", 1, node=node)
        yield from _ksm("kube_node_spec_taint", 1, node=node, key="node.kubernetes.io/unreachable", effect="NoSchedule")
        for resource, value in (("cpu", 4), ("memory", 2**34), ("pods", 110)):
            yield from _ksm("kube_node_status_allocatable", value, node=node, resource=resource)
            yield from _ksm("kube_node_status_capacity", value, node=node, resource=resource)
        at = {
            "job": "node-exporter",
            "instance": f"{address}:9100",
            "namespace": "monitoring",
            "pod": "node-exporter-6hx2c",
        }
        yield Line("up", at, 1)
        yield from _node_exporter(at, node, now)


def _node_exporter(at: Mapping[str, str], node: str, now: float) -> Iterator[Line]:
    gauges = {
        "node_memory_MemAvailable_bytes": 0.5 * 2**30,
        "node_memory_MemTotal_bytes": 16 * 2**30,
        "node_load1": 12,
        "node_procs_blocked": 7,
        "node_processes_threads": 900,
        "node_processes_max_threads": 1000,
        "node_boot_time_seconds": now - 500,
        "node_timex_offset_seconds": -0.2,
        "node_timex_sync_status": 0,
        "node_timex_maxerror_seconds": 16,
        "node_filefd_allocated": 800,
        "node_filefd_maximum": 1000,
        "node_nf_conntrack_entries": 240_000,
        "node_nf_conntrack_entries_limit": 262_144,
        "node_sockstat_TCP_tw": 20_000,
        "node_sockstat_TCP_inuse": 300,
        "node_textfile_scrape_error": 1,
    }
    yield from (Line(name, at, value) for name, value in gauges.items())
    yield Line("node_uname_info", {**at, "nodename": node, "release": "6.1"}, 1)
    disk = {**at, "device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
    # 30 GiB a day ago, and 1 GiB left now.
    yield Line("node_filesystem_avail_bytes", disk, 30 * 2**30, -29 * 2**30 / (26 * HOUR))
    yield Line("node_filesystem_size_bytes", disk, 50 * 2**30)
    yield Line("node_filesystem_files_free", disk, 1_000_000, -960_000 / (26 * HOUR))
    yield Line("node_filesystem_files", disk, 3_000_000)
    rates = {
        "node_vmstat_pgmajfault": 700,
        "node_vmstat_oom_kill": 3 / HOUR,
        "node_pressure_memory_stalled_seconds_total": 0.2,
        "node_pressure_cpu_waiting_seconds_total": 0.6,
    }
    yield from (Line(name, at, 0, rate) for name, rate in rates.items())
    for cpu in ("0", "1", "2", "3"):
        yield Line("node_cpu_seconds_total", {**at, "cpu": cpu, "mode": "idle"}, 0, 0.04)
        yield Line("node_cpu_seconds_total", {**at, "cpu": cpu, "mode": "user"}, 0, 0.9)
    device = {**at, "device": "vda"}
    for name, rate in (
        ("io_time_weighted_seconds_total", 14),
        ("io_time_seconds_total", 0.99),
        ("write_time_seconds_total", 8),
        ("writes_completed_total", 100),
        ("written_bytes_total", 2**24),
        ("read_bytes_total", 2**22),
    ):
        yield Line(f"node_disk_{name}", device, 0, rate)
    card = {**at, "device": "eth0"}
    for name, rate in (
        ("receive_errs_total", 30),
        ("transmit_errs_total", 10),
        ("receive_packets_total", 1000),
        ("transmit_packets_total", 1000),
        ("receive_drop_total", 5),
        ("transmit_drop_total", 1),
        ("carrier_changes_total", 8 / HOUR),
    ):
        yield Line(f"node_network_{name}", card, 0, rate)
    yield Line("node_bonding_slaves", {**at, "master": "bond0"}, 2)
    yield Line("node_bonding_active", {**at, "master": "bond0"}, 1)
    for state, count in (("active", 1), ("failed", 1)):
        yield Line("node_md_disks", {**at, "device": "md0", "state": state}, count)
    yield Line("node_md_blocks_synced", {**at, "device": "md0"}, 500)
    yield Line("node_md_blocks", {**at, "device": "md0"}, 1000)
    yield Line("node_systemd_unit_state", {**at, "name": "backup.service", "state": "failed", "type": "simple"}, 1)
    yield Line("node_systemd_service_restart_total", {**at, "name": "backup.service"}, 0, 30 / HOUR)
    yield Line("node_textfile_mtime_seconds", {**at, "file": "/metrics/backup.prom"}, now - 7 * HOUR)


def _kubelets() -> Iterator[Line]:
    for node, address in NODES.items():
        at = {
            "job": "kubelet",
            "metrics_path": "/metrics",
            "instance": f"{address}:10250",
            "node": node,
            "namespace": "kube-system",
            "service": "kubelet",
            "endpoint": "https-metrics",
        }
        yield Line("up", at, float(node == "worker-1"))
        yield Line("kubelet_node_name", at, 1)
        yield Line("kubelet_runtime_operations_errors_total", {**at, "operation_type": "start_container"}, 0, 0.4)
        yield Line("kubelet_evictions", {**at, "eviction_signal": "memory.available"}, 0, 5 / HOUR)
        yield Line("kubelet_running_containers", {**at, "container_state": "exited"}, 4000)
        yield Line("kubelet_certificate_manager_client_ttl_seconds", at, 3 * 24 * HOUR)
        yield Line("kubelet_certificate_manager_server_ttl_seconds", at, 3 * 24 * HOUR)
        yield Line("kubelet_certificate_manager_client_expiration_renew_errors", at, 0, 12 / HOUR)
        yield Line("kubelet_server_expiration_renew_errors", at, 0, 12 / HOUR)
        yield from _histogram("kubelet_pleg_relist_duration_seconds", 9.0, 1.0, **at)
        yield from _histogram(
            "kubelet_runtime_operations_duration_seconds", 2.0, 1.0, **at, operation_type="pull_image"
        )
        yield from _histogram("kubelet_pod_worker_duration_seconds", 50.0, 1.0, **at, operation_type="sync")
        yield Line(
            "storage_operation_duration_seconds_count",
            {**at, "operation_name": "volume_attach", "volume_plugin": "csi", "status": "fail-unknown"},
            0,
            0.1,
        )
    volume = {
        "job": "kubelet",
        "metrics_path": "/metrics",
        "instance": "10.0.3.17:10250",
        "node": "worker-2",
        "namespace": "shop",
        "persistentvolumeclaim": "data-cart-db-0",
    }
    yield Line("kubelet_volume_stats_available_bytes", volume, 5 * 2**30, -4.8 * 2**30 / (26 * HOUR))
    yield Line("kubelet_volume_stats_used_bytes", volume, 5 * 2**30, 4.8 * 2**30 / (26 * HOUR))
    yield Line("kubelet_volume_stats_capacity_bytes", volume, 10 * 2**30)
    yield Line("kubelet_volume_stats_inodes_free", volume, 9000, -8000 / (26 * HOUR))
    yield Line("kubelet_volume_stats_inodes", volume, 10_000)
    yield Line("kubelet_volume_stats_inodes_used", volume, 1000, 8000 / (26 * HOUR))
    own = {**volume, "namespace": "monitoring", "persistentvolumeclaim": "prometheus-db"}
    yield Line("kubelet_volume_stats_available_bytes", own, 2**30)
    yield Line("kubelet_volume_stats_capacity_bytes", own, 100 * 2**30)


def _api_server(now: float) -> Iterator[Line]:
    for number in (1, 2):
        at = {"job": "apiserver", "instance": f"10.0.0.{number}:6443", "namespace": "default", "service": "kubernetes"}
        yield Line("up", at, float(number == 1))
        for code, rate in (("200", 90.0), ("504", 10.0)):
            yield Line("apiserver_request_total", {**at, "verb": "LIST", "resource": "pods", "code": code}, 0, rate)
        yield from _histogram(
            "apiserver_request_duration_seconds",
            2.0,
            10.0,
            **at,
            verb="LIST",
            resource="pods",
            subresource="",
            scope="cluster",
        )
        yield from _histogram(
            "apiserver_admission_webhook_admission_duration_seconds", 8.0, 1.0, **at, name="policy.example.org"
        )
        yield from _histogram("etcd_request_duration_seconds", 0.4, 10.0, **at, operation="get", type="pods")
        yield Line("apiserver_current_inflight_requests", {**at, "request_kind": "readOnly"}, 390)
        yield Line(
            "apiserver_flowcontrol_rejected_requests_total",
            {**at, "priority_level": "workload-low", "reason": "queue-full", "flow_schema": "service-accounts"},
            0,
            3,
        )
        yield Line("rest_client_requests_total", {**at, "code": "503", "method": "GET", "host": "[::1]:6443"}, 0, 2)
        yield from _histogram("apiserver_client_certificate_expiration_seconds", 2.0, 1.0, **at)
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


def _etcd() -> Iterator[Line]:
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
        yield from _histogram("etcd_disk_wal_fsync_duration_seconds", 0.9, 20.0, **at)
        yield from _histogram("etcd_disk_backend_commit_duration_seconds", 0.4, 20.0, **at)
        yield from _histogram("etcd_network_peer_round_trip_time_seconds", 0.3, 20.0, **at, To=f"peer-{number}")
        call = {**at, "grpc_type": "unary", "grpc_method": "Range", "grpc_service": "etcdserverpb.KV"}
        yield from _histogram("grpc_server_handling_seconds", 0.3, 50.0, **call)
        yield Line("grpc_server_handled_total", {**call, "grpc_code": "OK"}, 0, 90)
        yield Line("grpc_server_handled_total", {**call, "grpc_code": "Unavailable"}, 0, 10)


def _prometheus(now: float) -> Iterator[Line]:
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
        yield from _histogram("prometheus_remote_storage_sent_batch_duration_seconds", 9.0, 5.0, **remote)


def _operator() -> Iterator[Line]:
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


def _alertmanager(now: float) -> Iterator[Line]:
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
            yield from _histogram("alertmanager_notification_latency_seconds", 8.0, 1.0, **way)


def _around(now: float) -> Iterator[Line]:
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
    yield from _histogram("grafana_http_request_duration_seconds", 2.0, 5.0, **grafana, status_code="500")
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
        yield from _histogram("nginx_ingress_controller_response_duration_seconds", 2.0, 10.0, **served)
        yield Line("nginx_ingress_controller_config_last_reload_successful", at, 0)
        yield Line("nginx_ingress_controller_ssl_expire_time_seconds", {**at, "host": "shop.example"}, now + 100_000)
    issuer = {"job": "cert-manager", "namespace": "cert-manager", "instance": "10.244.0.50:9402"}
    certificate = {**issuer, "name": "shop-tls", "exported_namespace": "shop"}
    yield Line("certmanager_certificate_expiration_timestamp_seconds", certificate, now + 100_000)
    yield Line("certmanager_certificate_ready_status", {**certificate, "condition": "False"}, 1)
    yield Line("certmanager_http_acme_client_request_count", {**issuer, "host": "acme.example", "status": "429"}, 0, 1)
    yield Line("certmanager_controller_sync_error_count", {**issuer, "controller": "certificates-issuing"}, 0, 1)


def openmetrics(lines: Iterable[Line], now: float) -> Iterator[str]:
    """The series as text for promtool: two hours up to now, and the same two hours of a day before."""
    by_name = sorted(lines, key=lambda line: line.name)
    begun = now - 26 * HOUR
    moments = [begun + step for step in range(0, int(2 * HOUR) + 1, 60)] + [
        now - 2 * HOUR + step for step in range(0, int(2 * HOUR) + 1, 60)
    ]
    for line in by_name:
        labels = ",".join(f'{name}="{value}"' for name, value in line.labels.items())
        for at in moments:
            yield f"{line.name}{{{labels}}} {line.start + line.slope * (at - begun):.9g} {at:.3f}"
    yield "# EOF"
