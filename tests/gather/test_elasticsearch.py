from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import LogPattern
from app.domain.subject import Subject
from app.gather.sources.elasticsearch import ElasticsearchSource, dsl
from app.gather.sources.elasticsearch.fields import Fields, first_of
from app.settings import Secret
from tests.fakes.elasticsearch import BEATS, JOURNAL, FakeElasticsearch, FakeIndex
from tests.fakes.server import FakeServer, Trouble
from tests.gather.canned import TROUBLES, CannedServer, impatient, settings
from tests.gather.log_lines import LINES, NOW, SAMPLES, START, instant, query, recording

pytestmark = pytest.mark.anyio
TOKEN = "t" * 8
WINDOW = (START, NOW)
CAPS = {"indices": ["filebeat-8"], "fields": {name: {kind: {}} for name, kind in BEATS.items()}}
KNOWN = Fields.of(CAPS)


@asynccontextmanager
async def source_of(server: FakeServer, **values: object) -> AsyncIterator[ElasticsearchSource]:
    async with server:
        source = ElasticsearchSource(settings(elasticsearch_url=server.url, **values))
        try:
            yield source
        finally:
            await source.aclose()


def document(seconds_ago: float, text: str, **more: object) -> dict[str, Any]:
    kubernetes = {"namespace": "shop", "pod": {"name": "checkout-7d9f8b6c5-x2x7k"}, "container": {"name": "app"}}
    return {"@timestamp": instant(seconds_ago), "message": text, "kubernetes": kubernetes, **more}


def one_index(*documents: dict[str, Any]) -> FakeElasticsearch:
    return FakeElasticsearch(recording({}), indices={"filebeat-8": FakeIndex(BEATS, list(documents))})


async def test_every_search_is_bounded_and_asks_for_nothing_that_is_not_read() -> None:
    fake = FakeElasticsearch(recording(LINES))
    async with source_of(fake) as source:
        await source.answer(query())
    assert len(fake.searches) == 1 + len(SAMPLES)
    for search in fake.searches:
        assert (search["size"], search["track_total_hits"]) == (500, False)
        assert 0 < int(search["timeout"].removesuffix("ms")) < 2000
        assert "@timestamp" in search["_source"]
        assert {next(iter(clause)) for clause in search["query"]["bool"]["filter"]} == {"range", "bool"}
    assert sum("_field_caps" in path for _, path in fake.requests) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ERROR in checkout", True),
        ("3 errors", True),
        ("Exception in thread main", True),
        ("java.lang.NullPointerException: null", True),
        ("TypeError: undefined is not a function", True),
        ("connect: connection refused", True),
        ("request timed out after 3 s", True),
        ("no such host", True),
        ("such a host", False),
        ("all is well", False),
        ("terrors of the night", False),
    ],
)
async def test_trouble_is_found_by_words_and_their_beginnings(text: str, found: bool) -> None:  # noqa: FBT001 - a table
    async with source_of(one_index(document(9, text))) as source:
        assert len((await source.answer(query(usual=False))).items) == found


async def test_trouble_is_found_by_its_level_too() -> None:
    lines = [document(9, "ledger is gone", log={"level": "ERROR"}), document(8, "hello", log={"level": "info"})]
    async with source_of(one_index(*lines)) as source:
        (pattern,) = (await source.answer(query(usual=False))).of(LogPattern)
    assert pattern.template == "ledger is gone"


def test_what_lucene_alone_takes_for_a_sign_is_escaped() -> None:
    body = dsl.search(query(Subject("c", "shop", "Pod", 'a"b#c@d&e<f>g~h.i')), WINDOW, KNOWN, 5)
    (regexp,) = body["query"]["bool"]["filter"][2]["bool"]["should"]
    assert regexp["regexp"]["kubernetes.pod.name"] == {
        "value": 'a\\"b\\#c\\@d\\&e\\<f\\>g\\~h\\.i',
        "flags": "NONE",
    }


def test_the_time_is_half_open_and_exact() -> None:
    body = dsl.search(query(), WINDOW, KNOWN, 5)
    assert body["query"]["bool"]["filter"][0] == {
        "range": {"@timestamp": {"gte": "2026-03-09T01:42:00.123457Z", "lt": "2026-03-09T02:12:00.123457Z"}}
    }


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"timed_out": True}, "the search ran out of its time, and found a part"),
        (
            {"_shards": {"total": 5, "failed": 2, "failures": [{"reason": {"reason": "disk is full"}}]}},
            "2 of 5 shards failed: disk is full",
        ),
        ({"_shards": {"total": 5, "failed": 1}}, "1 of 5 shards failed"),
    ],
)
async def test_a_part_of_an_answer_is_used_and_named(says: dict[str, Any], reason: str) -> None:
    fake = one_index(document(9, "error a"))
    fake.says = says
    async with source_of(fake) as source:
        evidence = await source.answer(query())
    assert [(pattern.template, pattern.baseline_count) for pattern in evidence.of(LogPattern)] == [("error a", None)]
    assert [gap.reason for gap in evidence.gaps] == [
        reason,
        f"the usual time is not known (an hour before and a day before: {reason})",
    ]


