"""What is read from log stores is counted before it is read: by incident, by hour, and whoever asks."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap, LogPattern
from app.domain.log_budget import MOST_BYTES, LogBudget, Meter, Refusal
from app.domain.query import ContainerLogQuery, LogQuery, PromQuery, Query
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.harvest import STOOD_IN
from app.gather.logs.allowance import Allowance, MemoryMeter, allowance, size_in_words
from app.gather.logs.journal import hosts_of
from app.gather.planner import Planner

pytestmark = pytest.mark.anyio
GB = 10**9
NOW = datetime(2026, 3, 9, 2, 12, tzinfo=UTC)
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")
POD = Subject("prod", "shop", "Pod", "checkout-1")
LOGS = LogQuery("errors of shop/checkout", CHECKOUT, NOW, NOW)


class Costly:
    """A log store of which each answer costs as much; it is slow enough to be asked by two at once."""

    name = "loki"

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.answers = 0

    def accepts(self, query: Query) -> bool:
        return isinstance(query, LogQuery)

    async def answer(self, query: Query) -> Evidence:
        await asyncio.sleep(0.05)
        await allowance().reserve(self.size_bytes)
        self.answers += 1
        return Evidence((pattern(query.subject, "loki"),))

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="held by a test")

    async def aclose(self) -> None:
        """Nothing was opened."""


class KubernetesLogs(Costly):
    """The Kubernetes API with one container's log."""

    name = "kubernetes"

    def accepts(self, query: Query) -> bool:
        return isinstance(query, ContainerLogQuery)

    async def answer(self, query: Query) -> Evidence:
        return Evidence((pattern(query.subject, "current"),))


def pattern(subject: Subject, origin: str) -> LogPattern:
    return LogPattern(f"e-{origin}", subject, "error", 1, None, None, None, (), "app", origin)


class Plans(Planner):
    """Asks what it is told."""

    def __init__(self, *queries: Query) -> None:
        super().__init__()
        self._queries = queries

    def plan(self, *_: object) -> tuple[Query, ...]:
        return self._queries


async def gathered(gatherer: Gatherer, incident: str) -> Evidence:
    return await gatherer.start((), (CHECKOUT,), NOW, incident).finish()


def gatherer(source: Costly, meter: Meter, *queries: Query) -> Gatherer:
    return Gatherer([source], Plans(*(queries or (LOGS,))), 5, meter)  # type: ignore[list-item]


async def test_an_incident_that_is_looked_into_again_goes_on_with_what_is_left() -> None:
    meter = MemoryMeter(LogBudget(per_incident=2 * GB))
    for _ in range(2):
        assert (await gathered(gatherer(Costly(GB), meter), "a")).gaps == ()
    (gap,) = (await gathered(gatherer(Costly(2_100_000_000), meter), "a")).gaps
    assert gap.reason == "not asked: 2.1 GB would be read, nothing is left for this incident"
    assert (await gathered(gatherer(Costly(GB), meter), "b")).gaps == ()


async def test_all_incidents_share_the_hour() -> None:
    meter = MemoryMeter(LogBudget(per_incident=2 * GB, per_hour=3 * GB))
    assert (await gathered(gatherer(Costly(2 * GB), meter), "a")).gaps == ()
    (gap,) = (await gathered(gatherer(Costly(2 * GB), meter), "b")).gaps
    assert gap.reason == "not asked: 2.0 GB would be read, 1.0 GB are left for this hour"


async def test_a_question_that_many_ask_at_once_counts_once() -> None:
    meter = MemoryMeter(LogBudget(per_hour=GB))
    source = Costly(GB)
    desk = gatherer(source, meter)
    found = await asyncio.gather(*(gathered(desk, incident) for incident in "abc"))
    assert source.answers == 1
    assert {evidence.gaps for evidence in found} == {()}


async def test_another_incidents_empty_purse_does_not_leave_ours_without_an_answer() -> None:
    meter = MemoryMeter(LogBudget(per_incident=GB))
    await meter.reserve("a", GB)
    source = Costly(GB)
    desk = gatherer(source, meter)
    a, b, c = await asyncio.gather(*(gathered(desk, incident) for incident in "abc"))
    assert [gap.reason for gap in a.gaps] == ["not asked: 1.0 GB would be read, nothing is left for this incident"]
    assert len(b.items) == len(c.items) == 1
    assert source.answers == 1


async def test_what_was_not_asked_does_not_end_a_sick_sources_rest() -> None:
    meter = MemoryMeter(LogBudget(per_incident=GB))
    desk = gatherer(Costly(2 * GB), meter)
    (way,) = desk.ways
    for _ in range(8):
        way.breaker.failed("HTTP 500")
    way.breaker._rests_until = 0.0
    (gap,) = (await gathered(desk, "a")).gaps
    assert gap.reason.startswith("not asked: 2.0 GB would be read")
    assert way.breaker.is_open


