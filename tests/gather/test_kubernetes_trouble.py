"""A cluster that refuses, is overloaded or is not there is told in words, and found by the doctor."""

from pathlib import Path

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import ClusterEvent, ObjectState
from app.domain.query import (
    ContainerLogQuery,
    EventQuery,
    ObjectQuery,
    PodsQuery,
)
from app.gather.sources.kubernetes import Connection, KubernetesSource
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.gather.cluster import (
    CHECKOUT,
    NOW,
    POD,
    crashing_pod,
    event,
    kubernetes,
    shop,
)

pytestmark = pytest.mark.anyio


async def test_all_pages_are_read_and_the_sick_are_kept(tmp_path: Path) -> None:
    well = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": []}
    pods = [crashing_pod(f"checkout-7c5f46fc47-{n:05}", **well) for n in range(1_100)]
    async with kubernetes(tmp_path, *pods, crashing_pod("checkout-zz-zzzzz")) as (fake, source):
        answer = await source.answer(PodsQuery("pods", CHECKOUT, (("app", "checkout"),)))
    assert len(fake.requests) == 3
    assert len(answer.items) == 31
    assert answer.of(ObjectState)[0].subject.name == "checkout-zz-zzzzz"
    assert not answer.gaps


async def test_sick_pods_that_were_left_out_are_said(tmp_path: Path) -> None:
    pods = [crashing_pod(f"checkout-7c5f46fc47-{n:05}") for n in range(120)]
    async with kubernetes(tmp_path, *pods) as (_, source):
        answer = await source.answer(PodsQuery("pods", CHECKOUT, (("app", "checkout"),)))
    assert (len(answer.items), answer.gaps[0].reason) == (100, "only 100 of 120 unhealthy ones were kept")


async def test_a_page_token_that_grew_too_old_is_replaced_by_the_fresh_one(tmp_path: Path) -> None:
    pods = [crashing_pod(f"checkout-7c5f46fc47-{n:05}") for n in range(600)]
    async with kubernetes(tmp_path, *pods) as (fake, source):
        page = fake._page

        def page_and_expire(*arguments: object) -> object:
            answer = page(*arguments)  # type: ignore[arg-type]
            if len(fake.requests) == 1:
                fake.expire_pages()
            return answer

        fake._page = page_and_expire  # type: ignore[method-assign,assignment]
        answer = await source.answer(PodsQuery("pods", CHECKOUT, (("app", "checkout"),)))
    assert len(fake.requests) == 3
    assert answer.gaps[0].reason == "only 100 of 600 unhealthy ones were kept"


async def test_what_rbac_forbids_is_said_in_words(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.forbidden = {"events", "pods/log"}
        with pytest.raises(SourceError, match=r"^no permission to list events in shop \(403\)$"):
            await source.answer(EventQuery("events", POD))
        with pytest.raises(SourceError, match=r"^no permission to read logs in shop \(403\)$"):
            await source.answer(ContainerLogQuery("log", POD, "app", previous=False))


async def test_an_overloaded_api_server_is_asked_once_more(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.throttled, fake.retry_after_seconds = 1, 0
        assert (await source.answer(ObjectQuery("state", POD))).items
        fake.throttled = 2
        with pytest.raises(SourceError, match=r"overloaded \(429\)"):
            await source.answer(ObjectQuery("state", CHECKOUT))


async def test_the_same_question_within_seconds_reaches_the_api_server_once(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        for _ in range(5):
            await source.answer(ObjectQuery("state", POD))
    assert len(fake.requests) == 1


async def test_a_refused_token_is_said_and_found_by_the_doctor(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.token = "another"
        with pytest.raises(SourceError, match=r"^token refused \(401\)$"):
            await source.answer(ObjectQuery("state", POD))
        diagnosis = await source.check()
    assert (diagnosis.healthy, diagnosis.statement) == (False, "token refused (401)")
    assert diagnosis.fix


async def test_the_doctor_finds_nothing_wrong_with_a_cluster_that_answers(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (_, source):
        assert (await source.check()).healthy


async def test_the_doctor_is_not_taken_in_by_a_sign_in_page(tmp_path: Path) -> None:
    async with kubernetes(tmp_path, *shop()) as (fake, source):
        fake.trouble = Trouble("html")
        with pytest.raises(SourceError, match="not what the Kubernetes API sends"):
            await source.answer(ObjectQuery("state", POD))
        diagnosis = await source.check()
    assert not diagnosis.healthy
    assert "not what the Kubernetes API sends" in diagnosis.statement


async def test_the_doctor_says_that_nobody_listens(tmp_path: Path) -> None:
    async with FakeKubernetes(Recording(now=NOW)) as fake:
        config = str(fake.kubeconfig(tmp_path / "kubeconfig"))
    connection = await Connection.open(context="", config_file=config, timeout_seconds=5)
    assert connection is not None
    source = KubernetesSource(connection)
    diagnosis = await source.check()
    await source.aclose()
    assert (diagnosis.healthy, diagnosis.statement) == (False, "API server refused the connection")


@pytest.mark.parametrize("text", [None, "just text", "clusters: 5", "{", "current-context: gone\nclusters: []"])
async def test_a_kubeconfig_that_cannot_be_used_is_said(tmp_path: Path, text: str | None) -> None:
    config = tmp_path / "kubeconfig"
    if text is not None:
        config.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="kubeconfig is not usable"):
        await Connection.open(context="", config_file=str(config), timeout_seconds=5)


async def test_objects_events_and_lines_can_be_stored(tmp_path: Path) -> None:
    pod = crashing_pod()
    pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["message"] = "term\x00msg \ud83d"
    pod["metadata"]["labels"]["half"] = "\udc00\x00"
    happened = event("Pod", POD.name, "Back\x00Off", message="over\x00 and \ud83d out")
    async with kubernetes(tmp_path, pod, happened) as (_, source):
        (state,) = (await source.answer(ObjectQuery("state", POD))).of(ObjectState)
        (seen,) = (await source.answer(EventQuery("events", POD))).of(ClusterEvent)
    ended = state.body["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert ended["message"] == "term\ufffdmsg \ufffd"
    assert state.body["metadata"]["labels"]["half"] == "\ufffd\ufffd"
    assert (seen.reason, seen.message) == ("Back\ufffdOff", "over\ufffd and \ufffd out")
