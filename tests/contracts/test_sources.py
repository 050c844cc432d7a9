"""What every source owes its caller, whatever it talks to: evidence, or one `SourceError` in plain words, in time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import registry
from app.domain.evidence import Evidence, Probe
from app.domain.query import KUBERNETES_QUERIES, LogQuery, ObjectQuery, ProbeQuery, PromQuery, Query
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.source import Source
from app.gather.sources.kubernetes import Connection, KubernetesSource
from app.settings import HealthUrl, Secret, Settings
from tests.fakes.elasticsearch import FakeElasticsearch
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.loki import FakeLoki
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Trouble
from tests.fakes.victorialogs import FakeVictoriaLogs

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
DEADLINE_SECONDS = 1.0
TOKEN = "a-token-that-" + "must-not-show"
EMPTY = Recording(now=NOW)


@dataclass(frozen=True)
class Stand:
    """How to stand up one source against its stand-in, and a question for it."""

    fake: Callable[[], FakeServer]
    query: Callable[[str], Query]


def _settings(url: str) -> Settings:
    return Settings(
        kubernetes="off",
        prometheus_url=url,
        prometheus_token=Secret(TOKEN),
        loki_url=url,
        loki_token=Secret(TOKEN),
        victorialogs_url=url,
        victorialogs_token=Secret(TOKEN),
        elasticsearch_url=url,
        elasticsearch_token=Secret(TOKEN),
        health_urls=[HealthUrl(url=f"{url}/healthz")],
        source_deadline_seconds=DEADLINE_SECONDS,
    )


def _log_query(_: str) -> Query:
    start = NOW - timedelta(minutes=20)
    return LogQuery(
        "errors of shop/checkout", CHECKOUT, start, NOW, ((start - timedelta(hours=1), start - timedelta(minutes=55)),)
    )


STANDS = {
    "kubernetes": Stand(
        lambda: FakeKubernetes(EMPTY, token=TOKEN), lambda _: ObjectQuery("state of shop/checkout", CHECKOUT)
    ),
    "prometheus": Stand(
        lambda: FakePrometheus(EMPTY, token=TOKEN),
        lambda _: PromQuery("memory of checkout", CHECKOUT, "memory", "up", "By", NOW - timedelta(hours=1), NOW),
    ),
    "loki": Stand(lambda: FakeLoki(EMPTY, token=TOKEN), _log_query),
    "victorialogs": Stand(lambda: FakeVictoriaLogs(EMPTY, token=TOKEN), _log_query),
    "elasticsearch": Stand(lambda: FakeElasticsearch(EMPTY, token=TOKEN), _log_query),
    "probe": Stand(
        lambda: FakePrometheus(EMPTY),
        lambda url: ProbeQuery("health of checkout", CHECKOUT, f"{url}/healthz"),
    ),
}

TROUBLES = {
    "hang": Trouble("hang"),
    "slow": Trouble("slow", seconds=30),
    "401": Trouble("status", status=401),
    "403": Trouble("status", status=403),
    "404": Trouble("status", status=404),
    "429": Trouble("status", status=429),
    "500": Trouble("status", status=500),
    "503": Trouble("status", status=503),
    "html": Trouble("html"),
    "garbage": Trouble("garbage"),
    "reset": Trouble("reset"),
}

# A health endpoint may answer with any body.
NO_TROUBLE = {("probe", "html"), ("probe", "garbage")}


@asynccontextmanager
async def standing(name: str, folder: Path, trouble: Trouble | None) -> AsyncIterator[tuple[Source, Query, FakeServer]]:
    """The source, a question for it and the stand-in; without trouble to start with, nobody listens at all."""
    stand = STANDS[name]
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(stand.fake())
        if isinstance(fake, FakeKubernetes):
            config = str(fake.kubeconfig(folder / "kubeconfig"))
            connection = await Connection.open(context="", config_file=config, timeout_seconds=DEADLINE_SECONDS)
            assert connection is not None
            source: Source = KubernetesSource(connection)
        else:
            made = await registry.SOURCES[name](_settings(fake.url))
            assert made is not None
            source = made
        query = stand.query(fake.url)
        if trouble is None:
            await stack.aclose()
        else:
            fake.trouble = trouble
        try:
            yield source, query, fake
        finally:
            await source.aclose()


async def gathered(source: Source, query: Query) -> Evidence:
    return await Gatherer([source], Planner(), DEADLINE_SECONDS).ask((query,), NOW)


def is_told(evidence: Evidence) -> bool:
    """A gap, or for a probe the failure itself, which is what was asked for."""
    return bool(evidence.gaps) or any(probe.status != 200 or probe.detail for probe in evidence.of(Probe))


def test_every_source_of_the_registry_stands_trial_here() -> None:
    assert set(STANDS) == set(registry.SOURCES)


@pytest.mark.parametrize(("name", "mood"), [(n, m) for n in STANDS for m in TROUBLES if (n, m) not in NO_TROUBLE])
async def test_trouble_becomes_a_gap_in_plain_words_within_the_deadline(name: str, mood: str, tmp_path: Path) -> None:
    async with standing(name, tmp_path, TROUBLES[mood]) as (source, query, _):
        started = asyncio.get_running_loop().time()
        evidence = await gathered(source, query)
        assert asyncio.get_running_loop().time() - started < DEADLINE_SECONDS + 0.5
    assert is_told(evidence)
    for gap in evidence.gaps:
        assert gap.source == name
        assert gap.question == query.question
        assert 0 < len(gap.reason) <= 300
        assert "internal error" not in gap.reason
        assert "\n" not in gap.reason
    assert TOKEN not in repr(evidence)


@pytest.mark.parametrize("name", STANDS)
async def test_a_closed_port_becomes_a_gap(name: str, tmp_path: Path) -> None:
    async with standing(name, tmp_path, None) as (source, query, _):
        evidence = await gathered(source, query)
    assert is_told(evidence)
    assert all("refused" in gap.reason for gap in evidence.gaps)


@pytest.mark.parametrize("name", STANDS)
@pytest.mark.parametrize("mood", ["hang", "403", "500", "html", "garbage", "reset"])
async def test_a_check_never_raises_and_finds_what_is_wrong(name: str, mood: str, tmp_path: Path) -> None:
    async with standing(name, tmp_path, TROUBLES[mood]) as (source, _, __):
        async with asyncio.timeout(20):
            diagnosis = await source.check()
    assert diagnosis.name == name
    assert diagnosis.statement
    assert TOKEN not in repr(diagnosis)
    # Whether an endpoint answers is about the endpoint, not about our ability to ask.
    assert diagnosis.healthy is (name == "probe")


@pytest.mark.parametrize("name", STANDS)
async def test_a_source_takes_only_its_own_questions(name: str, tmp_path: Path) -> None:
    everything = {
        type(stand.query("http://127.0.0.1:1")): stand.query("http://127.0.0.1:1") for stand in STANDS.values()
    }
    async with standing(name, tmp_path, Trouble()) as (source, query, _):
        taken = {kind for kind, each in everything.items() if source.accepts(each)}
    assert taken == {type(query)}
    assert (name == "kubernetes") is (type(query) in KUBERNETES_QUERIES)


@pytest.mark.parametrize("name", STANDS)
async def test_closing_twice_is_harmless(name: str, tmp_path: Path) -> None:
    async with standing(name, tmp_path, Trouble()) as (source, _, __):
        await source.aclose()
