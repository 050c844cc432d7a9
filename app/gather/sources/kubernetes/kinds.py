"""Where each kind lives in the API, and which of its fields are read."""

from dataclasses import dataclass
from urllib.parse import quote

from app.gather.sources.kubernetes import cluster_shapes, network_shapes, policy_shapes, shapes, watched_shapes


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: API prefix, plural name in paths, whether it lives in a namespace, and its shape."""

    prefix: str
    plural: str
    shape: type[shapes.Thing]
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group, as roles name it; empty for the core."""
        return self.prefix.split("/")[2] if self.prefix.startswith("/apis/") else ""


KINDS: dict[str, Kind] = {
    "Pod": Kind("/api/v1", "pods", shapes.Pod),
    "Event": Kind("/api/v1", "events", cluster_shapes.Event),
    "Service": Kind("/api/v1", "services", cluster_shapes.Service),
    "PersistentVolumeClaim": Kind("/api/v1", "persistentvolumeclaims", cluster_shapes.Claim),
    "ResourceQuota": Kind("/api/v1", "resourcequotas", cluster_shapes.Quota),
    "Node": Kind("/api/v1", "nodes", cluster_shapes.Node, namespaced=False),
    "Namespace": Kind("/api/v1", "namespaces", cluster_shapes.Namespace, namespaced=False),
    "PersistentVolume": Kind("/api/v1", "persistentvolumes", cluster_shapes.Claim, namespaced=False),
    "Deployment": Kind("/apis/apps/v1", "deployments", shapes.Workload),
    "ReplicaSet": Kind("/apis/apps/v1", "replicasets", shapes.Workload),
    "StatefulSet": Kind("/apis/apps/v1", "statefulsets", shapes.Workload),
    "DaemonSet": Kind("/apis/apps/v1", "daemonsets", shapes.Workload),
    "ControllerRevision": Kind("/apis/apps/v1", "controllerrevisions", cluster_shapes.ControllerRevision),
    "Job": Kind("/apis/batch/v1", "jobs", shapes.Workload),
    "CronJob": Kind("/apis/batch/v1", "cronjobs", shapes.Workload),
    "Rollout": Kind("/apis/argoproj.io/v1alpha1", "rollouts", shapes.Workload),
    "HorizontalPodAutoscaler": Kind("/apis/autoscaling/v2", "horizontalpodautoscalers", cluster_shapes.Autoscaler),
    "EndpointSlice": Kind("/apis/discovery.k8s.io/v1", "endpointslices", cluster_shapes.EndpointSlice),
    "StorageClass": Kind("/apis/storage.k8s.io/v1", "storageclasses", cluster_shapes.StorageClass, namespaced=False),
    "ConfigMap": Kind("/api/v1", "configmaps", policy_shapes.ConfigMap),
    "ServiceAccount": Kind("/api/v1", "serviceaccounts", policy_shapes.ServiceAccount),
    "Ingress": Kind("/apis/networking.k8s.io/v1", "ingresses", network_shapes.Ingress),
    "NetworkPolicy": Kind("/apis/networking.k8s.io/v1", "networkpolicies", watched_shapes.Specified),
    "PodDisruptionBudget": Kind("/apis/policy/v1", "poddisruptionbudgets", policy_shapes.PodDisruptionBudget),
    "HTTPRoute": Kind("/apis/gateway.networking.k8s.io/v1", "httproutes", network_shapes.HTTPRoute),
    "Application": Kind("/apis/argoproj.io/v1alpha1", "applications", watched_shapes.Deployed),
    "HelmRelease": Kind("/apis/helm.toolkit.fluxcd.io/v2", "helmreleases", watched_shapes.Deployed),
    "Kustomization": Kind("/apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations", watched_shapes.Deployed),
}


def collection_path(kind: str, namespace: str) -> str:
    """The address of all objects of a kind: of one namespace, or of the cluster where it is empty."""
    entry = KINDS[kind]
    if entry.namespaced and namespace:
        return f"{entry.prefix}/namespaces/{quote(namespace, safe='')}/{entry.plural}"
    return f"{entry.prefix}/{entry.plural}"


def object_path(kind: str, namespace: str, name: str) -> str:
    """The address of one object."""
    return f"{collection_path(kind, namespace)}/{quote(name, safe='')}"
