"""The story of a rollout that halved a memory limit: `checkout` is killed for memory again and again."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.fakes.kubernetes_objects import uid_of
from tests.fakes.recordings import shapes, story
from tests.fakes.recordings.story import Clock, Object, Workload

CLOCK = Clock(datetime(2026, 10, 14, 2, 16, tzinfo=UTC))
MONTHS, DAYS_9 = -90 * story.DAY, -9 * story.DAY
ROLLOUT, ONSET = -16 * 60.0, -710.0
OLD_IMAGE, NEW_IMAGE = "registry.example/shop/checkout:1.4.1", "registry.example/shop/checkout:1.4.2"
OLD_DIGEST, NEW_DIGEST = "6c8f7d9b54", "7d9f8b6c5f"
CHECKOUT = Workload("checkout", NEW_IMAGE, memory="256Mi", env={"LEDGER_ADDRESS": "payments:8080", "GOGC": "100"})
FRONTEND = Workload("frontend", "registry.example/shop/frontend:2.11.0", env={"CHECKOUT_ADDRESS": "checkout:8080"})
PAYMENTS = Workload("payments", "registry.example/shop/payments:3.2.0")
FIRST, SECOND, THIRD = (f"checkout-{NEW_DIGEST}-{suffix}" for suffix in ("x2x7k", "k9wqp", "t4vfd"))
OLD_PODS = tuple(f"checkout-{OLD_DIGEST}-{suffix}" for suffix in ("b7hsm", "q2lzc", "w8ndr"))
# Each run of a container: started, killed (None: it still lives).
RUNS: dict[str, list[tuple[float, float | None]]] = {
    FIRST: [(-940, -710), (-708, -540), (-528, -340), (-318, -40)],
    SECOND: [(-910, -640), (-638, -440), (-428, -235), (-213, -20)],
    THIRD: [(-880, None)],
}
# Requests per second, the share of 5xx, and the 95th percentile in seconds: as usual, and since the onset.
SERVED = (
    [[shapes.START, 14.0], [ONSET, 11.5]],
    [[shapes.START, 0.003], [ONSET, 0.084]],
    [[shapes.START, 0.18], [ONSET, 1.2]],
)
EXPRESSION = (
    'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff", '
    'job="kube-state-metrics"}[5m]) >= 1'
)
LABELS = {
    "alertname": "KubePodCrashLooping",
    "cluster": "prod",
    "container": "app",
    "endpoint": "http",
    "instance": "10.244.3.9:8080",
    "job": "kube-state-metrics",
    "namespace": "shop",
    "pod": FIRST,
    "prometheus": "monitoring/k8s",
    "reason": "CrashLoopBackOff",
    "service": "kube-state-metrics",
    "severity": "critical",
    "uid": uid_of("Pod", "shop", FIRST),
}
ANNOTATIONS = {
    "summary": "Pod is crash looping.",
    "description": f'Pod shop/{FIRST} (app) is in waiting state (reason: "CrashLoopBackOff") on cluster prod.',
    "runbook_url": "https://runbooks.example/kubepodcrashlooping",
}


def killed(name: str) -> Object:
    """The container status of a pod that was killed for memory and waits to start again."""
    at, runs = CLOCK.at, RUNS[name]
    started, ended = runs[-1]
    end = {"exitCode": 137, "reason": "OOMKilled", "startedAt": at(started), "finishedAt": at(ended or 0)}
    message = f"back-off 40s restarting failed container=app pod={name}_shop(5b0e5c0e)"
    waiting = {"reason": "CrashLoopBackOff", "message": message}
    body = {"ready": False, "started": True, "restartCount": len(runs) - 1}
    return {**body, "state": {"waiting": waiting}, "lastState": {"terminated": end}}


def pods() -> list[Object]:
    """Three of checkout, and the healthy neighbours."""
    at, new = CLOCK.at, CHECKOUT.template()
    places = {
        FIRST: ("worker-1", "10.244.1.21"),
        SECOND: ("worker-2", "10.244.2.33"),
        THIRD: ("worker-3", "10.244.3.17"),
    }
    found = []
    for name, (node, address) in places.items():
        status = story.running(at(-880)) if name == THIRD else killed(name)
        found.append(story.pod(CHECKOUT, new, name, (at(RUNS[name][0][0] - 8), node, address), status=status))
    for workload, digest in ((FRONTEND, "5f6d8c9b7"), (PAYMENTS, "84b8c87d54")):
        for index, suffix in enumerate(("h6n2p", "z8rjt"), start=1):
            placed = (at(DAYS_9), f"worker-{index}", f"10.244.{index}.{40 + len(workload.name) + index}")
            name = f"{workload.name}-{digest}-{suffix}"
            found.append(story.pod(workload, workload.template(), name, placed, status=story.running(at(DAYS_9))))
    return found


def events() -> list[Object]:
    """What the cluster said about it."""
    at, found = CLOCK.at, []
    about = ("Deployment", "shop", "checkout")
    for seconds, text in (
        (ROLLOUT, f"Scaled up replica set checkout-{NEW_DIGEST} from 0 to 1"),
        (ROLLOUT + 1, f"Scaled down replica set checkout-{OLD_DIGEST} from 3 to 1"),
        (ROLLOUT + 2, f"Scaled up replica set checkout-{NEW_DIGEST} from 1 to 3"),
        (ROLLOUT + 100, f"Scaled down replica set checkout-{OLD_DIGEST} from 1 to 0"),
    ):
        found.append(
            story.event(about, "ScalingReplicaSet", text, (at(seconds), at(seconds), 1), source="deployment-controller")
        )
    for name in (FIRST, SECOND):
        pod, runs = ("Pod", "shop", name), RUNS[name]
        kill, last = runs[0][1] or 0, runs[-1][1] or 0
        back_off = f"Back-off restarting failed container app in pod {name}_shop(5b0e5c0e)"
        found.append(story.event(pod, "BackOff", back_off, (at(kill + 175), at(last + 5), 9), source="kubelet"))
        refused = 'Readiness probe failed: Get "http://10.244.1.21:8080/healthz": connect: connection refused'
        found.append(story.event(pod, "Unhealthy", refused, (at(kill - 4), at(last + 1), 7), source="kubelet"))
        pulled = f'Container image "{NEW_IMAGE}" already present on machine'
        found.append(story.event(pod, "Pulled", pulled, (at(runs[0][0]), at(runs[-1][0]), 4), source="kubelet"))
    return found


def objects() -> list[Object]:
    """The cluster as it is at `now`."""
    at, all_pods = CLOCK.at, pods()
    old = CHECKOUT.template(image=OLD_IMAGE, memory="512Mi")
    new = CHECKOUT.template()
    found = [
        story.deployment(CHECKOUT, new, 42, (at(MONTHS), at(ROLLOUT)), ready=(1, 3)),
        story.replica_set(CHECKOUT, old, OLD_DIGEST, (41, at(DAYS_9), 0, 0)),
        story.replica_set(CHECKOUT, new, NEW_DIGEST, (42, at(ROLLOUT), 3, 1)),
    ]
    for workload, digest, revision in ((FRONTEND, "5f6d8c9b7", 17), (PAYMENTS, "84b8c87d54", 8)):
        found.append(story.deployment(workload, workload.template(), revision, (at(MONTHS), at(DAYS_9)), ready=(2, 2)))
        found.append(story.replica_set(workload, workload.template(), digest, (revision, at(DAYS_9), 2, 2)))
    found += all_pods
    for workload in (CHECKOUT, FRONTEND, PAYMENTS):
        found += [story.service(workload, at(MONTHS)), story.endpoints(workload, all_pods)]
    found += [
        story.ingress(FRONTEND, "shop.example", at(MONTHS)),
        story.budget(CHECKOUT, at(MONTHS), wanted=2, healthy=1),
    ]
    found += [story.node(f"worker-{n}", f"10.0.0.1{n}", at(MONTHS), heard=at(-20)) for n in (1, 2, 3)]
    return found + events()


def logs() -> Object:
    """What the containers wrote; double braces are filled in when the recording is read."""
    at = CLOCK.at
    found: Object = {}
    for name in (FIRST, SECOND):
        lines: list[list[str | None]] = []
        for started, ended in RUNS[name]:
            end = ended or 0.0
            lines += [
                [at(started + 1), 'level=info msg="checkout 1.4.2 starting" gomemlimit=off cache_entries=250000'],
                [
                    at(started + 2),
                    'level=info msg="connected" dsn=postgres://checkout:{{password}}@ledger-db:5432/shop',
                ],
                [at(started + 9), 'level=info msg="price cache warm-up started" entries=250000'],
                *[
                    [
                        at(end - 9 + i),
                        f'level=error msg="cart {810 + i}: allocation failed, request aborted" heap_mib={241 + i}',
                    ]
                    for i in range(5)
                ],
                [at(end - 3), 'level=error msg="GC cannot keep up" heap_mib=246 rss_mib=254 limit_mib=256'],
                [at(end - 2), 'level=warn msg="request failed" path=/cart/checkout authorization="Bearer {{token}}"'],
            ]
        found[f"{name}/app/previous"] = lines
    steady = [[at(-86_400 - 1_800 + 60 * i), f'level=info msg="order placed" cart={300 + i}'] for i in range(60)]
    steady += [[at(-86_400 + 700), 'level=error msg="ledger timeout, retrying" attempt=1']]
    found[f"{OLD_PODS[0]}/app"] = steady
    found[f"{THIRD}/app"] = [[at(-800 + 20 * i), f'level=info msg="order placed" cart={900 + i}'] for i in range(40)]
    refused = 'level=error msg="upstream checkout:8080: connection refused" status=503'
    found["frontend"] = [[at(ONSET + 30 * i), refused] for i in range(20)]
    return found


def memory(name: str) -> list[list[float | None]]:
    """A heap that grows from 90 MiB to the limit in each run."""
    points: list[list[float | None]] = []
    for started, ended in RUNS[name]:
        top, end = (255.0, ended) if ended is not None else (212.0, started + 300)
        nearly = started + (end - started) * 0.6  # it fills fast, then the collector fights for the rest
        points += [[started, 90.0 * shapes.MEBI], [nearly, (top - 3) * shapes.MEBI], [end, top * shapes.MEBI]]
        if ended is not None:
            points.append([end + 0.5, 6.0 * shapes.MEBI])
    return points


def metrics() -> Object:
    """Two usual days, then the incident."""
    alert = {name: value for name, value in LABELS.items() if name not in {"cluster", "prometheus"}}
    series = [*_before(), *_after(), *_neighbours(), *shapes.firing(alert, -540, -240, CLOCK.now.timestamp())]
    rule = {"type": "alerting", "name": LABELS["alertname"], "query": EXPRESSION, "duration": 300, "health": "ok"}
    rule |= {"labels": {"severity": "critical"}, "annotations": ANNOTATIONS, "state": "firing"}
    active = {"labels": alert, "annotations": ANNOTATIONS, "state": "firing", "activeAt": CLOCK.at(-540)}
    return {"series": series, "rules": [rule], "alerts": [{**active, "value": "1e+00"}]}


def _before() -> Iterator[Object]:
    """The three pods of revision 41, until the rollout took them away."""
    life = (float(shapes.START), ROLLOUT + 60)
    for name in OLD_PODS:
        mine = _container(name)
        points = [[m, v] for m, v in shapes.daily(300.0, 410.0) if m is not None and m < ROLLOUT]
        shape = [[m, (v or 0) * shapes.MEBI] for m, v in points] + [[ROLLOUT + 60, None]]
        yield shapes.gauge("container_memory_working_set_bytes", mine, shape, linear=True)
        yield from shapes.busy(mine, 0.21, life)
        yield from shapes.state(mine, [[shapes.START, 0]], 512, life)
    yield from shapes.requests({**_container(OLD_PODS[0]), "service": "checkout"}, life, SERVED)


def _after() -> Iterator[Object]:
    """The three pods of revision 42."""
    for name, runs in RUNS.items():
        mine, born = _container(name), runs[0][0]
        restarts = [[born, 0], *[[start, count] for count, (start, _) in enumerate(runs[1:], start=1)]]
        yield shapes.gauge("container_memory_working_set_bytes", mine, memory(name), linear=True)
        yield from shapes.busy(mine, 0.22, (born, None))
        yield from shapes.state(mine, restarts, 256, (born, None))
        if name == THIRD:
            yield from shapes.requests({**mine, "service": "checkout"}, (ROLLOUT + 60, None), SERVED)
            continue
        first_kill, waits = runs[0][1] or 0, runs[1][1] or 0
        told = {**shapes.KSM, **mine, "uid": uid_of("Pod", "shop", name)}
        ended = "kube_pod_container_status_last_terminated"
        yield shapes.gauge(f"{ended}_reason", {**told, "reason": "OOMKilled"}, [[first_kill, 1]])
        yield shapes.gauge(f"{ended}_exitcode", told, [[first_kill, 137]])
        looping = {**told, "reason": "CrashLoopBackOff"}
        yield shapes.gauge("kube_pod_container_status_waiting_reason", looping, [[waits, 1]])


def _neighbours() -> Iterator[Object]:
    """The caller, the replica counts, the nodes."""
    served = {**_container("frontend-5f6d8c9b7-h6n2p"), "service": "frontend"}
    failing, slower = [[shapes.START, 0.002], [ONSET, 0.061]], [[shapes.START, 0.35], [ONSET, 1.6]]
    yield from shapes.requests(served, (float(shapes.START), None), ([[shapes.START, 40.0]], failing, slower))
    ready = [[shapes.START, 3], [ONSET, 2], [-640, 1], [-428, 2], [-340, 1]]
    yield from shapes.replicas("shop", "checkout", 3, ready)
    for healthy in ("frontend", "payments"):
        yield from shapes.replicas("shop", healthy, 2, [[shapes.START, 2]])
    yield from shapes.node_state(["worker-1", "worker-2", "worker-3"])


def _container(pod: str) -> dict[str, str]:
    return {"namespace": "shop", "pod": pod, "container": "app"}


def make() -> tuple[Object, Object]:
    """The recording and the alert that told of it."""
    label = {"namespace": "shop", "result": {"fault_object": "app/checkout", "root_cause": "memory_limit_too_low"}}
    payload = story.alert_payload(CLOCK, LABELS, ANNOTATIONS, EXPRESSION, since=-240)
    body = {
        "now": CLOCK.at(0),
        "label": label,
        "alerts": [],
        "objects": objects(),
        "logs": logs(),
        "metrics": metrics(),
    }
    return body, payload


if __name__ == "__main__":
    recording, alert = make()
    story.write("checkout_oom", recording, alert)
    example = story.HERE.parents[2] / "docs" / "example-alert.json"
    example.parent.mkdir(exist_ok=True)
    example.write_text(json.dumps(alert, indent=2) + "\n", encoding="utf-8")
