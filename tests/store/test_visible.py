"""What a scope covers is decided in SQL exactly as the domain says, so that pages are whole and cursors right."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.errors import NotFoundError
from app.domain.scope import Scope
from app.domain.subject import SUBJECTS_KEPT, Subject
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.rows import subjects_to_json
from app.store.search import Filter, Search

pytestmark = pytest.mark.anyio
T0 = datetime(2026, 5, 1, tzinfo=UTC)
SIZE = 300
Subjects = tuple[Subject, ...]

SCOPES = {
    "one": Scope(frozenset({"shop"})),
    "two": Scope(frozenset({"shop", "cart"})),
    "in one cluster": Scope(frozenset({"eu/shop"})),
    "in a cluster and anywhere": Scope(frozenset({"eu/shop", "cart"})),
    "in a cluster of an odd name": Scope(frozenset({'a/"b"/shop'})),
    "one that is nowhere": Scope(frozenset({"nowhere"})),
    "none at all": Scope(frozenset()),
    "everything": Scope(),
}


def drawn(draw: random.Random) -> Subjects:
    """About one namespace mostly, sometimes two, a node, or nothing."""
    cluster = draw.choice(("eu", "us", 'a/"b"'))
    namespaces = draw.choices(("shop", "cart", "pay", "Shop"), k=draw.choice((1, 1, 1, 2, 3)))
    found = [Subject(cluster, namespace, "Deployment", draw.choice(("shop", "api"))) for namespace in namespaces]
    match draw.randrange(12):
        case 0:
            return ()
        case 1:
            return (*found, Subject(cluster, "", "Node", "shop"))
        case 2:
            return (Subject(cluster, "", "Namespace", namespaces[0]),)
        case 3:
            return (Subject(cluster, "", "Cluster", "shop"),)
    return tuple(dict.fromkeys(found))


async def put(store: Store, at: datetime, about: Subjects, reported: Subjects, storm: str | None = None) -> UUID:
    first = about[0] if about else Subject("", "", "", "")
    identifier = uuid7()
    async with store.transaction() as transaction:
        await transaction.execute(
            """
            insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace, workload,
              title, headline, reported, subjects, search, storm)
            values (%(id)s, date_trunc('month', %(at)s)::date, 'resolved', 2, %(at)s, 'A', '', %(namespace)s, '', '',
              '', %(reported)s, %(subjects)s, to_tsvector('simple', %(words)s), %(storm)s)
            """,
            id=identifier,
            at=at,
            namespace=first.namespace,
            reported=subjects_to_json(reported),
            subjects=subjects_to_json(about),
            words="secret " + " ".join(subject.namespace for subject in about),
            storm=storm,
        )
    return identifier


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[tuple[Store, dict[UUID, tuple[Subjects, Subjects]]]]:
    draw = random.Random(7)  # noqa: S311 - the same ones each time
    store = Store(database_url)
    known = {}
    for number in range(SIZE):
        about = drawn(draw)
        reported = about if draw.random() < 0.8 else drawn(draw)
        known[await put(store, T0 + timedelta(hours=number // 2), about, reported)] = (about, reported)
    yield store, known
    await store.aclose()


async def paged(search: Search, wanted: Filter) -> list[UUID]:
    found: list[UUID] = []
    while True:
        page = await search.page(wanted)
        assert page.next_cursor is None or len(page.hits) == wanted.limit, "a page before the last is full"
        found += [hit.id for hit in page.hits]
        if page.next_cursor is None:
            return found
        wanted = replace(wanted, cursor=page.next_cursor)


@pytest.mark.parametrize("text", [None, "secret", "cart"])
@pytest.mark.parametrize("window", [20, 10_000], ids=["few candidates", "all are candidates"])
async def test_pages_hold_what_the_scope_covers_and_nothing_else(
    stored: tuple[Store, dict[UUID, tuple[Subjects, Subjects]]], window: int, text: str | None
) -> None:
    store, known = stored
    search = Search(store, window)
    everything = await paged(search, Filter(limit=7, text=text))
    for name, scope in SCOPES.items():
        expected = [one for one in everything if all(scope.covers(subjects) for subjects in known[one])]
        assert await paged(search, Filter(limit=7, text=text, scope=scope)) == expected, name
        if text is None:
            empty = name in {"one that is nowhere", "none at all"}
            assert bool(expected) is not empty, name


async def test_one_incident_is_there_for_whom_a_page_would_show_it(
    stored: tuple[Store, dict[UUID, tuple[Subjects, Subjects]]],
) -> None:
    store, known = stored
    search = Search(store)
    for scope in SCOPES.values():
        listed = set(await paged(search, Filter(limit=200, scope=scope)))
        for incident in list(known)[:60]:
            if incident in listed:
                await search.require(incident, scope)
                continue
            with pytest.raises(NotFoundError, match=f"^there is no incident {incident}$"):
                await search.require(incident, scope)


async def test_where_more_may_be_elsewhere_than_is_kept_nothing_is_shown(database_url: str) -> None:
    store = Store(database_url)
    scope = SCOPES["one"]
    many = tuple(Subject("eu", "shop", "Pod", f"p{number}") for number in range(SUBJECTS_KEPT))
    try:
        shown = await put(store, T0, many[:-1], many[:-1])
        await put(store, T0, many, many)
        await put(store, T0, many[:1], many)
        await put(store, T0, many[:1], many[:1], storm="node:node-3")
        assert await paged(Search(store), Filter(limit=5, scope=scope)) == [shown]
    finally:
        await store.aclose()


async def test_of_a_storm_those_children_are_listed_that_the_scope_covers(database_url: str) -> None:
    store = Store(database_url)
    checkout, ledger = (Subject("eu", namespace, "Deployment", "d") for namespace in ("shop", "pay"))
    try:
        parent = await put(store, T0, (), (), storm="node:node-3")
        ours, theirs = await put(store, T0, (checkout,), (checkout,)), await put(store, T0, (ledger,), (ledger,))
        async with store.transaction() as transaction:
            await transaction.execute(
                "update incident set parent_id = %(parent)s where id <> %(parent)s", parent=parent
            )
        search = Search(store)
        assert {hit.id for hit in await search.children(parent)} == {ours, theirs}
        assert [hit.id for hit in await search.children(parent, SCOPES["one"])] == [ours]
    finally:
        await store.aclose()
