"""What Loki holds is asked for within its budget, redacted, counted and compared with the usual time."""

from datetime import timedelta

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import Evidence, LogPattern
from app.domain.subject import Subject
from app.gather.sources.loki import logql
from tests.fakes.logql import LogqlError
from tests.fakes.loki import FakeLoki
from tests.gather.canned import CannedServer
from tests.gather.loki_house import (
    DAY,
    HOUR,
    LABELS,
    NOTHING,
    NOW,
    POD,
    START,
    STATS,
    answered,
    query,
    recording,
    row,
    source_of,
    streams,
)

pytestmark = pytest.mark.anyio


async def test_error_lines_are_counted_by_shape_against_samples_of_the_usual_time() -> None:
    lines = [
        *[
            (60 * n + 1.0, f"2026-03-09T02:0{n}:00Z ERROR timeout after {n * 100} ms calling ledger")
            for n in range(1, 6)
        ],
        (30.0, "panic: nil map"),
        (20.0, "INFO all is well"),
        (5400.0 - 60, "ERROR timeout after 7 ms calling ledger"),
        *[(88_200.0 - n, f"ERROR timeout after {n} ms calling ledger") for n in range(1, 3)],
        # In the hour before, but in no sample of it.
        (3600.0, "ERROR timeout after 9 ms calling ledger"),
    ]
    async with source_of(FakeLoki(recording({f"{POD}/app": lines}))) as source:
        evidence = await source.answer(query())
    found = {pattern.template: pattern for pattern in evidence.of(LogPattern)}
    timeout = found["ERROR timeout after 100 ms calling ledger"]
    # Three in ten minutes are nine in the half hour that was read now.
    assert (timeout.count, timeout.baseline_count, timeout.container, timeout.origin) == (5, 9, "app", "loki")
    assert timeout.first_seen == NOW - timedelta(seconds=301)
    assert timeout.last_seen == NOW - timedelta(seconds=61)
    assert len(timeout.examples) == 3
    assert (found["panic: nil map"].count, found["panic: nil map"].baseline_count) == (1, 0)
    assert len(found) == 2
    assert evidence.gaps == ()


async def test_other_workloads_lines_are_not_read() -> None:
    other = "checkout-worker-7d9f8b6c5-zzzzz"
    async with source_of(
        FakeLoki(recording({f"{POD}/app": [(9.0, "error a")], f"{other}/app": [(9.0, "error b")]}))
    ) as source:
        evidence = await source.answer(query())
    assert [pattern.template for pattern in evidence.of(LogPattern)] == ["error a"]


async def test_times_are_whole_nanoseconds() -> None:
    server = CannedServer(NOTHING)
    found = streams(row(1, "error a"))
    server.answers = [(200, LABELS), (200, STATS), (200, found), (200, STATS), (200, STATS)]
    async with source_of(server) as source:
        await source.answer(query())
    asked = [form for form in server.forms if "limit" in form]
    assert {(form["start"], form["end"]) for form in asked} == {
        ("1773020520123457000", "1773022320123457000"),
        ("1773016920123457000", "1773017220123457000"),
        ("1772934120123457000", "1772934420123457000"),
    }
    assert {form["direction"] for form in asked} == {"backward"}
    assert {form["limit"] for form in asked} == {"500"}
    assert asked[0]["query"].startswith('{namespace="shop", pod=~"checkout-')
    stats = [form for form in server.forms if form and "limit" not in form]
    assert {form["query"] for form in stats} == {asked[0]["query"].split(" |~ ")[0]}


@pytest.mark.parametrize("microsecond", [0, 1, 123457, 999999])
def test_a_float_of_nanoseconds_would_be_wrong(microsecond: int) -> None:
    at = NOW.replace(microsecond=microsecond)
    assert logql.nanoseconds(at) % 10**9 == microsecond * 1000
    assert logql.nanoseconds(at.astimezone()) == logql.nanoseconds(at)


async def test_rows_of_two_and_three_elements_are_merged_newest_first() -> None:
    body = streams(
        row(50, "error old"), [*row(10, "error new"), {"structuredMetadata": {"trace_id": "a"}}], ["junk"], 7
    )
    body["data"]["result"].append(streams(row(30, "error middle"))["data"]["result"][0])  # type: ignore[index]
    body["data"]["result"].append("junk")  # type: ignore[index]
    evidence = await answered(body)
    assert [pattern.template for pattern in evidence.of(LogPattern)] == ["error new", "error middle", "error old"]


