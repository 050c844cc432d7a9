"""The stand-ins of VictoriaLogs and Elasticsearch keep their vendors' traps."""

import json
from typing import Any

import aiohttp
import pytest

from tests.fakes.elasticsearch import FLUENT_BIT, FakeElasticsearch, FakeIndex, fluent_bit
from tests.fakes.logsql import LogsqlError, parse
from tests.fakes.loki_entries import entries_of
from tests.fakes.query_dsl import QueryError
from tests.fakes.query_dsl import parse as parse_dsl
from tests.fakes.victorialogs import FakeVictoriaLogs
from tests.gather.log_lines import LINES, POD, recording

pytestmark = pytest.mark.anyio
LINE = {"_time": "2026-03-09T02:00:00Z", "_msg": "an error", "pod": "checkout-1", "namespace": "shop", "k.p": "x"}
BOUNDS = {"gte": "2026-03-08T00:00:00Z", "lt": "2026-03-10T00:00:00Z"}


async def lines(fake: FakeVictoriaLogs, **form: str) -> tuple[int, list[dict[str, str]] | str]:
    async with aiohttp.ClientSession() as session, session.post(f"{fake.url}/select/logsql/query", data=form) as answer:
        text = await answer.text()
        return answer.status, [json.loads(one) for one in text.splitlines()] if answer.status == 200 else text


async def test_victorialogs_without_a_limit_sends_everything_and_with_one_the_newest_in_no_order() -> None:
    async with FakeVictoriaLogs(recording(LINES)) as fake:
        _, everything = await lines(fake, query="*")
        assert len(everything) == sum(len(rows) for rows in LINES.values())
        _, newest = await lines(fake, query="*", limit="3")
        times = [one["_time"] for one in newest if isinstance(one, dict)]
        assert set(times) == {"2026-03-09T02:11:51.123457000Z", "2026-03-09T02:11:40.123457000Z"} | {
            "2026-03-09T02:11:35.123457000Z"
        }
        assert times != sorted(times, reverse=True)


async def test_victorialogs_speaks_of_errors_in_plain_text() -> None:
    async with FakeVictoriaLogs(recording(LINES)) as fake:
        assert await lines(fake) == (400, "cannot parse query []: missing `query` arg\n")
        assert (await lines(fake, query='pod:="x'))[0] == 400
        assert (await lines(fake, query="*", timeout="soon"))[0] == 400


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("*", True),
        ('pod:="checkout-1"', True),
        ('pod:="checkout"', False),
        ('pod:~"eck"', True),
        ('pod:~"^eck$"', False),
        ('"k.p":="x"', True),
        ('{"pod"="checkout-1"}', True),
        ('{pod=~"checkout"}', False),
        ('{"namespace"="shop"}', False),
        ('{"pod"="a" or "pod"="checkout-1"}', True),
        ('pod:="a" or pod:="b" or namespace:="shop"', True),
        ('(pod:="a" or namespace:="shop") "_msg":~"(?i)ERROR"', True),
        ('namespace:="shop" pod:="a"', False),
        ("pod:*", True),
        ("gone:*", False),
        ("_time:[2026-03-09T02:00:00Z, 2026-03-09T02:01:00Z)", True),
        ("_time:[2026-03-09T01:00:00Z, 2026-03-09T02:00:00Z)", False),
        ("_time:[2026-03-09T01:00:00Z, 2026-03-09T02:00:00Z]", True),
    ],
)
def test_logsql_filters_as_it_is_documented(query: str, holds: bool) -> None:  # noqa: FBT001 - a table's column
    assert parse(query, frozenset({"pod"})).matches(LINE) is holds


@pytest.mark.parametrize("query", ["", "(pod:=a", '{pod="a"', "pod:", 'pod:~"("', "* | stats count()", "_time:[a, b)"])
def test_logsql_that_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(LogsqlError):
        parse(query, frozenset({"pod"}))


