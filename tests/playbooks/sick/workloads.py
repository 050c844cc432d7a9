"""Pods, what owns them, and what they use."""

from collections.abc import Iterator

from tests.playbooks.sick.line import HOUR, JOB, NODES, OTHER, POD, PODS, Line, ksm


def workloads() -> Iterator[Line]:
    for pod, node in PODS.items():
        shop = {"namespace": "shop", "pod": pod, "uid": f"uid-{pod}"}
        sick = pod != OTHER
        yield from ksm("kube_pod_info", 1, **shop, node=node, host_ip=NODES[node], pod_ip="10.244.1.9")
        yield from ksm("kube_pod_status_ready", float(not sick), **shop, condition="true")
        yield from ksm("kube_pod_status_ready", float(sick), **shop, condition="false")
        for phase in ("Running", "Pending", "Failed"):
            yield from ksm("kube_pod_status_phase", float(phase == "Running"), **shop, phase=phase)
        yield from ksm("kube_pod_status_unschedulable", float(pod == POD), **shop)
        server = {**shop, "container": "server"}
        gains = 6 / HOUR if pod == POD else 0.0
        yield from ksm("kube_pod_container_status_restarts_total", 0, gains, **server)
        yield from ksm("kube_pod_container_status_last_terminated_reason", 1, **server, reason="OOMKilled")
        yield from ksm("kube_pod_container_status_last_terminated_exitcode", 137, **server)
        yield from ksm("kube_pod_container_status_terminated_reason", 1, **server, reason="Error")
        yield from ksm("kube_pod_container_status_waiting_reason", float(sick), **server, reason="CrashLoopBackOff")
        yield from ksm(
            "kube_pod_init_container_status_waiting_reason", 1, **shop, container="init", reason="PodInitializing"
        )
        for kind, unit, request, limit in (("cpu", "core", 0.25, 0.5), ("memory", "byte", 200 * 2**20, 256 * 2**20)):
            of_node = {**server, "node": node, "resource": kind, "unit": unit}
            yield from ksm("kube_pod_container_resource_requests", request, **of_node)
            yield from ksm("kube_pod_container_resource_limits", limit, **of_node)
        yield from ksm(
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
        yield from ksm("kube_pod_status_ready", float(pod != "kube-scheduler-m1"), **at, condition="true")
        yield from ksm("kube_pod_info", 1, **at, node="worker-2", host_ip=NODES["worker-2"])
        yield from ksm("kube_pod_status_phase", 1, **at, phase="Running")
        yield from ksm("kube_pod_status_phase", 2, **at, phase="Pending")
        yield from ksm("kube_pod_container_status_restarts_total", 0, 2 / HOUR, **at, container="main")


def objects(now: float) -> Iterator[Line]:
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
        yield from ksm(f"kube_deployment_{name}", value, **checkout)
    yield from ksm("kube_deployment_status_condition", 1, **checkout, condition="Progressing", status="false")
    database = {"namespace": "shop", "statefulset": "cart-db"}
    for name, value in (
        ("replicas", 3),
        ("status_replicas_ready", 2),
        ("status_replicas_updated", 1),
        ("metadata_generation", 7),
        ("status_observed_generation", 6),
    ):
        yield from ksm(f"kube_statefulset_{name}", value, **database)
    agent = {"namespace": "shop", "daemonset": "log-agent"}
    for name, value in (
        ("status_number_unavailable", 1),
        ("status_desired_number_scheduled", 4),
        ("status_current_number_scheduled", 3),
        ("status_number_misscheduled", 1),
        ("status_updated_number_scheduled", 2),
        ("status_number_available", 3),
    ):
        yield from ksm(f"kube_daemonset_{name}", value, **agent)
    job = {"namespace": "shop", "job_name": JOB}
    yield from ksm("kube_job_status_failed", 1, **job, reason="BackoffLimitExceeded")
    yield from ksm("kube_job_failed", 1, **job, condition="true")
    for name, value in (
        ("status_start_time", now - 13 * HOUR),
        ("status_succeeded", 1),
        ("spec_completions", 4),
        ("status_active", 1),
    ):
        yield from ksm(f"kube_job_{name}", value, **job)
    scaler = {"namespace": "shop", "horizontalpodautoscaler": "checkout"}
    for name, value in (("status_desired_replicas", 10), ("status_current_replicas", 10), ("spec_max_replicas", 10)):
        yield from ksm(f"kube_horizontalpodautoscaler_{name}", value, **scaler)
    cpu = {**scaler, "metric_name": "cpu", "metric_target_type": "utilization"}
    yield from ksm("kube_horizontalpodautoscaler_status_target_metric", 140, **cpu)
    yield from ksm("kube_horizontalpodautoscaler_spec_target_metric", 70, **cpu)
    yield from ksm(
        "kube_horizontalpodautoscaler_status_condition", 1, **scaler, condition="ScalingLimited", status="true"
    )
    yield from ksm(
        "kube_horizontalpodautoscaler_info",
        1,
        **scaler,
        scaletargetref_kind="Deployment",
        scaletargetref_name="checkout",
    )
    budget = {"namespace": "shop", "poddisruptionbudget": "checkout"}
    for name, value in (("desired_healthy", 2), ("current_healthy", 1), ("expected_pods", 2)):
        yield from ksm(f"kube_poddisruptionbudget_status_{name}", value, **budget)
    for resource, used, hard in (("requests.cpu", 4.0, 4.0), ("requests.memory", 3 * 2**30, 4 * 2**30)):
        quota = {"namespace": "shop", "resourcequota": "compute", "resource": resource}
        yield from ksm("kube_resourcequota", used, **quota, type="used")
        yield from ksm("kube_resourcequota", hard, **quota, type="hard")
    claim = {"namespace": "shop", "persistentvolumeclaim": "data-cart-db-0"}
    yield from ksm("kube_persistentvolumeclaim_status_phase", 1, **claim, phase="Bound")
    yield from ksm("kube_persistentvolumeclaim_resource_requests_storage_bytes", 10 * 2**30, **claim)
    yield from ksm("kube_persistentvolume_status_phase", 1, persistentvolume="pv-1", phase="Failed")
    yield from ksm(
        "kube_persistentvolume_claim_ref", 1, persistentvolume="pv-1", claim_namespace="shop", name="data-cart-db-0"
    )
    yield from ksm("kube_persistentvolume_info", 1, persistentvolume="pv-1", storageclass="fast")


def usage() -> Iterator[Line]:
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
