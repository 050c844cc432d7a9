"""Bodies that lack anything or have the wrong types: analysis still answers."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.analyze.detector import DETECTOR_FAILED
from app.domain.evidence import Item
from app.domain.subject import Subject
from tests.analyze.around import autoscaler, budget, ingress, route, service, slices, thing, workload
from tests.analyze.cases import oom_after_rollout
from tests.analyze.judging import judge
from tests.builders import CLUSTER, case, container_status, event, pod, replica_set, series, state

WRONG = st.sampled_from([None, "", "x", -1, 3.5, True, [], {}, [None], ["x"], {"x": None}, [[]], "99999-13-45"])
_INSIDE = ("Pod", "Deployment", "ReplicaSet", "Node", "ResourceQuota", "Service", "PersistentVolumeClaim", "ConfigMap")
_AROUND = ("Ingress", "HTTPRoute", "EndpointSlice", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceAccount")
KINDS = st.sampled_from([*_INSIDE, *_AROUND, "PersistentVolume"])
JSON = st.recursive(
    WRONG, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner), max_leaves=6
)
TEXT = st.text(max_size=200)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any JSON
    found = [path]
    if isinstance(value, dict):
        found += [one for key, inner in value.items() for one in paths(inner, (*path, key))]
    if isinstance(value, list):
        found += [one for index, inner in enumerate(value) for one in paths(inner, (*path, index))]
    return found


def mangled(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:  # noqa: ANN401 - any JSON
    if not path:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = mangled(value[path[0]], path[1:], wrong)
    return copy


WAITING = {"reason": "CrashLoopBackOff", "message": "x"}
PROBED = {"httpGet": {"port": 1}, "periodSeconds": 5}
RICH = pod(
    specs=[{"name": "app", "image": "a:1", "livenessProbe": PROBED, "ports": [{"containerPort": 8080}]}],
    statuses=[container_status(waiting=WAITING, last={"exitCode": 143, "reason": "Error"}, restarts=3)],
    volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}],
)
AROUND = (
    ingress("shop.test", ("/cart", "checkout")),
    route(["shop.test"], {"name": "checkout"}),
    autoscaler("TooManyReplicas"),
    budget(0),
    slices("checkout", "yes"),
    service("checkout"),
    workload("checkout", env=[{"name": "CART_ADDR", "value": "cart:8080"}], envFrom=[{"configMapRef": {"name": "c"}}]),
    thing("ConfigMap", "c", calls={"a": ["cart.shop.svc"]}),
)
RICH_PATHS = [path for path in paths(dict(RICH.body)) if path]


def answers(*items: Item) -> None:
    assessment = judge(case(*items))
    assert assessment.headline
    assert not [one.statement for one in assessment.findings if one.kind == DETECTOR_FAILED]
    assert all(len(one.statement) <= 300 for one in (*assessment.findings, *assessment.hypotheses))


@given(st.sampled_from(RICH_PATHS), WRONG)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_pod_with_one_wrong_value_is_judged_all_the_same(path: tuple[Any, ...], wrong: Any) -> None:  # noqa: ANN401
    said = event("Unhealthy", "Liveness probe failed: connection refused")
    answers(state(RICH.subject, mangled(dict(RICH.body), path, wrong)), replica_set(), said)


@given(st.data(), WRONG)
@settings(max_examples=80, deadline=None)
def test_whatever_stands_around_with_one_wrong_value_is_judged_all_the_same(data: st.DataObject, wrong: Any) -> None:  # noqa: ANN401
    one = data.draw(st.sampled_from(AROUND))
    path = data.draw(st.sampled_from([found for found in paths(dict(one.body)) if found]))
    others = [other for other in AROUND if other is not one]
    answers(RICH, replica_set(), *others, state(one.subject, mangled(dict(one.body), path, wrong)))


@given(KINDS, st.dictionaries(st.sampled_from(["metadata", "spec", "status", "calls", "keys", "endpoints"]), JSON))
@settings(max_examples=80, deadline=None)
def test_an_object_of_any_shape_is_judged_all_the_same(kind: str, body: dict[str, Any]) -> None:
    answers(state(Subject(CLUSTER, "shop", kind, "checkout"), body), pod(), replica_set())


@given(
    st.sampled_from(["FailedScheduling", "FailedCreate", "FailedMount", "Unhealthy", "Failed", "ProvisioningFailed"]),
    st.one_of(
        TEXT, st.sampled_from(["exceeded quota: q, requested: a, used: b, limited: c", "0/4 nodes are available: "])
    ),
)
@settings(max_examples=40, deadline=None)
def test_an_event_of_any_text_is_judged_all_the_same(reason: str, message: str) -> None:
    answers(event(reason, message), pod(node=""), replica_set())


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=20))
@settings(max_examples=25, deadline=None)
def test_a_series_of_any_values_is_judged_all_the_same(values: list[float | None]) -> None:
    names = ("alert_value", "restarts", "memory_working_set", "error_ratio", "request_rate", "latency_p95")
    answers(*(series(name, values, "ratio") for name in names), *oom_after_rollout().evidence.items[:6])
