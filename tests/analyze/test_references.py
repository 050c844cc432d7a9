"""What a pod template refers to and is not there, as it was looked for by name."""

import pytest

from app.analyze.detectors.admission import Admission
from app.analyze.detectors.missing_config import MissingConfig
from app.domain.evidence import ObjectState
from tests.analyze.around import thing
from tests.analyze.judging import detect, kinds
from tests.builders import case, container_status, deployment, event, pod, replica_set

WAITS = pod(statuses=[container_status(waiting={"reason": "ContainerCreating"})])
ABSENT = thing("ConfigMap", "settings", absent=True)


def needing(*, optional: bool = False, key: str = "", account: str = "", replicas: int = 1) -> ObjectState:
    """shop/checkout, which reads ConfigMap settings, or one key of it."""
    reference = {"name": "settings", "optional": optional}
    container = {"name": "app", "envFrom": [{"configMapRef": reference}]}
    if key:
        variable = {"name": "A", "valueFrom": {"configMapKeyRef": {**reference, "key": key}}}
        container = {"name": "app", "env": [variable]}
    spec = {"containers": [container], "serviceAccountName": account}
    return thing("Deployment", "checkout", spec={"replicas": replicas, "template": {"spec": spec}})


def test_a_config_map_that_was_looked_for_in_vain_is_why_pods_wait() -> None:
    (found,) = detect(MissingConfig(), case(WAITS, replica_set(), needing(), ABSENT))
    assert (found.kind, found.statement) == ("config.missing_configmap", "ConfigMap settings does not exist")
    assert found.evidence == (ABSENT.id,)


def test_so_is_a_key_that_it_has_not() -> None:
    config = thing("ConfigMap", "settings", keys=["other"])
    (found,) = detect(MissingConfig(), case(WAITS, replica_set(), needing(key="url"), config))
    assert (found.kind, found.statement) == ("config.missing_key", "key url is missing in ConfigMap settings")


@pytest.mark.parametrize(
    "items",
    [
        (WAITS, needing(optional=True), ABSENT),
        (WAITS, needing(), thing("ConfigMap", "settings", keys=["url"])),
        (WAITS, needing(key="url"), thing("ConfigMap", "settings", keys=["url"])),
        (WAITS, needing(key="url"), thing("ConfigMap", "settings", keys=[f"k{n}" for n in range(200)])),
        (WAITS, needing()),
        (pod(statuses=[container_status(ready=False)]), needing(), ABSENT),
        (pod(), needing(), ABSENT),
    ],
)
def test_what_is_there_is_optional_or_hinders_no_pod_is_no_finding(items: tuple[ObjectState, ...]) -> None:
    assert detect(MissingConfig(), case(*items, replica_set())) == []


def test_the_events_words_win_where_there_are_any() -> None:
    said = event("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "other" not found')
    found = detect(MissingConfig(), case(WAITS, replica_set(), needing(), ABSENT, said))
    assert [one.statement for one in found] == ["ConfigMap other does not exist"]


def test_an_account_that_is_not_there_is_why_no_pod_is_made_even_when_the_events_are_gone() -> None:
    gone = thing("ServiceAccount", "robot", absent=True)
    (found,) = detect(Admission(), case(needing(account="robot"), gone))
    assert (found.kind, found.subject) == ("admission.service_account", deployment())
    there = thing("ServiceAccount", "robot")
    for items in (
        (needing(account="robot"), there),
        (needing(account="robot"),),
        (needing(account="robot", replicas=0), gone),
        (needing(account="robot"), gone, pod(), replica_set()),
    ):
        assert not kinds(detect(Admission(), case(*items)))
