"""Several clusters: the alert's cluster chooses whose sources are asked, and every gap says whose it is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import registry
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap, ObjectState
from app.domain.query import ObjectQuery, PromQuery, Query
from app.domain.subject import Subject
from app.gather import questions
from app.gather.breaker import FAILURES_IN_A_ROW
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.settings import load_settings
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording
from tests.gather.cluster import deployment
from tests.gather.test_gatherer import ScriptedSource, found

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)


def checkout(cluster: str) -> Subject:
    return Subject(cluster, "shop", "Deployment", "checkout")


async def ask(sources: Mapping[str, list[ScriptedSource]], *clusters: str) -> Evidence:
    gatherer = Gatherer(sources, Planner(), 0.5)
    return await gatherer.ask([questions.state(checkout(cluster)) for cluster in clusters], NOW)


async def fails(_: Query) -> Evidence:
    raise SourceError("API server refused the connection", source_is_sick=True)


async def test_the_cluster_of_the_subject_chooses_whose_source_is_asked() -> None:
    eu, us = ScriptedSource(found), ScriptedSource(found)
    evidence = await ask({"eu": [eu], "us": [us]}, "us")
    assert [query.subject.cluster for query in us.asked] == ["us"]
    assert eu.asked == []
    assert [state.subject.cluster for state in evidence.of(ObjectState)] == ["us"]
    assert list(evidence.milliseconds) == ["kubernetes@us"]


async def test_of_a_cluster_that_nobody_configured_nobody_is_asked_and_that_is_said() -> None:
    eu, here = ScriptedSource(found), ScriptedSource(found)
    evidence = await ask({"eu": [eu], "default": [here]}, "stage-2")
    assert eu.asked == here.asked == []
    assert evidence.gaps == (
        Gap("kubernetes", "state of shop/checkout", "no sources are configured for cluster stage-2"),
    )


async def test_a_single_named_cluster_does_not_answer_for_another() -> None:
    prod = ScriptedSource(found)
    evidence = await ask({"prod": [prod]}, "stage-2", "prod")
    assert [query.subject.cluster for query in prod.asked] == ["prod"]
    assert [gap.reason for gap in evidence.gaps] == ["no sources are configured for cluster stage-2"]


@pytest.mark.parametrize("cluster", ["default", "stage-2", ""])
async def test_a_single_cluster_without_a_name_answers_for_whatever_an_alert_calls_it(cluster: str) -> None:
    only = ScriptedSource(found)
    evidence = await ask({"": [only]}, cluster)
    assert len(only.asked) == 1
    assert evidence.gaps == ()
    assert list(evidence.milliseconds) == ["kubernetes"]


async def test_a_gap_names_the_cluster_whose_source_it_is() -> None:
    async def partly(query: Query) -> Evidence:
        return Evidence(gaps=(Gap("kubernetes", query.question, "only the first 500 were read"),))

    evidence = await ask({"eu": [ScriptedSource(partly)], "us": [ScriptedSource(fails)]}, "eu", "us")
    assert {(gap.cluster, gap.reason) for gap in evidence.gaps} == {
        ("eu", "only the first 500 were read"),
        ("us", "API server refused the connection"),
    }


async def test_one_reason_in_two_clusters_stays_two_gaps() -> None:
    evidence = await ask({"eu": [ScriptedSource(fails)], "us": [ScriptedSource(fails)]}, "eu", "us")
    assert [gap.cluster for gap in evidence.gaps] == ["eu", "us"]


async def test_a_source_that_a_cluster_lacks_is_told_as_that_clusters() -> None:
    query = PromQuery("memory", checkout("eu"), "memory", "up", "By", NOW, NOW)
    gatherer = Gatherer({"eu": [ScriptedSource(found)], "us": [ScriptedSource(found, "prometheus")]}, Planner(), 0.5)
    evidence = await gatherer.ask([query], NOW)
    assert evidence.gaps == (Gap("prometheus", "memory", "not configured", "eu"),)


async def test_a_dead_cluster_rests_alone() -> None:
    eu, us = ScriptedSource(fails), ScriptedSource(found)
    gatherer = Gatherer({"eu": [eu], "us": [us]}, Planner(), 0.5)
    for number in range(FAILURES_IN_A_ROW):
        gone = Subject("eu", "shop", "Deployment", f"gone-{number}")
        await gatherer.ask([ObjectQuery("state", gone)], NOW)
    assert {way.cluster: way.breaker.is_open for way in gatherer.ways} == {"eu": True, "us": False}
    evidence = await gatherer.ask([questions.state(checkout("us"))], NOW)
    assert evidence.gaps == ()
    assert len(evidence.items) == 1


async def test_two_clusters_of_the_settings_answer_each_for_itself(folder: Path) -> None:
    """Through the settings file and real connections: the same name in both, and another token for each."""
    tokens = {"eu": "eu-" + "token", "us": "us-" + "token"}
    one, two = deployment(), deployment()
    one["spec"]["replicas"], two["spec"]["replicas"] = 3, 9
    async with (
        FakeKubernetes(Recording(now=NOW, objects=(one,)), token=tokens["eu"]) as eu,
        FakeKubernetes(Recording(now=NOW, objects=(two,)), token=tokens["us"]) as us,
    ):
        eu.kubeconfig(folder / "eu"), us.kubeconfig(folder / "us")
        text = f"kubernetes: off\nclusters: {{eu: {{kubeconfig: {folder}/eu}}, us: {{kubeconfig: {folder}/us}}}}"
        (folder / "sitrep.yaml").write_text(text, encoding="utf-8")
        clusters = await registry.clusters(load_settings({"SITREP_CONFIG_FILE": str(folder / "sitrep.yaml")}))
        try:
            gatherer = Gatherer(clusters, Planner(), 5)
            evidence = await gatherer.ask([questions.state(checkout(name)) for name in ("eu", "us", "default")], NOW)
        finally:
            for source in (source for own in clusters.values() for source in own):
                await source.aclose()
    replicas = {state.subject.cluster: state.body["spec"]["replicas"] for state in evidence.of(ObjectState)}
    assert replicas == {"eu": 3, "us": 9}
    assert [(gap.cluster, gap.reason) for gap in evidence.gaps] == [("default", "not configured")]


async def test_a_context_without_a_kubeconfig_never_leads_into_our_own_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    clusters = await registry.clusters(load_settings({"SITREP_CLUSTERS": "{eu: {kubernetes_context: eu}}"}))
    gatherer = Gatherer(clusters, Planner(), 1)
    evidence = await gatherer.ask([questions.state(checkout("eu"))], NOW)
    assert [gap.reason for gap in evidence.gaps] == ["context eu is set, and there is no kubeconfig to find it in"]