async def test_a_full_page_says_that_older_lines_were_not_read() -> None:
    evidence = await answered(streams(*[row(n, f"error {n}") for n in range(500)]))
    assert [gap.reason for gap in evidence.gaps] == ["only the newest 500 lines were read"]
    assert [(p.count, p.baseline_count) for p in evidence.of(LogPattern)] == [(500, None)]


async def test_lines_too_large_for_one_answer_are_asked_for_in_smaller_number() -> None:
    server = CannedServer(streams(row(1, "error " + "long " * 50_000)))
    huge = streams(*[row(n, f"error {n} " + "x" * 100_000) for n in range(60)])
    server.answers = [(200, LABELS), (200, STATS), (200, huge)]
    async with source_of(server) as source:
        evidence = await source.answer(query(usual=False))
    assert [form["limit"] for form in server.forms if "limit" in form] == ["500", "15"]
    assert [len(pattern.template) for pattern in evidence.of(LogPattern)] == [500]


async def test_what_redaction_would_take_too_long_for_is_not_read() -> None:
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300)]
    evidence = await answered(streams(*[row(n, f"error {word} " + "y " * 1000) for n, word in enumerate(words)]))
    (gap,) = evidence.gaps
    assert gap.reason == "only the newest 130 lines were read"


async def test_a_secret_that_a_cut_would_split_is_left_out() -> None:
    token = "ghp_" + "a1B2" * 9
    filler = ("ey" + "J" * 30 + ".ey" + "J" * 500 + "." + "A" * 300 + " ") * 2
    line = f"error {filler}"
    line += "z " * ((2035 - len(line)) // 2) + token
    evidence = await answered(streams(row(1, line)))
    assert "ghp_" not in str(evidence)
    assert len(evidence.items) == 1


async def test_long_json_without_spaces_is_kept_up_to_a_delimiter() -> None:
    line = '{"level":"error",' + ",".join(f'"k{n}":"{n}"' for n in range(900)) + "}"
    evidence = await answered(streams(row(1, line), row(2, "error" * 1000)))
    templates = [pattern.template for pattern in evidence.of(LogPattern)]
    assert templates[0].startswith('{"level":"error","k0":"0"')
    assert templates[1] == "[a line that is one long word]"


async def test_secrets_are_redacted_before_lines_are_counted_or_cut() -> None:
    token = "ghp_" + "a1B2" * 9
    evidence = await answered(
        streams(row(1, "error " + "x" * 480 + f" token={token}"), row(2, f"error password={token}"))
    )
    assert token[:8] not in str(evidence)
    assert len(evidence.items) == 2


async def test_the_leading_time_is_taken_off() -> None:
    lines = [
        "2026-03-09 02:00:01,123 error a",
        "[2026-03-09T02:00:01.5+00:00] error a",
        "E0309 02:00:01.123456       1 reflector.go:12] error b",
        'time="2026-03-09T02:00:01Z" level=error',
        "Mar  9 02:00:01 error a",
        "02:00:01 error a",
    ]
    evidence = await answered(streams(*[row(n, line) for n, line in enumerate(lines)]))
    assert {p.template: p.count for p in evidence.of(LogPattern)} == {
        "error a": 4,
        "E reflector.go:12] error b": 1,
        "level=error": 1,
    }


@pytest.mark.parametrize(
    ("labels", "start"),
    [
        (["namespace", "pod"], '{namespace="shop", pod=~"checkout-'),
        (["k8s_namespace_name", "k8s_pod_name"], '{k8s_namespace_name="shop", k8s_pod_name=~"checkout-'),
        (["k8s_namespace_name", "service_name"], '{k8s_namespace_name="shop"} | k8s_pod_name=~"checkout-'),
        (["namespace_x"], '{namespace="shop", pod=~"checkout-'),
    ],
)
def test_the_agents_label_names_are_found_out(labels: list[str], start: str) -> None:
    selector, expr = logql.error_lines(query(), labels)
    assert expr.startswith(start)
    assert expr.startswith(selector)
    assert expr.endswith("`")


def test_a_hostile_name_stays_between_its_quotes() -> None:
    subject = Subject("c", 'a"} or {b="', "Pod", 'x"\n`\\')
    selector, _ = logql.error_lines(query(subject), ["namespace", "pod"])
    assert selector == '{namespace="a\\"} or {b=\\"", pod=~"x\\"\\n`\\\\\\\\"}'


def test_a_namespace_is_asked_for_all_of_its_pods() -> None:
    selector, _ = logql.error_lines(query(Subject("c", "", "Namespace", "shop")), [])
    assert selector == '{namespace="shop"}'


async def test_a_question_over_the_budget_is_refused_before_it_is_asked() -> None:
    server = CannedServer(NOTHING)
    server.answers = [(200, LABELS), (200, {**STATS, "bytes": 3_100_000_000})]
    async with source_of(server) as source:
        with pytest.raises(
            SourceError, match=r"^not asked: 3\.1 GB would be read, 2\.0 GB are left for this incident$"
        ):
            await source.answer(query())
    assert len(server.requests) == 2


async def test_one_missing_sample_is_said_and_the_other_counts_alone() -> None:
    class YesterdayFails(FakeLoki):
        async def _stats(self, request, parameters):  # noqa: ANN001, ANN202 - aiohttp's own types
            if int(parameters["end"]) < logql.nanoseconds(START - DAY + HOUR):
                raise LogqlError("too far back")
            return await super()._stats(request, parameters)

        async def _query_range(self, request, parameters):  # noqa: ANN001, ANN202 - aiohttp's own types
            if int(parameters["end"]) < logql.nanoseconds(START - DAY + HOUR):
                raise LogqlError("too far back")
            return await super()._query_range(request, parameters)

    lines = [(9.0, "error a"), *[(5400.0 - 30 * n, "error a") for n in range(1, 3)]]
    async with source_of(YesterdayFails(recording({f"{POD}/app": lines}))) as source:
        evidence = await source.answer(query())
    assert [pattern.baseline_count for pattern in evidence.of(LogPattern)] == [12]
    assert [gap.reason for gap in evidence.gaps] == [
        "the usual time is known in part only (a day before: bad query (400): too far back)"
    ]


async def test_where_no_line_speaks_of_trouble_the_usual_time_is_not_read() -> None:
    server = CannedServer(NOTHING)
    server.answers = [(200, LABELS), (200, STATS), (200, NOTHING)]
    async with source_of(server) as source:
        assert (await source.answer(query())) == Evidence()
    assert len(server.requests) == 3


async def test_a_count_that_covers_a_part_of_the_window_is_compared_with_as_much_of_the_usual_time() -> None:
    server = CannedServer()
    now_lines = streams(*[row(n / 10, f"error {n}") for n in range(500)])
    two = streams(row(5395, "error 1"), row(5396, "error 2"))
    server.answers = [(200, LABELS), (200, STATS), (200, now_lines), (200, STATS), (200, STATS), (200, two), (200, two)]
    async with source_of(server) as source:
        (pattern,) = (await source.answer(query())).of(LogPattern)
    # 500 lines in 50 seconds; four in ten minutes are less than one in as long.
    assert (pattern.count, pattern.baseline_count) == (500, 1)


async def test_a_costly_usual_time_costs_only_itself() -> None:
    class OlderIsCostly(CannedServer):
        async def _answer(self, request):  # noqa: ANN001, ANN202 - aiohttp's own types
            form = await request.post()
            if request.path.endswith("stats") and int(form["end"]) <= logql.nanoseconds(START):
                self.answers.insert(0, (200, {**STATS, "bytes": 3_000_000_000}))
            elif request.path.endswith("stats"):
                self.answers.insert(0, (200, STATS))
            elif request.path.endswith("labels"):
                self.answers.insert(0, (200, LABELS))
            return await super()._answer(request)

    async with source_of(OlderIsCostly(streams(row(1, "error a")))) as source:
        evidence = await source.answer(query())
    assert [pattern.baseline_count for pattern in evidence.of(LogPattern)] == [None]
    (gap,) = evidence.gaps
    reason = "not asked: 3.0 GB would be read, 2.0 GB are left for this incident"
    assert gap.reason == f"the usual time is not known (an hour before and a day before: {reason})"


async def test_the_label_names_are_asked_for_once() -> None:
    server = CannedServer(NOTHING)
    server.answers = [(200, LABELS), (200, STATS), (200, NOTHING), (200, STATS)]
    async with source_of(server) as source:
        await source.answer(query(usual=False))
        await source.answer(query(usual=False))
    assert [path.split("?")[0] for _, path in server.requests].count("/loki/api/v1/labels") == 1
