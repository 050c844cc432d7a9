"""Three short stories: an image that is not there, a pod that fits nowhere, a node that fell silent."""

from collections.abc import Callable
from datetime import UTC, datetime

from tests.fakes.recordings import shapes, story
from tests.fakes.recordings.story import Clock, Object, Workload

CLOCK = Clock(datetime(2026, 10, 28, 14, 20, tzinfo=UTC))
MONTHS, ROLLOUT, STARTS = -60 * story.DAY, -20 * 60.0, -5 * 60.0
NODES = ("worker-1", "worker-2", "worker-3")
CATALOG = Workload("catalog", "registry.example/shop/catalog:5.1.0")
FRONTEND = Workload("frontend", "registry.example/shop/frontend:2.11.0", env={"CATALOG_ADDRESS": "catalog:8080"})
OLD, NEW = "66d9c8b7f5", "59f7b6d4c8"
FRONTEND_POD = "frontend-5f6d8c9b7-h6n2p"
FRONTEND_SINCE = -9 * story.DAY
KSM_LABELS = {"cluster": "prod", "prometheus": "monitoring/k8s", **shapes.KSM}

Story = tuple[Object, Object]


def _beside(pods: list[Object], node: str = NODES[0], *, ready: bool = True) -> list[Object]:
    """The frontend beside it on a node, and the Services."""
    at, template = CLOCK.at, FRONTEND.template()
    placed = (at(FRONTEND_SINCE), node, "10.244.1.51")
    status = {**story.running(at(FRONTEND_SINCE)), "ready": ready}
    front = story.pod(FRONTEND, template, FRONTEND_POD, placed, status=status)
    found = [
        story.deployment(FRONTEND, template, 17, (at(MONTHS), at(FRONTEND_SINCE)), ready=(int(ready), 1)),
        story.replica_set(FRONTEND, template, "5f6d8c9b7", (17, at(FRONTEND_SINCE), 1, int(ready))),
        front,
    ]
    for workload in (CATALOG, FRONTEND):
        found += [story.service(workload, at(MONTHS)), story.endpoints(workload, [*pods, front])]
    return found


def _nodes(gone: str = "", since: float = 0.0) -> list[Object]:
    at = CLOCK.at
    return [
        story.node(
            name,
            f"10.0.0.1{name[-1]}",
            at(MONTHS),
            heard=at(since - 40 if name == gone else -20),
            gone_since=at(since) if name == gone else "",
        )
        for name in NODES
    ]


def _told(objects: list[Object], series: list[Object], alert: tuple[dict[str, str], str, str]) -> Story:
    labels, summary, expression = alert
    own = {name: value for name, value in labels.items() if name not in {"cluster", "prometheus"}}
    series = series + shapes.firing(own, STARTS - 300, STARTS, CLOCK.now.timestamp())
    rule = {"type": "alerting", "name": labels["alertname"], "query": expression, "duration": 300, "health": "ok"}
    rule |= {"labels": {"severity": labels["severity"]}, "annotations": {"summary": summary}, "state": "firing"}
    body: Object = {"now": CLOCK.at(0), "label": {"namespace": "shop"}, "alerts": [], "objects": objects, "logs": {}}
    body["metrics"] = {"series": series, "rules": [rule], "alerts": []}
    return body, story.alert_payload(CLOCK, labels, {"summary": summary}, expression, since=STARTS)


def _catalog_rollout(template: Object, stuck: Object, name: str, node: str) -> tuple[list[Object], list[Object]]:
    """Two good old pods and one stuck new one of `catalog`; the objects, and the pods among them."""
    at, old = CLOCK.at, CATALOG.template()
    pods = [
        story.pod(
            CATALOG,
            old,
            f"catalog-{OLD}-{suffix}",
            (at(MONTHS), NODES[index], f"10.244.{index + 1}.60"),
            status=story.running(at(MONTHS)),
        )
        for index, suffix in enumerate(("m4x8d", "r6k2v"))
    ]
    pods.append(story.pod(CATALOG, template, name, (at(ROLLOUT), node, ""), status=stuck))
    whole = [
        story.deployment(CATALOG, template, 12, (at(MONTHS), at(ROLLOUT)), ready=(2, 3)),
        story.replica_set(CATALOG, old, OLD, (11, at(MONTHS), 2, 2)),
        story.replica_set(CATALOG, template, NEW, (12, at(ROLLOUT), 1, 0)),
    ]
    return whole + pods, pods


