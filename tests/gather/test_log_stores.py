"""Whichever log store keeps the lines, the evidence is the same."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import Evidence, LogPattern
from app.domain.log_budget import LogBudget
from app.domain.query import LogQuery
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.logs.allowance import ALLOWANCE, Allowance, MemoryMeter
from app.gather.planner import Planner
from app.gather.source import Source
from app.gather.sources.elasticsearch import ElasticsearchSource
from app.gather.sources.loki import LokiSource
from app.gather.sources.victorialogs import VictoriaLogsSource
from tests.fakes.elasticsearch import FLUENT_BIT, JOURNAL, FakeElasticsearch, FakeIndex, fluent_bit
from tests.fakes.loki import FakeLoki
from tests.fakes.loki_entries import Entry, entries_of, nanoseconds
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Trouble
from tests.fakes.victorialogs import FakeVictoriaLogs
from tests.gather.canned import CannedServer, settings
from tests.gather.log_lines import LINES, NODE, NOW, OTHER, POD, instant, query, recording

pytestmark = pytest.mark.anyio


def _dynamically_mapped(recorded: Recording) -> FakeElasticsearch:
    index = FakeIndex(FLUENT_BIT, [fluent_bit(entry) for entry in entries_of(recorded)])
    return FakeElasticsearch(recorded, indices={"logstash-2026.03.09": index})


def _of_fields(recorded: Recording) -> FakeVictoriaLogs:
    names = {"namespace": "kubernetes.pod_namespace", "pod": "kubernetes.pod_name"}
    return FakeVictoriaLogs(recorded, stream_fields=("host",), names=names | {"container": "kubernetes.container_name"})


@dataclass(frozen=True)
class Kind:
    """One log store, and how its lines are laid out."""

    fake: Callable[[Recording], FakeServer]
    source: Callable[[str], Source]
    name: str


KINDS = {
    "loki": Kind(FakeLoki, lambda url: LokiSource(settings(loki_url=url)), "loki"),
    "victorialogs": Kind(
        FakeVictoriaLogs, lambda url: VictoriaLogsSource(settings(victorialogs_url=url)), "victorialogs"
    ),
    "victorialogs, no streams": Kind(
        _of_fields, lambda url: VictoriaLogsSource(settings(victorialogs_url=url)), "victorialogs"
    ),
    "elasticsearch": Kind(
        FakeElasticsearch, lambda url: ElasticsearchSource(settings(elasticsearch_url=url)), "elasticsearch"
    ),
    "elasticsearch, no template": Kind(
        _dynamically_mapped, lambda url: ElasticsearchSource(settings(elasticsearch_url=url)), "elasticsearch"
    ),
}


@asynccontextmanager
async def standing(kind: str, recorded: Recording) -> AsyncIterator[tuple[Source, FakeServer]]:
    async with KINDS[kind].fake(recorded) as fake:
        source = KINDS[kind].source(fake.url)
        try:
            yield source, fake
        finally:
            await source.aclose()


async def answered(kind: str, asked: LogQuery, recorded: Recording | None = None) -> Evidence:
    async with standing(kind, recorded or recording(LINES)) as (source, _):
        return await source.answer(asked)


@pytest.mark.parametrize("kind", KINDS)
async def test_errors_are_counted_by_shape_against_the_usual_time(kind: str) -> None:
    evidence = await answered(kind, query())
    assert evidence.gaps == ()
    found = {pattern.template: pattern for pattern in evidence.of(LogPattern)}
    timeout = found["ERROR timeout after 100 ms calling ledger"]
    assert (timeout.count, timeout.baseline_count, timeout.container) == (5, 9, "app")
    assert (timeout.first_seen, timeout.last_seen) == (NOW.fromisoformat(instant(301)), NOW.fromisoformat(instant(61)))
    assert (found["panic: nil map"].count, found["panic: nil map"].baseline_count) == (1, 0)
    assert len(found) == 3
    assert {pattern.origin for pattern in found.values()} == {KINDS[kind].name}


@pytest.mark.parametrize("kind", KINDS)
async def test_secrets_do_not_pass(kind: str) -> None:
    evidence = await answered(kind, query())
    assert "hunter2" not in repr(evidence)
    assert any("login failed" in pattern.template for pattern in evidence.of(LogPattern))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stack_trace_in_one_entry_becomes_one_line_and_a_key_in_it_is_gone(kind: str) -> None:
    pem = "-----BEGIN " + "PRIVATE KEY-----\nMIIabc" + "def\n-----END " + "PRIVATE KEY-----"
    trace = f"ERROR in checkout\r\n  at a.b(C.java:1)\n\n  at d.e(F.java:2)\n{pem}\nend\n"
    evidence = await answered(kind, query(usual=False), recording({f"{POD}/app": [(9.0, trace)]}))
    (pattern,) = evidence.of(LogPattern)
    assert pattern.template.startswith("ERROR in checkout | at a.b(C.java:1) | at d.e(F.java:2) | [REDACTED:")
    assert "MIIabc" not in repr(evidence)


@pytest.mark.parametrize("kind", KINDS)
async def test_pods_that_are_named_by_somebody_else_and_whole_namespaces_are_asked_too(kind: str) -> None:
    odd = await answered(kind, query(pods=(OTHER,), usual=False))
    assert "ERROR of another workload" in {pattern.template for pattern in odd.of(LogPattern)}
    whole = await answered(kind, query(Subject("prod", "", "Namespace", "shop"), usual=False))
    assert {"ERROR of another workload", "panic: nil map"} <= {p.template for p in whole.of(LogPattern)}
    elsewhere = await answered(kind, query(Subject("prod", "other", "Deployment", "checkout"), usual=False))
    assert elsewhere == Evidence()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_hostile_name_asks_for_nothing_else(kind: str) -> None:
    for name in ('x" or namespace:="shop', 'x"} or {"namespace"="shop', "x\\", '.*"', "x|.*", "#@&<>~"):
        hostile = Subject("prod", name, "Deployment", name)
        try:
            assert (await answered(kind, query(hostile, usual=False))).items == ()
        except SourceError as error:
            pytest.fail(f"{name}: {error}")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_newest_lines_are_read_and_it_is_said_that_there_are_more(kind: str) -> None:
    many = recording({f"{POD}/app": [(n + 1.0, f"error of {'x' * (n % 26)}") for n in range(600)]})
    evidence = await answered(kind, query(usual=False), many)
    assert [gap.reason for gap in evidence.gaps] == ["only the newest 500 lines were read"]
    assert sum(pattern.count for pattern in evidence.of(LogPattern)) == 500
    assert min(p.first_seen for p in evidence.of(LogPattern) if p.first_seen) == NOW.fromisoformat(instant(500))


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_asked_that_does_not_fit_the_budget(kind: str) -> None:
    async with standing(kind, recording(LINES)) as (source, fake):
        evidence = await Gatherer([source], Planner(), 5, MemoryMeter(LogBudget(per_incident=10))).ask((query(),), NOW)
        asked = [path for _, path in fake.requests if "query" in path.rpartition("/")[2] or "_search" in path]
    (gap,) = evidence.gaps
    assert gap.reason.startswith("not asked: ")
    assert gap.reason.endswith(" would be read, 0 kB are left for this incident")
    assert asked == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_read_is_counted_as_far_as_the_store_tells(kind: str) -> None:
    meter = Counting()
    async with standing(kind, recording(LINES)) as (source, _):
        token = ALLOWANCE.set(Allowance(meter, "a"))
        try:
            await source.answer(query())
        finally:
            ALLOWANCE.reset(token)
    assert meter.reserved >= 3
    assert 0 < meter.total < 20_000


@pytest.mark.parametrize("kind", ["loki", "victorialogs", "elasticsearch"])
async def test_a_second_try_is_counted_before_it_is_made(kind: str) -> None:
    async with standing(kind, recording(LINES)) as (source, fake):
        await source.answer(query(usual=False))
        budget = Counting()
        token = ALLOWANCE.set(Allowance(budget, "a"))
        fake.trouble = Trouble("status", status=503)
        try:
            with pytest.raises(SourceError, match=r"\(503\)"):
                await source.answer(query(usual=False))
        finally:
            ALLOWANCE.reset(token)
    # Loki is asked for the size first, and that fails already.
    assert budget.reserved == (0 if kind == "loki" else 2)


async def test_a_second_try_of_loki_is_counted_before_it_is_made() -> None:
    server = CannedServer({"status": "success", "data": {"resultType": "streams", "result": []}})
    names, stats = {"status": "success", "data": ["namespace", "pod"]}, {"bytes": 1_500_000_000}
    server.answers = [(200, names), (200, stats), (500, b"oops")]
    async with server:
        source = LokiSource(settings(loki_url=server.url))
        token = ALLOWANCE.set(Allowance(MemoryMeter(LogBudget()), "a"))
        try:
            with pytest.raises(SourceError, match=r"^not asked: 1\.5 GB would be read, 0\.5 GB are left"):
                await source.answer(query(usual=False))
        finally:
            ALLOWANCE.reset(token)
            await source.aclose()
    assert len(server.requests) == 3


class Counting:
    """A meter that lets everything through."""

    total = reserved = 0

    async def reserve(self, incident: str, size_bytes: int) -> None:
        assert incident == "a"
        self.total += size_bytes
        self.reserved += 1

    async def correct(self, incident: str, difference_bytes: int) -> None:
        assert incident == "a"
        self.total += difference_bytes


def _journal_line(at: float, host: str, who: str, text: str) -> dict[str, str]:
    fields = {"SYSLOG_IDENTIFIER": "kernel"} if who == "kernel" else {"_SYSTEMD_UNIT": f"{who}.service"}
    return {"_time": instant(at), "_HOSTNAME": host, "_msg": text, **fields}


JOURNAL_LINES = [
    (10.0, "node-1", "kubelet", "E0309 02:11:50.000000    1 pleg.go:1] failed to get container status"),
    (20.0, "node-1", "kernel", "Out of memory: Killed process 4242 (java)"),
    (30.0, "node-1", "containerd", "error: token=" + "ghp_" + "a1B2" * 9),
    (40.0, "node-1", "sshd", "error: kex_exchange_identification"),
    (50.0, "node-2", "kubelet", "failed to sync pod"),
    (60.0, "node-1", "kubelet", "all is well"),
]


def _loki_journal(_: Recording) -> FakeLoki:
    fake = FakeLoki(Recording(now=NOW))
    for at, host, who, text in JOURNAL_LINES:
        unit = {} if who == "kernel" else {"unit": f"{who}.service"}
        labels = {"job": "systemd-journal", "hostname": host, **unit}
        fake.entries.append(Entry(nanoseconds(NOW.fromisoformat(instant(at))), text, labels, "error"))
    fake.entries.sort(key=lambda entry: entry.nanoseconds)
    return fake


def _victorialogs_journal(_: Recording) -> FakeVictoriaLogs:
    documents = [_journal_line(*line) for line in JOURNAL_LINES]
    return FakeVictoriaLogs(
        Recording(now=NOW), documents=documents, stream_fields=("_MACHINE_ID", "_HOSTNAME", "_SYSTEMD_UNIT")
    )


def _elasticsearch_journal(recorded: Recording) -> FakeElasticsearch:
    documents = [
        {
            "@timestamp": instant(at),
            "message": text,
            "host": {"name": host},
            **({"syslog": {"identifier": "kernel"}} if who == "kernel" else {"systemd": {"unit": f"{who}.service"}}),
        }
        for at, host, who, text in JOURNAL_LINES
    ]
    fake = FakeElasticsearch(recorded)
    fake.indices["filebeat-journald"] = FakeIndex(JOURNAL, documents)
    return fake


JOURNALS = {
    "loki": _loki_journal,
    "victorialogs": _victorialogs_journal,
    "elasticsearch": _elasticsearch_journal,
}


@pytest.mark.parametrize("kind", JOURNALS)
async def test_of_a_node_its_kubelet_kernel_and_container_runtime_are_read_and_redacted(kind: str) -> None:
    async with JOURNALS[kind](recording({})) as fake:
        source = KINDS[kind].source(fake.url)
        evidence = await source.answer(query(NODE, usual=False))
        await source.aclose()
    found = {(pattern.container, pattern.subject, pattern.origin) for pattern in evidence.of(LogPattern)}
    assert found == {(who, NODE, kind) for who in ("kubelet", "kernel", "containerd")}
    assert "ghp_" not in repr(evidence)
    assert evidence.gaps == ()


@pytest.mark.parametrize("kind", KINDS)
async def test_where_no_journal_is_shipped_nothing_is_read_of_a_node_and_nobody_is_bothered(kind: str) -> None:
    async with standing(kind, recording(LINES)) as (source, fake):
        assert await source.answer(query(NODE)) == Evidence()
        assert not [path for _, path in fake.requests if "query" in path.rpartition("/")[2] or "_search" in path]


async def test_a_journal_of_other_nodes_alone_is_said() -> None:
    async with _loki_journal(recording({})) as fake:
        source = LokiSource(settings(loki_url=fake.url))
        with pytest.raises(SourceError, match="other nodes' journals are shipped, but not this one's"):
            await source.answer(query(Subject("prod", "", "Node", "node-7"), usual=False))
        await source.aclose()
