"""Which labels name the object that an alert is about: data, one row for each way of naming."""

import re
from dataclasses import dataclass, field
from typing import Literal

NAMESPACE_LABELS = ("exported_namespace", "namespace", "kubernetes_namespace", "k8s_namespace_name", "kube_namespace")


@dataclass(frozen=True, slots=True)
class Naming:
    """`labels` hold the name of an object of `kind`; the first that is there counts.

    `kind_label` names the label that tells the kind, where one does. `except_exporters`: a name that
    looks like an exporter's says who measured, not what is sick. `form`: the label's value is a name,
    a `host` with perhaps a port, a `service` address inside the cluster, or `namespace/monitor`.
    """

    kind: str
    labels: tuple[str, ...]
    namespaces: tuple[str, ...] = NAMESPACE_LABELS
    kind_label: str = ""
    except_exporters: bool = False
    form: Literal["name", "host", "service", "monitor"] = "name"
    label_set: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Most namings do not fit an alert at all: that must cost next to nothing."""
        object.__setattr__(self, "label_set", frozenset(self.labels))


@dataclass(frozen=True, slots=True)
class Family:
    """Alerts that name their object in the same way, known by their name, else by their `job`."""

    namings: tuple[Naming, ...]
    alertname: re.Pattern[str] | None = None
    job: re.Pattern[str] | None = None


# What a label says where it has nothing to say.
NO_NAMES = frozenset({"unknown", "none", "null"})
EXPORTER = re.compile(r"exporter|kube-state-metrics|pushgateway|(^|-)(ksm|cadvisor)(-|$)")

# The label that names an object outright, the narrower object first.
WORKLOADS = (
    Naming("CronJob", ("exported_cronjob", "cronjob", "k8s_cronjob_name")),
    Naming("Job", ("exported_job_name", "job_name", "k8s_job_name")),
    Naming("Rollout", ("rollout",)),
    Naming("Deployment", ("exported_deployment", "deployment", "k8s_deployment_name", "kube_deployment")),
    Naming("StatefulSet", ("exported_statefulset", "statefulset", "k8s_statefulset_name", "kube_stateful_set")),
    Naming("DaemonSet", ("exported_daemonset", "daemonset", "k8s_daemonset_name", "kube_daemon_set")),
    Naming("ReplicaSet", ("exported_replicaset", "replicaset")),
    Naming("Deployment", ("workload",), kind_label="workload_type"),
    Naming("Deployment", ("owner_name",), kind_label="owner_kind"),
    Naming("Deployment", ("created_by_name",), kind_label="created_by_kind"),
)
OBJECTS = (
    Naming("HorizontalPodAutoscaler", ("horizontalpodautoscaler", "hpa")),
    Naming("PodDisruptionBudget", ("poddisruptionbudget",)),
    *WORKLOADS,
    Naming("PersistentVolumeClaim", ("exported_persistentvolumeclaim", "persistentvolumeclaim")),
    Naming("PersistentVolume", ("persistentvolume",)),
)
POD_LABELS = ("exported_pod", "pod", "pod_name", "kubernetes_pod_name", "k8s_pod_name", "kube_pod")
POD = Naming("Pod", POD_LABELS)
SICK_POD = Naming("Pod", POD_LABELS, except_exporters=True)
NODE = Naming("Node", ("exported_node", "node", "nodename", "node_name", "kubernetes_node", "k8s_node_name"))
NODE_BEHIND_INSTANCE = Naming("Node", ("exported_instance", "instance"), form="host")
NAMESPACE = Naming("Namespace", NAMESPACE_LABELS)
JOB = Naming("Service", ("exported_job", "job"), form="monitor")
SICK_JOB = Naming("Service", ("exported_job", "job"), except_exporters=True, form="monitor")

# A proxy or mesh names the application behind it; its own pod measured.
BEHIND_PROXY = (
    Naming("Deployment", ("destination_workload",), ("destination_workload_namespace", *NAMESPACE_LABELS)),
    Naming("Service", ("destination_service_name",), ("destination_service_namespace", *NAMESPACE_LABELS)),
    Naming("Service", ("exported_service",)),
    Naming("Ingress", ("exported_ingress", "ingress")),
)
APPLICATION = (
    Naming("Deployment", ("app_kubernetes_io_name", "label_app_kubernetes_io_name"), except_exporters=True),
    Naming("Deployment", ("app", "label_app", "k8s_app", "application"), except_exporters=True),
    Naming("Service", ("service_name", "service"), except_exporters=True),
)
PROBED = Naming("Service", ("target", "exported_instance", "instance", "url", "server", "host"), form="service")

MEASURED_BY_OTHERS = (*OBJECTS, SICK_POD, NODE, NAMESPACE)
MEASURES_ITSELF = (*OBJECTS, POD, Naming("Service", ("service",)), JOB, NAMESPACE)
ANYTHING = (*OBJECTS, *BEHIND_PROXY, SICK_POD, NODE, *APPLICATION, PROBED, SICK_JOB, NAMESPACE)


def _named(pattern: str, *namings: Naming) -> Family:
    return Family(namings, alertname=re.compile(pattern))


def _scraped_by(pattern: str, *namings: Naming) -> Family:
    return Family(namings, job=re.compile(pattern, re.IGNORECASE))


# The first that matches counts. An alert's name says more than its job: jobs are renamed at will.
FAMILIES = (
    _named(r"Kube(Pod[CNR]|Container)|CPUThrottlingHigh", *WORKLOADS, POD, NAMESPACE),
    _named(r"KubeQuota", NAMESPACE),
    _named(r"KubeAggregatedAPI", Naming("APIService", ("name",))),
    _named(r"Kubelet|KubeNode|Node(?!J[sS])[A-Z]", NODE, NODE_BEHIND_INSTANCE),
    _named(r"Kube\w+InstanceUnreachable", *MEASURES_ITSELF),
    # About the cluster: whatever labels they carry are those of who measured or of who is absent.
    _named(r"Kube(API|Client|Proxy|Scheduler|ControllerManager|Version|StateMetrics|\w+Overcommit)"),
    _named(r"(Alertmanager|Prometheus|Thanos|Grafana|Loki|ConfigReloader|etcd|CoreDNS)", *MEASURES_ITSELF),
    _named(r"(Target|Exporter|Scrape|Instance)\w*(Down|Missing|Absent|Unreachable|Failing)", *MEASURES_ITSELF),
    _named(r"CertManager", Naming("Certificate", ("exported_name", "name")), NAMESPACE),
    _named(r"Certificate", Naming("Certificate", ("exported_name",)), *ANYTHING),
    _named(r"ArgoCD|ArgoApp", Naming("Application", ("name",)), NAMESPACE),
    _scraped_by(r"(node|windows)[-_]exporter|^node$", *OBJECTS, NODE, NODE_BEHIND_INSTANCE),
    _scraped_by(r"kube-state-metrics|(^|[-/])ksm($|-)", *MEASURED_BY_OTHERS),
    _scraped_by(r"kubelet|cadvisor", *OBJECTS, POD, NODE, NODE_BEHIND_INSTANCE, NAMESPACE),
    _scraped_by(r"blackbox|probe", *OBJECTS, PROBED, *BEHIND_PROXY, SICK_POD, NAMESPACE),
)