async def searched(fake: FakeElasticsearch, index: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.post(f"{fake.url}/{index}/_search", json=body) as answer:
        return answer.status, await answer.json()


async def test_a_missing_index_is_an_error_and_a_wildcard_that_finds_none_is_not() -> None:
    body = {"query": {"match_all": {}}}
    async with FakeElasticsearch(recording(LINES)) as fake:
        status, refused = await searched(fake, "gone", body)
        assert (status, refused["error"]["type"]) == (404, "index_not_found_exception")
        status, nothing = await searched(fake, "gone-*", body)
        assert (status, nothing["hits"]["hits"], nothing["_shards"]["total"]) == (200, [], 0)
        status, some = await searched(fake, "filebeat-*,gone-*", body)
        assert (status, len(some["hits"]["hits"])) == (200, 10)


async def test_what_elasticsearch_does_not_know_is_refused() -> None:
    async with FakeElasticsearch(recording(LINES)) as fake:
        for body in ({"limit": 5, "query": {"match_all": {}}}, {"size": 10_001, "query": {"match_all": {}}}):
            assert (await searched(fake, "filebeat-8", body))[0] == 400
        for query in ({"matchall": {}}, {"bool": {"must_not": []}}, {"terms": {"a": "b"}}, {}):
            status, refused = await searched(fake, "filebeat-8", {"query": query})
            assert (status, refused["error"]["type"]) == (400, "parsing_exception")


async def test_a_name_that_is_mapped_as_text_is_found_by_the_keyword_beside_it_alone() -> None:
    documents = [fluent_bit(entry) for entry in entries_of(recording(LINES))]
    index = FakeIndex(FLUENT_BIT, documents)
    async with FakeElasticsearch(recording({}), indices={"logstash-1": index}) as fake:
        for name, found in (("kubernetes.pod_name", 0), ("kubernetes.pod_name.keyword", 10)):
            _, answer = await searched(fake, "logstash-*", {"query": {"terms": {name: [POD]}}})
            assert len(answer["hits"]["hits"]) == found, name


@pytest.mark.parametrize(
    ("pattern", "value", "holds"),
    [
        ("checkout-[a-z]+", "checkout-ab", True),
        ("checkout", "checkout-ab", False),
        ('a"b.c"', "ab.c", True),
        ('a"b.c"', "abxc", False),
        ("a\\.b", "axb", False),
        ("^a$", "a", False),
    ],
)
def test_lucenes_expressions_are_over_the_whole_value_and_know_other_signs(
    pattern: str,
    value: str,
    holds: bool,  # noqa: FBT001 - a table's column
) -> None:
    test = parse_dsl({"regexp": {"pod": {"value": pattern}}}, {"pod": "keyword"})
    assert test({"pod": value}) is holds


@pytest.mark.parametrize(
    ("query", "more", "holds"),
    [
        ("gone | err*", {}, True),
        ('"an error"', {}, True),
        ('"error an"', {}, False),
        ("rror*", {}, False),
        ("err", {}, False),
        ("gone | err*", {"flags": "OR|PREFIX"}, False),
        ("gone | err*", {"flags": "OR|PREFIX|WHITESPACE"}, True),
    ],
)
def test_words_are_found_by_their_beginning_and_spaces_part_them_unless_flags_forget_it(
    query: str,
    more: dict[str, str],
    holds: bool,  # noqa: FBT001 - a table's column
) -> None:
    test = parse_dsl({"simple_query_string": {"query": query, "fields": ["message"], **more}}, {"message": "text"})
    assert test({"message": "An ERROR came"}) is holds


def test_a_range_holds_on_a_date_alone() -> None:
    line = {"@timestamp": "2026-03-09T02:00:00Z"}
    assert parse_dsl({"range": {"@timestamp": BOUNDS}}, {"@timestamp": "date"})(line)
    assert not parse_dsl({"range": {"@timestamp": BOUNDS}}, {"@timestamp": "text"})(line)
    with pytest.raises(QueryError):
        parse_dsl({"regexp": {"a": {"value": "x", "boost": 1}}}, {})
