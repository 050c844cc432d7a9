"""An alert is about what is sick, never about what measured it."""

from datetime import timedelta

import pytest

from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.subject import Subject
from app.ingest.pods import workload_of_pod, workload_of_replica_set
from app.ingest.subject import SUBJECTS_KEPT, subject_of, subjects
from tests.ingest.bodies import NOW

KUBE_STATE_METRICS = {
    "job": "kube-state-metrics",
    "pod": "robusta-kube-state-metrics-8667fd9775-dmqfj",
    "container": "kube-state-metrics",
    "service": "robusta-kube-state-metrics",
    "endpoint": "http",
    "instance": "10.244.0.11:8080",
    "namespace": "shop",
}
NODE_EXPORTER = {
    "job": "node-exporter",
    "pod": "node-exporter-6hx2c",
    "container": "kube-rbac-proxy",
    "service": "node-exporter",
    "instance": "10.0.3.17:9100",
    "namespace": "monitoring",
}
KUBELET = {
    "job": "kubelet",
    "service": "kubelet",
    "endpoint": "https-metrics",
    "instance": "10.0.3.17:10250",
    "namespace": "kube-system",
}


def alert(name: str = "SomethingWrong", status: AlertStatus = AlertStatus.FIRING, **labels: str) -> Alert:
    every = {"alertname": name} | labels
    return Alert(f"{hash(tuple(every.items())):016x}", status, every, {}, NOW - timedelta(minutes=5), None)


def group(*alerts: Alert) -> AlertGroup:
    return AlertGroup("alertmanager", "prod", "r", "{}:{}", b"", AlertStatus.FIRING, 0, {}, "", alerts)


def told(alertname: str = "SomethingWrong", **labels: str) -> tuple[str, str, str]:
    subject = subject_of(alert(alertname, **labels), "prod")
    return subject.namespace, subject.kind, subject.name


@pytest.mark.parametrize(
    ("labels", "kind", "name"),
    [
        ({"deployment": "checkout"}, "Deployment", "checkout"),
        ({"statefulset": "cart-db"}, "StatefulSet", "cart-db"),
        ({"daemonset": "log-agent"}, "DaemonSet", "log-agent"),
        ({"replicaset": "checkout-7d9f8b6c5"}, "Deployment", "checkout"),
        ({"cronjob": "nightly"}, "CronJob", "nightly"),
        ({"job_name": "nightly-28471920"}, "Job", "nightly-28471920"),
        ({"horizontalpodautoscaler": "checkout"}, "HorizontalPodAutoscaler", "checkout"),
        ({"poddisruptionbudget": "checkout"}, "PodDisruptionBudget", "checkout"),
        ({"persistentvolumeclaim": "data-cart-db-0"}, "PersistentVolumeClaim", "data-cart-db-0"),
        ({"workload": "cart-db", "workload_type": "statefulset"}, "StatefulSet", "cart-db"),
        ({"workload": "checkout"}, "Deployment", "checkout"),
        ({"owner_kind": "ReplicaSet", "owner_name": "checkout-7d9f8b6c5"}, "Deployment", "checkout"),
        ({"exported_pod": "checkout-7d9f8b6c5-x2x7k"}, "Deployment", "checkout"),
    ],
)
@pytest.mark.parametrize("exporter", [{"namespace": "shop"}, KUBE_STATE_METRICS], ids=["bare", "kube-state-metrics"])
def test_the_label_that_names_an_object_counts_before_the_exporters(
    exporter: dict[str, str], labels: dict[str, str], kind: str, name: str
) -> None:
    assert told("CustomRule", **(exporter | labels)) == ("shop", kind, name)


@pytest.mark.parametrize("labels", [{"persistentvolume": "pv-1"}, {"node": "worker-2"}])
def test_what_has_no_namespace_gets_none(labels: dict[str, str]) -> None:
    namespace, _, name = told("CustomRule", **(KUBE_STATE_METRICS | labels))
    assert (namespace, name) == ("", *labels.values())


def test_with_kube_state_metrics_own_pod_alone_the_namespace_is_the_subject() -> None:
    assert told("CustomRule", **KUBE_STATE_METRICS) == ("", "Namespace", "shop")