class Hanging:
    """A meter whose database does not answer."""

    async def reserve(self, *_: object) -> None:
        await asyncio.sleep(60)

    async def correct(self, *_: object) -> None:
        await asyncio.sleep(60)


class Away(Hanging):
    async def reserve(self, *_: object) -> Refusal:  # type: ignore[override]
        return Refusal("hour", None)


@pytest.mark.parametrize("meter", [Hanging(), Away()])
async def test_while_nobody_knows_what_was_read_nothing_is_and_the_rest_goes_on(meter: Meter) -> None:
    logs = KubernetesLogs(0)
    source = Costly(GB)
    desk = Gatherer([source, logs], Plans(LOGS, ContainerLogQuery("log", POD, "app", previous=False)), 5, meter)  # type: ignore[list-item]
    evidence = await gathered(desk, "a")
    assert len(evidence.items) == 1
    reason = "not asked: how much was read from log stores this hour is not known just now"
    assert evidence.gaps == (Gap("loki", LOGS.question, reason),)
    assert source.answers == 0
    # An empty purse is no illness: the store is asked again as soon as it may be.
    assert not desk.ways[0].breaker.is_open


async def test_a_correction_that_nobody_notes_fails_nothing() -> None:
    await Allowance(Hanging(), "a").correct(1, 2)


async def test_the_meter_of_one_process_knows_the_hour_and_forgets_old_incidents() -> None:
    clock = [0.0]
    meter = MemoryMeter(LogBudget(per_incident=2 * GB, per_hour=3 * GB), lambda: clock[0])
    assert await meter.reserve("a", 2 * GB) is None
    assert await meter.reserve("b", 2 * GB) == Refusal("hour", GB)
    clock[0] = 3600.0
    assert await meter.reserve("b", 2 * GB) is None
    assert await meter.reserve("a", 1) == Refusal("incident", 0)
    await meter.correct("a", -2 * GB)
    for n in range(1500):
        assert await meter.reserve(f"incident {n}", 0) is None
    assert await meter.reserve("a", GB) is None


async def test_a_size_that_cannot_be_is_not_believed() -> None:
    with pytest.raises(SourceError, match=r"^not asked: 1000000\.0 GB would be read"):
        await Allowance(MemoryMeter(LogBudget()), "a").reserve(10**40)
    unlimited = MemoryMeter(LogBudget(MOST_BYTES * 9, MOST_BYTES * 9))
    await Allowance(unlimited, "a").reserve(10**40)
    await Allowance(unlimited, "a").correct(10**40, 10**41)
    assert await unlimited.reserve("a", MOST_BYTES * 8) is None


async def test_a_question_of_no_gathering_has_a_budget_of_its_own() -> None:
    for _ in range(3):
        await allowance().reserve(2 * GB)
    with pytest.raises(SourceError, match=r"2\.0 GB are left for this incident"):
        await allowance().reserve(3 * GB)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 kB"), (2_600, "3 kB"), (4_194_304, "4 MB"), (120_000_000, "0.1 GB"), (2_100_000_000, "2.1 GB")],
)
def test_sizes_are_said_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words


async def test_where_container_logs_stood_in_for_a_log_store_the_gap_says_so() -> None:
    container = ContainerLogQuery("log", POD, "app", previous=False)
    meter = MemoryMeter(LogBudget())
    memory = PromQuery("memory of shop/checkout", CHECKOUT, "memory", "up", "By", NOW, NOW)
    told = await gathered(gatherer(KubernetesLogs(0), meter, LOGS, memory, container), "a")
    # Nobody stood in for the metrics.
    assert told.gaps == (
        Gap("logs", LOGS.question, STOOD_IN),
        Gap("prometheus", memory.question, "not configured"),
    )
    nothing_came = await gathered(gatherer(KubernetesLogs(0), meter, LOGS), "a")
    assert nothing_came.gaps == (Gap("logs", LOGS.question, "not configured"),)


async def test_nobody_misses_the_journal_of_a_node_where_there_is_no_log_store() -> None:
    journal = LogQuery("errors of the system services of n", Subject("prod", "", "Node", "n"), NOW, NOW)
    evidence = await gathered(gatherer(KubernetesLogs(0), MemoryMeter(LogBudget()), journal), "a")
    assert evidence.gaps == ()


@pytest.mark.parametrize(
    ("node", "hosts"),
    [
        ("node-1", ("node-1",)),
        ("ip-10-0-1-2.ec2.internal", ("ip-10-0-1-2.ec2.internal", "ip-10-0-1-2")),
        ("10.0.0.5", ("10.0.0.5",)),
        (".x", (".x",)),
    ],
)
def test_a_node_is_known_by_its_name_and_by_its_hosts(node: str, hosts: tuple[str, ...]) -> None:
    assert hosts_of(node) == hosts
