"""Nodes as the state, node and kubelet exporters see them."""

from collections.abc import Iterator, Mapping

from tests.playbooks.sick.line import HOUR, NODES, Line, histogram, ksm


def nodes(now: float) -> Iterator[Line]:
    for node, address in NODES.items():
        yield from ksm("kube_node_info", 1, node=node, internal_ip=address, kubelet_version="v1.33.1")
        for condition, bad in (("Ready", False), ("MemoryPressure", True)):
            ill = node == "worker-2"
            truth = ill if bad else not ill
            yield from ksm("kube_node_status_condition", float(truth), node=node, condition=condition, status="true")
            yield from ksm(
                "kube_node_status_condition", float(not truth), node=node, condition=condition, status="false"
            )
        yield from ksm("kube_node_spec_unschedulable", 1, node=node)
        yield from ksm("kube_node_spec_taint", 1, node=node, key="node.kubernetes.io/unreachable", effect="NoSchedule")
        for resource, value in (("cpu", 4), ("memory", 2**34), ("pods", 110)):
            yield from ksm("kube_node_status_allocatable", value, node=node, resource=resource)
            yield from ksm("kube_node_status_capacity", value, node=node, resource=resource)
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


def kubelets() -> Iterator[Line]:
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
        yield from histogram("kubelet_pleg_relist_duration_seconds", 9.0, 1.0, **at)
        yield from histogram("kubelet_runtime_operations_duration_seconds", 2.0, 1.0, **at, operation_type="pull_image")
        yield from histogram("kubelet_pod_worker_duration_seconds", 50.0, 1.0, **at, operation_type="sync")
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