async def test_lines_too_large_for_one_answer_are_asked_for_in_smaller_number() -> None:
    fake = one_index(*[document(n, f"error {n} " + "x " * 60_000) for n in range(1, 60)])
    async with source_of(fake) as source:
        evidence = await source.answer(query(usual=False))
    assert [search["size"] for search in fake.searches] == [500, 15]
    assert [gap.reason for gap in evidence.gaps] == ["only the newest 15 lines were read"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"kubernetes": {"pod": {"name": "a"}}}, "a"),
        ({"kubernetes.pod.name": "a"}, "a"),
        ({"kubernetes": {"pod.name": "a"}}, "a"),
        ({"kubernetes.pod": {"name": ["a"]}}, "a"),
        ({"kubernetes": {"pod": {"name": {"x": "y"}}}}, ""),
        ({"kubernetes": "a"}, ""),
    ],
)
def test_a_name_with_dots_is_found_however_the_document_is_nested(source: dict[str, Any], value: str) -> None:
    assert first_of(source, ("kubernetes.pod.name",)) == value


async def test_documents_of_other_shapes_are_left_out() -> None:
    hits = [
        *({"_source": one} for one in ([], {"message": "error"}, {"@timestamp": instant(1)}, {"@timestamp": "?"})),
        {"_source": {"message": "error by its order"}, "sort": [int(NOW.timestamp() * 1000)]},
        {"_source": {"message": "error in the far future"}, "sort": [10**18]},
        "junk",
    ]
    server = CannedServer({"hits": {"hits": hits}})
    server.answers = [(200, CAPS)]
    async with source_of(server) as source:
        evidence = await source.answer(query(usual=False))
    assert [pattern.template for pattern in evidence.of(LogPattern)] == ["error by its order"]


@pytest.mark.parametrize("body", [[], {"hits": []}, {"hits": {"hits": 1}}, {"took": 1}])
async def test_json_of_another_shape_is_refused(body: object) -> None:
    server = CannedServer(body)
    server.answers = [(200, CAPS)]
    async with source_of(server) as source:
        with pytest.raises(SourceError, match="not Elasticsearch's"):
            await source.answer(query())
    async with source_of(CannedServer(body)) as source:
        with pytest.raises(SourceError, match="not Elasticsearch's"):
            await source.answer(query())


@pytest.mark.parametrize(
    ("token", "header"),
    [("abc", "ApiKey abc"), ("Basic " + "dXNlcg==", "Basic dXNlcg=="), ("Bearer abc", "Bearer abc"), ("", None)],
)
async def test_a_token_is_an_api_key_unless_it_says_otherwise(token: str, header: str | None) -> None:
    server = CannedServer(CAPS)
    async with source_of(server, elasticsearch_token=Secret(token)) as source:
        await source.check()
    assert server.headers[0].get("authorization") == header


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES, ids=lambda value: getattr(value, "mood", ""))
async def test_trouble_is_said_in_plain_words(trouble: Trouble, reason: str) -> None:
    server = FakeElasticsearch(recording(LINES))
    server.trouble = trouble
    async with server:
        source = ElasticsearchSource(impatient(elasticsearch_url=server.url))
        with pytest.raises(SourceError, match=reason):
            await source.answer(query())
        diagnosis = await source.check()
        await source.aclose()
    assert not diagnosis.healthy
    assert diagnosis.fix


async def test_the_doctor_names_the_wrong_token_the_missing_index_and_what_is_not_indexed() -> None:
    async with source_of(FakeElasticsearch(recording(LINES), token=TOKEN), elasticsearch_token=Secret("no")) as source:
        refused = await source.check()
        assert "not authenticated (401): unable to authenticate with provided credentials" in refused.statement
        assert "SITREP_ELASTICSEARCH_TOKEN" in refused.fix
    async with source_of(FakeElasticsearch(recording(LINES), token=TOKEN), elasticsearch_token=Secret(TOKEN)) as source:
        assert (await source.check()).healthy
    for pattern, statement in (("shop-logs", "no such index [shop-logs]"), ("shop-*", "no index matches: shop-*")):
        async with source_of(FakeElasticsearch(recording(LINES)), elasticsearch_index=pattern) as source:
            missing = await source.check()
            assert statement in missing.statement
            assert "SITREP_ELASTICSEARCH_INDEX" in missing.fix
            with pytest.raises(SourceError, match="index"):
                await source.answer(query())
    journals = FakeElasticsearch(recording({}), indices={"logs-journal": FakeIndex(JOURNAL)})
    async with source_of(journals) as source:
        assert "no field says which namespace a line comes from" in (await source.check()).statement
    unsearchable = FakeIndex({"@timestamp": "date", "message": "keyword", "kubernetes.namespace": "keyword"})
    async with source_of(FakeElasticsearch(recording({}), indices={"logs-x": unsearchable})) as source:
        assert "is text that can be searched" in (await source.check()).statement
    async with source_of(CannedServer(b"<html>Kibana</html>", content_type="text/html")) as source:
        looked = await source.check()
        assert "answered HTML" in looked.statement
        assert "base address" in looked.fix