def test_an_exporter_under_a_name_of_its_own_is_still_told_by_its_job_or_by_the_alert() -> None:
    labels = {"job": "kube-state-metrics", "service": "cluster-facts", "app": "cluster-facts", "namespace": "shop"}
    assert told("CustomRule", **labels) == ("", "Namespace", "shop")
    assert told("KubeQuotaExceeded", **(labels | {"job": "facts", "pod": "facts-0"})) == ("", "Namespace", "shop")


def test_a_crash_looping_exporter_is_a_subject_like_any_pod() -> None:
    assert told("KubePodCrashLooping", **KUBE_STATE_METRICS) == ("shop", "Deployment", "robusta-kube-state-metrics")


def test_the_namespace_of_the_object_counts_before_the_exporters() -> None:
    labels = {"namespace": "monitoring", "exported_namespace": "shop", "deployment": "checkout"}
    assert told("KubeDeploymentReplicasMismatch", **(KUBE_STATE_METRICS | labels))[0] == "shop"


@pytest.mark.parametrize("alertname", ["NodeFilesystemAlmostOutOfSpace", "HostOutOfMemory"])
def test_what_the_node_exporter_saw_is_about_the_node(alertname: str) -> None:
    assert told(alertname, **NODE_EXPORTER) == ("", "Node", "10.0.3.17")
    assert told(alertname, **(NODE_EXPORTER | {"nodename": "worker-2"})) == ("", "Node", "worker-2")
    assert told(alertname, **(NODE_EXPORTER | {"instance": "worker-2"})) == ("", "Node", "worker-2")
    assert told(alertname, **(NODE_EXPORTER | {"instance": "[fd00::1]:9100"})) == ("", "Node", "fd00::1")


def test_what_the_kubelet_says_of_itself_is_about_the_node_and_of_a_pod_about_the_pod() -> None:
    assert told("KubeletPlegDurationHigh", **KUBELET, node="worker-2") == ("", "Node", "worker-2")
    assert told("CustomKubeletRule", **KUBELET) == ("", "Node", "10.0.3.17")
    pod = KUBELET | {"namespace": "shop", "pod": "checkout-7d9f8b6c5-x2x7k", "node": "worker-2"}
    assert told("ContainerNearMemoryLimit", **pod) == ("shop", "Deployment", "checkout")
    claim = KUBELET | {"namespace": "shop", "persistentvolumeclaim": "data-cart-db-0", "node": "worker-2"}
    assert told("KubePersistentVolumeFillingUp", **claim) == ("shop", "PersistentVolumeClaim", "data-cart-db-0")


@pytest.mark.parametrize(
    ("labels", "subject"),
    [
        ({"app": "checkout"}, ("shop", "Deployment", "checkout")),
        ({"app_kubernetes_io_name": "checkout"}, ("shop", "Deployment", "checkout")),
        ({"service": "checkout"}, ("shop", "Service", "checkout")),
        ({"service_name": "checkout"}, ("shop", "Service", "checkout")),
        ({"job": "checkout"}, ("shop", "Service", "checkout")),
        ({"job": "shop/checkout"}, ("shop", "Service", "checkout")),
        ({"service": "checkout", "job": "c", "pod": "checkout-7d9f8b6c5-x2x7k"}, ("shop", "Deployment", "checkout")),
        ({"destination_workload": "cart", "destination_workload_namespace": "carts"}, ("carts", "Deployment", "cart")),
        (
            {"ingress": "front", "pod": "ingress-nginx-controller-7d9f8b6c5-x2x7k", "service": "ingress-nginx"},
            ("shop", "Ingress", "front"),
        ),
        ({"ingress": "front", "exported_service": "checkout", "service": "nginx"}, ("shop", "Service", "checkout")),
        ({"job": "blackbox", "instance": "http://checkout.pay.svc:8080/healthz"}, ("pay", "Service", "checkout")),
        ({"job": "redis-exporter", "pod": "redis-exporter-7d9f8b6c5-x2x7k"}, ("", "Namespace", "shop")),
        (
            {"job": "pg-exporter", "service": "pg-exporter", "server": "db.data.svc.cluster.local:5432"},
            ("data", "Service", "db"),
        ),
        ({"destination_workload": "unknown", "app": "checkout"}, ("shop", "Deployment", "checkout")),
    ],
)
def test_symptom_alerts_name_their_application_in_many_ways(
    labels: dict[str, str], subject: tuple[str, str, str]
) -> None:
    assert told("HighErrorRate", **({"namespace": "shop"} | labels)) == subject


