"""What alerts are about: labels to Kubernetes objects, never to the exporter that measured them."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.subject import CLUSTER_SCOPED_KINDS, SUBJECTS_KEPT, WORKLOAD_KINDS, Subject
from app.ingest.naming import ANYTHING, EXPORTER, FAMILIES, NO_NAMES, Naming
from app.ingest.pods import workload_of_pod, workload_of_replica_set

CLUSTER_CHARACTERS = 200

# Names go into addresses of the Kubernetes API later: nothing but an object's name, or a host's, may pass.
OBJECT_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9._:]{0,251}[A-Za-z0-9])?").fullmatch
HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?(\[[0-9A-Fa-f:.]+\]|[^/:?#\s]+)", re.IGNORECASE)
CLUSTER_HOST = re.compile(r"([a-z0-9][-a-z0-9]*)\.([a-z0-9][-a-z0-9]*)\.svc(?:\..*)?")

KINDS = {kind.lower(): kind for kind in WORKLOAD_KINDS | {"Pod"}}


def _host(address: str) -> tuple[str, str]:
    """No namespace, and the host of `10.0.3.17:9100`, `[fd00::1]:9100` or an URL."""
    match = HOST.match(address)
    return "", match[1].strip("[]") if match else ""


def _service(address: str) -> tuple[str, str]:
    """Namespace and name of the Service behind `checkout.shop.svc:8080`; empty for other addresses."""
    match = CLUSTER_HOST.fullmatch(_host(address)[1])
    return (match[2], match[1]) if match else ("", "")


FORMS: Mapping[str, Callable[[str], tuple[str, str]]] = {
    "name": lambda text: ("", text),
    "host": _host,
    "service": _service,
    "monitor": lambda text: ("", text.rpartition("/")[2]),
}
BEHIND: Mapping[str, Callable[[str], tuple[str, str]]] = {
    "Pod": workload_of_pod,
    "ReplicaSet": workload_of_replica_set,
}


def subjects(group: AlertGroup, about: Mapping[str, Subject] | None = None) -> tuple[Subject, ...]:
    """What the group is about, firing and most severe first, each once, at most `SUBJECTS_KEPT`.

    `about`: what each of its alerts is about, where that is known already.
    """
    about = subjects_of_alerts(group) if about is None else about
    ordered = sorted(group.alerts, key=lambda a: (a.status is not AlertStatus.FIRING, -a.severity))
    return tuple(dict.fromkeys(about[alert.fingerprint] for alert in ordered))[:SUBJECTS_KEPT]


def subjects_of_alerts(group: AlertGroup) -> dict[str, Subject]:
    """What each alert is about, by its fingerprint."""
    return {alert.fingerprint: subject_of(alert, group.cluster) for alert in group.alerts}


def subject_of(alert: Alert, cluster: str) -> Subject:
    """The object that one alert is about; the cluster itself where its labels name none."""
    own_cluster = (alert.labels.get("cluster") or cluster)[:CLUSTER_CHARACTERS]
    for naming in _namings(alert.name, alert.labels.get("job", "")):
        if found := _find(naming, alert.labels):
            namespace, kind, name = found
            return Subject(own_cluster, "" if kind in CLUSTER_SCOPED_KINDS else namespace, kind, name)
    return Subject(own_cluster, "", "Cluster", own_cluster or "cluster")


@lru_cache(maxsize=1_024)
def _namings(alertname: str, job: str) -> tuple[Naming, ...]:
    for family in FAMILIES:
        if family.alertname and family.alertname.match(alertname):
            return family.namings
        if family.job and family.job.search(job):
            return family.namings
    return ANYTHING


def _find(naming: Naming, labels: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(namespace, kind, name) of the object that the labels name in this way."""
    if naming.label_set.isdisjoint(labels):
        return None
    kind = _kind(naming, labels)
    read = FORMS[naming.form]
    for label in naming.labels if kind else ():
        if not (text := labels.get(label)):
            continue
        namespace, name = read(text)
        if not _is_name(name) or (naming.except_exporters and EXPORTER.search(name)):
            continue
        owner_kind, owner = BEHIND[kind](name) if kind in BEHIND else (kind, name)
        return namespace or _namespace(naming, labels), owner_kind, owner
    return None


def _kind(naming: Naming, labels: Mapping[str, str]) -> str:
    """The kind, which a label may tell; empty where that label tells one that is no workload."""
    told = labels.get(naming.kind_label, "") if naming.kind_label else ""
    return KINDS.get(told.lower(), "") if told else naming.kind


def _namespace(naming: Naming, labels: Mapping[str, str]) -> str:
    present = (labels[label] for label in naming.namespaces if labels.get(label))
    namespace = next(present, "")
    return namespace if _is_name(namespace) else ""


def _is_name(text: str) -> bool:
    return text not in NO_NAMES and OBJECT_NAME(text) is not None
