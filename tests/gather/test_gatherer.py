import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from app.domain.alert import Alert
from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap, ObjectState
from app.domain.query import EventQuery, LogQuery, ObjectQuery, ProbeQuery, PromQuery, Query
from app.domain.subject import Subject
from app.gather.access import CONCURRENT_QUESTIONS
from app.gather.gatherer import MAX_KUBERNETES_CALLS, Gatherer
from app.gather.harvest import MAX_BYTES
from app.gather.planner import Planner
from tests.gather.cluster import CHECKOUT, deployment, subject

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 10, 21, 2, 16, tzinfo=UTC)
# Quiet surroundings: the cluster itself raises three questions and no namespace.
NODE = subject("Node", "node-3", "")


class ScriptedSource:
    """Answers by a function, and remembers what it was asked."""

    def __init__(self, respond: Callable[[Query], Awaitable[Evidence]], name: str = "kubernetes") -> None:
        self.name = name
        self.asked: list[Query] = []
        self.at_once = 0
        self.most_at_once = 0
        self._respond = respond

    def accepts(self, query: Query) -> bool:
        other = {"prometheus": PromQuery, "loki": LogQuery, "probe": ProbeQuery}
        kind = next((name for name, query_type in other.items() if isinstance(query, query_type)), "kubernetes")
        return kind == self.name

    async def answer(self, query: Query) -> Evidence:
        self.asked.append(query)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._respond(query)
        finally:
            self.at_once -= 1

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="fine")

    async def aclose(self) -> None:
        return None


def state_of(about: Subject, size: int = 0) -> Evidence:
    return Evidence.seen([ObjectState(f"e{about.kind}{about.name}", about, NOW, {"note": "x" * size})])


async def found(query: Query) -> Evidence:
    return state_of(query.subject)


async def hangs(_: Query) -> Evidence:
    await asyncio.sleep(3600)
    return Evidence()


async def is_refused(_: Query) -> Evidence:
    raise SourceError("no permission to list events in shop (403)")


async def has_a_bug(_: Query) -> Evidence:
    raise KeyError("secret detail")


def gatherer(*sources: ScriptedSource, planner: Planner | None = None, deadline_seconds: float = 0.2) -> Gatherer:
    return Gatherer(sources, planner or Planner(), deadline_seconds)


async def gather(subject_: Subject, *sources: ScriptedSource) -> Evidence:
    return await gatherer(*sources).start((), (subject_,), NOW).finish()


async def test_everything_is_asked_at_once_and_the_answers_add_up() -> None:
    source = ScriptedSource(found)
    gathering = gatherer(source).start((), (NODE,), NOW)
    assert await gathering.wait(1)
    evidence = gathering.evidence()
    assert len(source.asked) == 4
    assert evidence.items
    assert evidence.gaps == ()
    assert 0 <= evidence.milliseconds["kubernetes"] < 200


async def test_a_hanging_source_costs_only_itself() -> None:
    def memory(_: tuple[Alert, ...], about: Subject, now: datetime, pods: Sequence[str] = ()) -> tuple[Query, ...]:
        del pods
        return (PromQuery("memory", about, "memory", "up", "By", now, now),)

    slow, quick = ScriptedSource(hangs), ScriptedSource(found, "prometheus")
    gathering = gatherer(slow, quick, planner=Planner(memory)).start((), (NODE,), NOW)
    assert not await gathering.wait(0.05)
    early = gathering.evidence()
    assert [item.subject for item in early.of(ObjectState)] == [NODE]
    assert [(g.source, g.reason) for g in early.gaps] == [("kubernetes", "no answer yet")]
    started = asyncio.get_running_loop().time()
    evidence = await gathering.finish()
    assert asyncio.get_running_loop().time() - started < 0.5
    assert evidence.gaps == (Gap("kubernetes", "state of node node-3 and 3 more questions", "no answer in 0.2 s"),)


async def test_questions_that_still_may_be_answered_are_no_failures() -> None:
    gathering = gatherer(ScriptedSource(hangs), deadline_seconds=5).start((), (NODE,), NOW)
    await gathering.wait(0.1)
    assert all(gap.is_pending for gap in gathering.evidence().gaps)
    await gathering.aclose()


async def test_a_refusal_is_one_gap_however_many_questions_met_it() -> None:
    evidence = await gather(CHECKOUT, ScriptedSource(is_refused))
    (gap,) = evidence.gaps
    assert gap.reason == "no permission to list events in shop (403)"
    assert gap.question.startswith("state of shop/checkout and ")
    assert gap.question.endswith(" more questions")


async def test_a_bug_in_a_source_is_a_gap_without_its_detail_and_is_logged() -> None:
    with capture_logs() as logs:
        evidence = await gather(NODE, ScriptedSource(has_a_bug))
    assert [gap.reason for gap in evidence.gaps] == ["internal error (KeyError)"]
    assert "secret detail" not in repr(evidence)
    assert {entry["event"] for entry in logs} == {"source failed"}


