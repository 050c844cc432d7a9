"""Which workload a pod's name gives away; what only the owner references know stays a pod."""

import re

# What Kubernetes draws random names from: no vowels, and no digit that looks like a letter.
SAFE = "bcdfghjklmnpqrstvwxz2456789"

# The first that matches wins; what none matches stays a pod (a DaemonSet's and a Job's look alike).
SHAPES = (
    # A static pod is named after its node; its suffix says nothing about a workload.
    ("Pod", re.compile(r"((?:kube-(?:apiserver|scheduler|controller-manager)|etcd|kube-vip)-[a-z].*)")),
    # A CronJob names its jobs after the minute since 1970.
    ("Job", re.compile(r"(.+-[23]\d{7})-[a-z0-9]{5}")),
    ("Deployment", re.compile(rf"(.+)-(?:[{SAFE}]{{6,10}}|\d{{8,10}})-[a-z0-9]{{5}}")),
    ("StatefulSet", re.compile(r"(.+)-(?:0|[1-9]\d{0,3})")),
)
REPLICA_SET = re.compile(rf"(.+)-(?:[{SAFE}]{{6,10}}|\d{{8,10}})")


def workload_of_pod(name: str) -> tuple[str, str]:
    """(kind, name) of the workload that makes pods of such a name, or the pod itself."""
    for kind, shape in SHAPES:
        if match := shape.fullmatch(name):
            return kind, match[1]
    return "Pod", name


def workload_of_replica_set(name: str) -> tuple[str, str]:
    """The Deployment behind a ReplicaSet, or the ReplicaSet where its name has no template hash."""
    match = REPLICA_SET.fullmatch(name)
    return ("Deployment", match[1]) if match else ("ReplicaSet", name)