def image_pull() -> Story:
    """A rollout to a tag that the registry does not have."""
    at, name = CLOCK.at, f"catalog-{NEW}-p9t3w"
    image = "registry.example/shop/catalog:5.2.0-rc1"
    message = f'Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = {image}: not found'
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    stuck = {"ready": False, "started": False, "restartCount": 0, "state": waiting}
    objects, pods = _catalog_rollout(CATALOG.template(image=image), stuck, name, NODES[2])
    about, seen = ("Pod", "shop", name), (at(ROLLOUT + 4), at(-30), 14)
    failed = f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to resolve reference: not found'
    events = [
        story.event(about, "Failed", failed, (at(ROLLOUT + 4), at(-200), 5), source="kubelet"),
        story.event(about, "BackOff", f'Back-off pulling image "{image}"', seen, source="kubelet"),
    ]
    mine = {"namespace": "shop", "pod": name, "container": "app", "reason": "ImagePullBackOff"}
    series = [shapes.gauge("kube_pod_container_status_waiting_reason", {**shapes.KSM, **mine}, [[ROLLOUT + 10, 1]])]
    series += shapes.replicas("shop", "catalog", 3, [[shapes.START, 3], [ROLLOUT, 2]]) + shapes.node_state(NODES)
    labels = {**KSM_LABELS, **mine, "alertname": "KubeContainerWaiting", "severity": "warning"}
    alert = (labels, "A container waits for longer than it should.", _WAITING)
    return _told(objects + events + _beside(pods) + _nodes(), series, alert)


def unschedulable() -> Story:
    """A rollout that asks for more memory than any node has."""
    at, name = CLOCK.at, f"catalog-{NEW}-p9t3w"
    template = CATALOG.template()
    template["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "2", "memory": "64Gi"},
        "limits": {"cpu": "2", "memory": "64Gi"},
    }
    message = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: "
    message += "3 No preemption victims found for incoming pod."
    objects, pods = _catalog_rollout(template, {}, name, "")
    pending = pods[-1]
    del pending["status"]["containerStatuses"], pending["spec"]["nodeName"]
    pending["status"]["conditions"] = [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": at(ROLLOUT),
        }
    ]
    about, seen = ("Pod", "shop", name), (at(ROLLOUT), at(-60), 5)
    events = [story.event(about, "FailedScheduling", message, seen, source="default-scheduler")]
    mine = {"namespace": "shop", "pod": name}
    series = [shapes.gauge("kube_pod_status_phase", {**shapes.KSM, **mine, "phase": "Pending"}, [[ROLLOUT, 1]])]
    series += shapes.replicas("shop", "catalog", 3, [[shapes.START, 3], [ROLLOUT, 2]]) + shapes.node_state(NODES)
    labels = {"cluster": "prod", "prometheus": "monitoring/k8s", **mine}
    labels |= {"alertname": "KubePodNotReady", "severity": "warning"}
    alert = (labels, "Pod has been in a non-ready state for more than 15 minutes.", _NOT_READY)
    return _told(objects + events + _beside(pods) + _nodes(), series, alert)


def node_gone() -> Story:
    """A node whose kubelet fell silent, with pods of two workloads on it."""
    at, since, template = CLOCK.at, -11 * 60.0, CATALOG.template()
    lost = NODES[1]
    pods = [
        story.pod(
            CATALOG,
            template,
            f"catalog-{OLD}-{suffix}",
            (at(MONTHS), NODES[index], f"10.244.{index + 1}.60"),
            status={**story.running(at(MONTHS)), "ready": NODES[index] != lost},
        )
        for index, suffix in enumerate(("m4x8d", "r6k2v"))
    ]
    objects = [
        story.deployment(CATALOG, template, 11, (at(MONTHS), at(MONTHS)), ready=(1, 2)),
        story.replica_set(CATALOG, template, OLD, (11, at(MONTHS), 2, 1)),
        *pods,
    ]
    quiet = f"Node {lost} status is now: NodeNotReady"
    once = (at(since), at(since), 1)
    events = [
        story.event(("Node", "", lost), "NodeNotReady", quiet, once, source="node-controller"),
        story.event(
            ("Pod", "shop", f"catalog-{OLD}-r6k2v"), "NodeNotReady", "Node is not ready", once, source="node-controller"
        ),
    ]
    series = shapes.node_state(NODES, {lost: since})
    series += shapes.replicas("shop", "catalog", 2, [[shapes.START, 2], [since, 1]])
    series += shapes.replicas("shop", "frontend", 1, [[shapes.START, 1], [since, 0]])
    for pod, node in ((pods[0], NODES[0]), (pods[1], lost)):
        series += shapes.readiness("shop", pod["metadata"]["name"], node, since if node == lost else None)
    series += shapes.readiness("shop", FRONTEND_POD, lost, since)
    labels = {**KSM_LABELS, "alertname": "KubeNodeNotReady", "severity": "critical", "node": lost}
    labels |= {"condition": "Ready", "status": "true"}
    alert = (labels, "Node is not ready.", _NODE_NOT_READY)
    return _told(objects + events + _beside(pods, lost, ready=False) + _nodes(lost, since), series, alert)


_WAITING = 'kube_pod_container_status_waiting_reason{reason!="CrashLoopBackOff", job="kube-state-metrics"} > 0'
_NOT_READY = (
    'sum by (namespace, pod) (max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown|Failed"})) > 0'
)
_NODE_NOT_READY = 'kube_node_status_condition{job="kube-state-metrics",condition="Ready",status="true"} == 0'

STORIES: dict[str, Callable[[], Story]] = {
    "image_pull": image_pull,
    "unschedulable": unschedulable,
    "node_gone": node_gone,
}

if __name__ == "__main__":
    for story_name, make in STORIES.items():
        story.write(story_name, *make())