async def test_a_source_that_ignores_its_cancellation_cannot_hold_up_the_end() -> None:
    release = asyncio.Event()

    async def stubborn(_: Query) -> Evidence:
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        return Evidence()

    started = asyncio.get_running_loop().time()
    evidence = await gather(NODE, ScriptedSource(stubborn))
    assert asyncio.get_running_loop().time() - started < 1.5
    assert evidence.gaps
    release.set()
    await asyncio.sleep(0.05)


async def test_answers_raise_new_questions_without_waiting_for_the_others() -> None:
    async def respond(query: Query) -> Evidence:
        if isinstance(query, EventQuery):
            await asyncio.sleep(3600)
        if isinstance(query, ObjectQuery) and query.subject == CHECKOUT:
            return Evidence.seen([ObjectState("e1", CHECKOUT, NOW, deployment())])
        return Evidence()

    source = ScriptedSource(respond)
    gathering = gatherer(source).start((), (CHECKOUT,), NOW)
    await gathering.wait(0.05)
    assert {"rollouts of shop/checkout", "pods of shop/checkout"} <= {query.question for query in source.asked}
    await gathering.finish()


async def test_the_same_question_in_other_words_is_asked_once() -> None:
    source = ScriptedSource(found)
    queries = (ObjectQuery("state of it", NODE), ObjectQuery("the node", NODE))
    await gatherer(source).ask(queries, NOW)
    assert len(source.asked) == 1


async def test_follow_ups_end_with_the_deadline_of_the_whole() -> None:
    async def endless(query: Query) -> Evidence:
        await asyncio.sleep(0.03)
        number = int(query.subject.name.rpartition("-")[2]) + 1 if "-" in query.subject.name else 0
        owner = {"kind": "Job", "name": f"job-{number}", "controller": True}
        about = query.subject
        return Evidence.seen([ObjectState(f"e{number}", about, NOW, {"metadata": {"ownerReferences": [owner]}})])

    source = ScriptedSource(endless)
    started = asyncio.get_running_loop().time()
    await gather(subject("Job", "job-0"), source)
    assert asyncio.get_running_loop().time() - started < 0.4


async def test_an_incident_costs_at_most_forty_calls_and_eight_at_a_time() -> None:
    async def slowly(query: Query) -> Evidence:
        await asyncio.sleep(0.005)
        return state_of(query.subject)

    source = ScriptedSource(slowly)
    queries = tuple(ObjectQuery(f"state of {n}", subject("Pod", f"pod-{n}")) for n in range(60))
    evidence = await gatherer(source, deadline_seconds=5).ask(queries, NOW)
    assert len(source.asked) == MAX_KUBERNETES_CALLS
    assert source.most_at_once == CONCURRENT_QUESTIONS
    assert [(g.question, g.reason) for g in evidence.gaps] == [
        ("state of 40 and 19 more questions", "too many questions for one incident")
    ]


async def test_evidence_stays_within_its_bound_and_says_what_was_left_out() -> None:
    async def large(query: Query) -> Evidence:
        return state_of(query.subject, size=MAX_BYTES // 3)

    queries = tuple(ObjectQuery(f"state of {n}", subject("Pod", f"pod-{n}")) for n in range(4))
    evidence = await gatherer(ScriptedSource(large), deadline_seconds=5).ask(queries, NOW)
    assert len(evidence.items) == 2
    assert [gap.reason for gap in evidence.gaps] == ["too much to keep: 2 MiB an incident"]


async def test_a_source_that_is_not_configured_is_said_once_and_switched_off_probes_are_not() -> None:
    def more(_: tuple[Alert, ...], about: Subject, now: datetime, pods: Sequence[str] = ()) -> tuple[Query, ...]:
        del pods
        metrics = [PromQuery(f"metric {n}", about, f"m{n}", "up", "", now, now) for n in range(3)]
        return (*metrics, ProbeQuery("health", about, "http://checkout.example/healthz"))

    evidence = await gatherer(planner=Planner(more)).start((), (CHECKOUT,), NOW).finish()
    assert evidence.gaps == (
        Gap("kubernetes", "state of shop/checkout", "not configured"),
        Gap("prometheus", "metric 0", "not configured"),
    )


async def test_closing_stops_what_still_runs() -> None:
    source = ScriptedSource(hangs)
    gathering = gatherer(source, deadline_seconds=60).start((), (NODE,), NOW)
    await gathering.wait(0.02)
    await gathering.aclose()
    assert source.at_once == 0


async def test_nothing_to_ask_is_done_at_once() -> None:
    assert await gatherer().start((), (), NOW).finish() == Evidence()