def test_a_target_that_is_down_is_the_subject_even_if_it_is_an_exporter() -> None:
    labels = {"job": "node-exporter", "service": "node-exporter", "namespace": "monitoring"}
    assert told("TargetDown", **labels) == ("monitoring", "Service", "node-exporter")


@pytest.mark.parametrize(
    "alertname", ["Watchdog", "KubeCPUOvercommit", "KubeAPIErrorBudgetBurn", "MinishopHighLatency"]
)
def test_an_alert_that_names_nothing_is_about_the_cluster(alertname: str) -> None:
    assert told(alertname, severity="warning", prometheus="monitoring/k8s") == ("", "Cluster", "prod")


def test_an_unnamed_cluster_still_has_a_name_to_read() -> None:
    assert subject_of(alert("Watchdog"), "") == Subject("", "", "Cluster", "cluster")


def test_the_alerts_own_cluster_is_the_subjects() -> None:
    assert subject_of(alert(cluster="eu", deployment="a", namespace="shop"), "prod").cluster == "eu"


@pytest.mark.parametrize(
    "name", ["../../secrets", "a/b", "a b", "", "-a", "a" * 254, "[REDACTED:kv]", "a\n", "a?b", "%2e"]
)
def test_what_could_not_be_an_objects_name_names_nothing(name: str) -> None:
    assert told("KubePodCrashLooping", namespace="shop", pod=name) == ("", "Namespace", "shop")
    assert told("CustomRule", deployment="checkout", namespace=name)[0] == ""


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("checkout-7d9f8b6c5-x2x7k", ("Deployment", "checkout")),
        ("payment-processing-worker-747ccfb9db-pd6wz", ("Deployment", "payment-processing-worker")),
        ("old-style-3451244434-abcde", ("Deployment", "old-style")),
        ("cart-db-0", ("StatefulSet", "cart-db")),
        ("cart-db-12", ("StatefulSet", "cart-db")),
        ("nightly-report-28471920-x2kqp", ("Job", "nightly-report-28471920")),
        ("node-exporter-6hx2c", ("Pod", "node-exporter-6hx2c")),
        ("kube-proxy-x2x7k", ("Pod", "kube-proxy-x2x7k")),
        ("kube-apiserver-master-1", ("Pod", "kube-apiserver-master-1")),
        ("etcd-node-3", ("Pod", "etcd-node-3")),
        ("etcd-0", ("StatefulSet", "etcd")),
        ("client", ("Pod", "client")),
    ],
)
def test_a_pods_name_gives_away_its_workload_or_stays(pod: str, workload: tuple[str, str]) -> None:
    assert workload_of_pod(pod) == workload


def test_a_replica_set_without_a_template_hash_stays_itself() -> None:
    assert workload_of_replica_set("checkout") == ("ReplicaSet", "checkout")


def test_thirty_pods_of_one_deployment_are_one_subject() -> None:
    names = [f"checkout-7d9f8b6c5-{a}{b}x7k" for a in "bcdfgh" for b in "24567"]
    alerts = [alert("KubePodNotReady", namespace="shop", pod=name) for name in names]
    assert len({a.labels["pod"] for a in alerts}) == 30
    assert subjects(group(*alerts)) == (Subject("prod", "shop", "Deployment", "checkout"),)


def test_firing_comes_before_resolved_and_severe_before_mild() -> None:
    found = subjects(
        group(
            alert(status=AlertStatus.RESOLVED, severity="critical", deployment="over"),
            alert(severity="info", deployment="mild"),
            alert(severity="critical", deployment="worst"),
            alert(severity="warning", deployment="bad"),
            alert(severity="info", deployment="worst", pod="again"),
        )
    )
    assert [subject.name for subject in found] == ["worst", "bad", "mild", "over"]


def test_no_more_subjects_are_kept_than_one_can_look_at() -> None:
    many = [alert(deployment=f"app-{n}", severity="info") for n in range(200)]
    found = subjects(group(*many, alert(deployment="worst", severity="critical")))
    assert len(found) == SUBJECTS_KEPT
    assert found[0].name == "worst"


def test_a_group_without_alerts_has_no_subject() -> None:
    assert subjects(group()) == ()
