"""Every filter finds what a plain query finds, page by page, however few candidates are looked through first."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus, Severity
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.search import Filter, Search

pytestmark = pytest.mark.anyio
T0 = datetime(2026, 5, 1, tzinfo=UTC)
SIZE = 400
FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
CAUSES = (None, "memory", "memory.oom_killed", "memory_leak", "memory%", "node.lost")

# The filter, and what a person would write for it.
CASES: dict[str, tuple[Filter, str]] = {
    "nothing": (Filter(), "true"),
    "firing": (Filter(state=FIRING), "state = 'firing'"),
    "resolved": (Filter(state=RESOLVED), "state = 'resolved'"),
    "severity": (Filter(severity=Severity.CRITICAL), "severity = 3"),
    "severity none": (Filter(severity=Severity.NONE), "severity = 0"),
    "alertname": (Filter(alertname="A1"), "alertname = 'A1'"),
    "seldom alertname": (Filter(alertname="Seldom"), "alertname = 'Seldom'"),
    "cluster": (Filter(cluster="west"), "cluster = 'west'"),
    "cluster that no longer is": (Filter(cluster="old"), "cluster = 'old'"),
    "no cluster": (Filter(cluster=""), "cluster = ''"),
    "cluster in other letters": (Filter(cluster="WEST"), "cluster = 'WEST'"),
    "namespace": (Filter(namespace="shop"), "namespace = 'shop'"),
    "workload": (Filter(workload="w3"), "workload = 'w3'"),
    "place": (Filter(namespace="shop", workload="w3"), "namespace = 'shop' and workload = 'w3'"),
    "cause": (Filter(cause="memory.oom_killed"), "cause = 'memory.oom_killed'"),
    "family": (Filter(cause="memory"), "cause in ('memory', 'memory.oom_killed')"),
    "cause with a percent sign": (Filter(cause="memory%"), "cause = 'memory%%'"),
    "since": (Filter(since=T0 + timedelta(hours=300)), "started_at >= '2026-05-13T12:00Z'"),
    "until": (Filter(until=T0 + timedelta(hours=100)), "started_at < '2026-05-05T04:00Z'"),
    "until, of a cluster": (
        Filter(until=T0 + timedelta(hours=100), cluster="west"),
        "started_at < '2026-05-05T04:00Z' and cluster = 'west'",
    ),
    "firing and critical": (Filter(state=FIRING, severity=Severity.CRITICAL), "state = 'firing' and severity = 3"),
    "resolved, of a cluster": (Filter(state=RESOLVED, cluster="west"), "state = 'resolved' and cluster = 'west'"),
    "all at once": (
        Filter(RESOLVED, Severity.WARNING, "A0", "west", "shop", cause="memory", since=T0, text="common"),
        """state = 'resolved' and severity = 2 and alertname = 'A0' and cluster = 'west' and namespace = 'shop'
        and cause in ('memory', 'memory.oom_killed') and search @@ 'common'""",
    ),
    "common word": (Filter(text="common"), "search @@ 'common'"),
    "rare word": (Filter(text="rare"), "search @@ 'rare'"),
    "word that is nowhere": (Filter(text="nowhere"), "false"),
    "two words": (Filter(text="common even"), "search @@ 'common & even'"),
    "words that never meet": (Filter(text="even odd"), "false"),
    "word, of a cluster": (Filter(text="odd", cluster="old"), "search @@ 'odd' and cluster = 'old'"),
    "word, firing": (Filter(text="odd", state=FIRING), "search @@ 'odd' and state = 'firing'"),
}


def row(draw: random.Random, number: int) -> dict[str, Any]:
    """Begun with another, so that pages break between equals; one cluster is only in the first half."""
    clusters = ("old", "west", "east", "") if number < SIZE // 2 else ("west", "east", "")
    words = ["common", "even" if number % 2 == 0 else "odd", *(["rare"] if number % 97 == 0 else [])]
    return {
        "id": uuid7(),
        "at": T0 + timedelta(hours=number // 2 * 2),
        "state": draw.choices(("firing", "resolved"), (1, 9))[0],
        "severity": draw.choices((0, 1, 2, 3), (1, 10, 60, 30))[0],
        "alertname": "Seldom" if number % 150 == 7 else f"A{int(5 * draw.random() ** 2)}",
        "cluster": draw.choice(clusters),
        "namespace": draw.choice(("shop", "pay")),
        "workload": f"w{draw.randrange(8)}",
        "cause": draw.choice(CAUSES),
        "words": " ".join(words),
    }


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """With incidents of all sorts in it."""
    draw = random.Random(5)  # noqa: S311 - the same ones each time
    made = Store(database_url)
    async with made.transaction() as transaction:
        for number in range(SIZE):
            await transaction.execute(
                """
                insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace, workload,
                  cause, title, headline, reported, subjects, search)
                values (%(id)s, date_trunc('month', %(at)s)::date, %(state)s, %(severity)s, %(at)s, %(alertname)s,
                  %(cluster)s, %(namespace)s, %(workload)s, %(cause)s, '', '', '[]', '[]',
                  to_tsvector('simple', %(words)s))
                """,
                **row(draw, number),
            )
    yield made
    await made.aclose()


async def plain(store: Store, condition: str) -> list[UUID]:
    async with store.transaction() as transaction:
        rows = await transaction.all(f"select id from incident where {condition} order by started_at desc, id desc")  # noqa: S608 - the test's own
    return [one["id"] for one in rows]


async def paged(search: Search, wanted: Filter) -> list[UUID]:
    found: list[UUID] = []
    while True:
        page = await search.page(wanted)
        found += [hit.id for hit in page.hits]
        if page.next_cursor is None:
            return found
        wanted = replace(wanted, cursor=page.next_cursor)


@pytest.mark.parametrize("window", [20, 10_000], ids=["few candidates", "all are candidates"])
async def test_all_pages_of_each_filter_are_what_a_plain_query_finds(store: Store, window: int) -> None:
    search = Search(store, window)
    for name, (wanted, condition) in CASES.items():
        expected = await plain(store, condition)
        assert await paged(search, replace(wanted, limit=7)) == expected, name
        assert [hit.id for hit in (await search.page(replace(wanted, limit=200))).hits] == expected[:200], name


async def test_the_cases_tell_something(store: Store) -> None:
    empty = {name for name, (_, condition) in CASES.items() if not await plain(store, condition)}
    assert empty == {"cluster in other letters", "word that is nowhere", "words that never meet"}


async def test_how_a_list_is_planned_does_not_outlive_it(store: Store) -> None:
    await Search(store).page(Filter(cluster="west"))
    async with store.transaction() as transaction:
        assert await transaction.one("select current_setting('enable_seqscan') as seqscan") == {"seqscan": "on"}
