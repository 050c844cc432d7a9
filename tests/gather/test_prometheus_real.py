"""Against the real program: every PromQL that we may send is executed by it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import pytest

from app.domain.alert import Alert, AlertStatus
from app.domain.errors import SourceError
from app.domain.evidence import Series
from app.domain.query import PromQuery
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject
from app.gather.questions import calls, secret_versions
from app.gather.sources.prometheus import PrometheusSource
from app.playbooks.loader import load_playbooks
from app.playbooks.questions import Questions
from tests.gather.canned import settings
from tests.prometheus import prometheus

pytestmark = pytest.mark.anyio

HOSTILE = 'x"} or vector(1) #\\'
KINDS = sorted({kind for book in load_playbooks().every for kind in book.kinds})
CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ["127.0.0.1:%(port)d"]}]
  - job_name: shared
    static_configs:
      - {targets: ["127.0.0.1:%(port)d"], labels: {cluster: eu, pod: checkout-eu}}
      - {targets: ["127.0.0.1:%(port)d"], labels: {cluster: us, pod: checkout-us}}
"""


@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), CONFIG, ready=("up == 1", 3)) as url:
        yield url


@pytest.fixture
async def source(prometheus_url: str):  # noqa: ANN201 - an async generator of pytest's
    made = PrometheusSource(settings(prometheus_url=prometheus_url, source_deadline_seconds=20))
    yield made
    await made.aclose()


def alert(labels: dict[str, str], expr: str) -> Alert:
    url = f"http://elsewhere.example/graph?g0.expr={quote_plus(expr)}&g0.tab=1"
    started = datetime.now(UTC) - timedelta(minutes=2)
    return Alert("f1", AlertStatus.FIRING, labels, {}, started, None, url)


@pytest.mark.parametrize("name", ["checkout", HOSTILE])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_question_of_the_catalogue_is_executed(source: PrometheusSource, kind: str, name: str) -> None:
    namespace = "" if kind in CLUSTER_SCOPED_KINDS else name
    subject = Subject("prod", namespace, kind, name)
    asked = Questions(load_playbooks())(
        [alert({"alertname": "Down"}, "up < 1")], subject, datetime.now(UTC), ("checkout-7d9f8b6c5-x2x7k", "odd_pod")
    )
    queries = [query for query in asked if isinstance(query, PromQuery)]
    evidence = await asyncio.gather(*(source.answer(query) for query in queries))
    assert len(queries) >= 6
    playbook_items = [item for one in evidence for item in one.of(Series) if not item.name.startswith("alert_")]
    assert playbook_items == [], "a Prometheus that scrapes only itself has nothing to say on these"


async def test_an_alerts_own_expression_tells_its_value_and_whether_it_is_still_true(source: PrometheusSource) -> None:
    labels = {"alertname": "Serving", "job": "prometheus", "severity": "warning"}
    expr = "sum by (job) (up) > 0.5"
    asked = Questions(load_playbooks())([alert(labels, expr)], Subject("c", "", "Cluster", "c"), datetime.now(UTC))
    found: dict[str, tuple[Series, ...]] = {}
    for query in asked:
        if isinstance(query, PromQuery):
            found[query.name] = (await source.answer(query)).of(Series)
    assert found["alert_value"][0].expr == "sum by (job) (up)"
    assert found["alert_value"][0].points[-1][1] == 1.0, "and not the two of the job that the alert does not name"
    assert found["alert_condition"][0].points[-1][1] == 1.0
    assert found["alert_value_usual"] == ()


@pytest.mark.parametrize("name", ["checkout", HOSTILE])
async def test_the_versions_of_secrets_are_asked_for_whatever_they_are_called(
    source: PrometheusSource, name: str
) -> None:
    query = secret_versions(Subject("prod", name, "Deployment", name), {name, "a.b"}, datetime.now(UTC))
    (gap,) = (await source.answer(query)).gaps
    assert gap.reason == "kube-state-metrics does not export them"


@pytest.mark.parametrize("name", ["checkout", HOSTILE])
async def test_who_calls_whom_is_asked_in_words_that_it_understands_and_silence_is_no_gap(
    source: PrometheusSource, name: str
) -> None:
    answer = await source.answer(calls(Subject("prod", name, "Deployment", name), datetime.now(UTC)))
    assert (answer.items, answer.gaps) == ((), ())


async def test_the_doctor_finds_it_well(source: PrometheusSource, prometheus_url: str) -> None:
    diagnosis = await source.check()
    assert diagnosis.healthy, diagnosis
    assert prometheus_url in diagnosis.statement


async def test_a_query_that_it_refuses_is_told_in_its_words(source: PrometheusSource) -> None:
    now = datetime.now(UTC)
    query = PromQuery("q", Subject("c", "", "Cluster", "c"), "x", "up{", "", now - timedelta(hours=1), now)
    with pytest.raises(SourceError, match=r"^bad query \(400\): .*parse error"):
        await source.answer(query)


async def test_of_a_prometheus_that_holds_several_clusters_one_is_seen(prometheus_url: str) -> None:
    """Also where an alert's expression, which anybody may write, asks for all."""
    now = datetime.now(UTC)
    eu = Subject("eu", "shop", "Deployment", "checkout")
    made = PrometheusSource(settings(prometheus_url=prometheus_url, prometheus_matchers={"cluster": "eu"}))
    seen = {}
    try:
        for expr in ('up{job="shared"}', 'up{cluster=~".*"}', 'sum by (pod) (up) + on (pod) up{cluster!=""}'):
            query = PromQuery("q", eu, "x", expr, "", now - timedelta(minutes=1), now)
            seen[expr] = [one.labels.get("pod") for one in (await made.answer(query)).of(Series)]
        with pytest.raises(SourceError, match="limited to this cluster"):
            await made.answer(PromQuery("q", eu, "x", 'up{job="a" or cluster="us"}', "", now, now))
    finally:
        await made.aclose()
    assert all(pods == ["checkout-eu"] for pods in seen.values()), seen


async def test_the_label_of_a_cluster_need_not_be_what_alerts_call_it(prometheus_url: str) -> None:
    now = datetime.now(UTC)
    made = PrometheusSource(settings(prometheus_url=prometheus_url, prometheus_matchers={"cluster": "eu"}))
    labels = (("alertname", "Up"), ("cluster", "prod-europe"), ("job", "shared"), ("pod", "checkout-eu"))
    subject = Subject("prod-europe", "shop", "Deployment", "checkout")
    asked = PromQuery("q", subject, "x", "sum by (pod, cluster) (up)", "", now - timedelta(minutes=1), now, (labels,))
    try:
        series = (await made.answer(asked)).of(Series)
    finally:
        await made.aclose()
    assert [one.labels for one in series] == [{"pod": "checkout-eu", "cluster": "eu"}]


@pytest.mark.parametrize(("cluster", "healthy"), [("eu", True), ("ue", False)])
async def test_the_doctor_finds_a_cluster_label_that_no_series_has(
    prometheus_url: str, cluster: str, *, healthy: bool
) -> None:
    made = PrometheusSource(settings(prometheus_url=prometheus_url, prometheus_matchers={"cluster": cluster}))
    try:
        diagnosis = await made.check()
    finally:
        await made.aclose()
    assert diagnosis.healthy is healthy
    assert ("SITREP_PROMETHEUS_MATCHERS" in diagnosis.fix) is not healthy
    assert (f'cluster="{cluster}"' in diagnosis.statement) is not healthy
