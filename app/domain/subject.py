"""What an alert is about: one Kubernetes object, or the cluster itself."""

from dataclasses import dataclass

WORKLOAD_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet", "Rollout"})
SUBJECTS_KEPT = 50
CLUSTER_SCOPED_KINDS = frozenset({"Node", "Namespace", "PersistentVolume", "APIService", "Cluster"})


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A Kubernetes object by name; `namespace` is empty for what has none, `cluster` where unnamed."""

    cluster: str
    namespace: str
    kind: str
    name: str

    @property
    def is_workload(self) -> bool:
        """Whether pods come and go under it."""
        return self.kind in WORKLOAD_KINDS

    def __str__(self) -> str:
        """`shop/checkout`, or `node-3` for what has no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name
