"""What ended long ago is dropped by the month; what is open loses nothing, however old it is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus
from app.domain.evidence import DROPPED
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.partitions import PARTITIONED
from app.store.rejections import Refusal, Rejections
from app.store.search import Filter, Search
from app.store.tries import Tries
from tests.store.attic import SEEN, Attic, about, attic_of, details, month_ago, this_month
from tests.store.house import alert, post

pytestmark = pytest.mark.anyio


@pytest.fixture
async def attic(database_url: str) -> AsyncIterator[Attic]:
    async with attic_of(database_url, 500, 410, 300) as attic:
        yield attic


async def test_of_what_ended_long_ago_the_compact_record_stays(attic: Attic) -> None:
    old = await attic.over("Crash", 500)
    await attic.incidents.resolve(old, {"cause": "memory.limit_too_low", "fix": "rolled back"})
    before = await attic.get(old)
    assert details(before)[2]
    await attic.round()
    assert await attic.tables(500) == set()
    after = await attic.get(old)
    assert details(after) == (0, 0, False)
    assert after.is_dropped
    assert (after.title, after.headline, after.subjects) == (before.title, before.headline, before.subjects)
    assert (after.started_at, after.resolved_at) == (before.started_at, before.resolved_at)
    assert after.resolution == {"cause": "memory.limit_too_low", "fix": "rolled back"}
    evidence = await attic.incidents.evidence(old)
    assert (evidence.items, evidence.gaps) == ((), (DROPPED,))
    assert await attic.incidents.summary(old) is None
    found = await Search(attic.store).page(Filter(text="checkout", cause="memory"))
    assert [hit.id for hit in found.hits] == [old]
    for table in ("group_episode", "delivery", "story_key", "alert_group"):
        assert await attic.rows(f"select 1 from {table}") == [], table  # noqa: S608


async def test_an_open_incident_of_an_old_month_loses_nothing_and_goes_on(attic: Attic) -> None:
    old = await attic.fires("Crash", 500)
    await attic.judge(old)
    await attic.announce(old)
    before = await attic.get(old)
    await attic.round()
    assert await attic.tables(500) == set()
    assert await attic.month(old) == this_month()
    after = await attic.get(old)
    assert details(after) == details(before)
    assert (after.deliveries, after.groups) == (before.deliveries, before.groups)
    assert await attic.incidents.evidence(old) == SEEN
    assert await attic.ends("Crash", 0, began=500) == old
    ended = await attic.get(old)
    assert ended.state is AlertStatus.RESOLVED
    assert [entry.kind for entry in ended.timeline] == ["alert.firing", "alert.resolved"]
    await attic.judge(old)
    assert details(await attic.get(old)) == (1, 2, True)


@pytest.mark.parametrize("parked", [False, True])
async def test_what_waits_for_work_is_kept(attic: Attic, *, parked: bool) -> None:
    old = await attic.fires("Crash", 500)
    await attic.ends("Crash", 499, began=500)
    if parked:
        assert await Tries(attic.store).park(old, 0)
    await attic.round()
    assert await attic.tables(500) == set()
    assert not (await attic.get(old)).is_dropped
    await attic.rows("update incident set parked = null returning id")
    await attic.judge(old)
    assert details(await attic.get(old)) == (1, 2 + parked, True)


async def test_what_is_counted_is_the_time_since_the_end(attic: Attic) -> None:
    old = await attic.fires("Crash", 500)
    await attic.ends("Crash", 10, began=500)
    await attic.judge(old)
    await attic.round()
    assert details(await attic.get(old)) == (1, 2, True)
    await attic.rows("update incident set resolved_at = '9999-12-31', month = %(m)s returning id", m=month_ago(500))
    await attic.furnish(500)
    await attic.round()
    assert await attic.tables(500) == set(), "an end in the far future is not waited for"


async def test_months_that_are_not_wholly_old_stay(attic: Attic) -> None:
    kept = await attic.over("Crash", 300)
    await attic.round()
    assert await attic.tables(300) == set(PARTITIONED)
    assert details(await attic.get(kept)) == (1, 2, True)
    since = datetime.now(UTC).date() - month_ago(300)
    await attic.round(since.days)
    assert await attic.tables(300) == set(PARTITIONED), "its last day is not old enough"
    await attic.round(since.days - 31)
    assert await attic.tables(300) == set()


async def test_the_parent_of_a_storm_has_no_rows_of_its_own_and_moves_all_the_same(attic: Attic) -> None:
    parent = uuid7()
    await attic.rows(
        """
        insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace, workload, title,
          headline, reported, subjects, storm)
        values (%(id)s, %(month)s, 'firing', 3, now(), 'Storm', 'prod', '', '', 'S', 'S', '[]', '[]', 'node:a')
        returning id
        """,
        id=parent,
        month=month_ago(500),
    )
    await attic.round()
    assert await attic.tables(500) == set()
    assert await attic.month(parent) == this_month()
    await attic.judge(parent, storm=True)


async def test_a_group_whose_incident_was_dropped_opens_a_new_one(attic: Attic) -> None:
    old = await attic.over("Crash", 500)
    fires = post("Crash", alert("Crash", starts=0), minute=1, subject=about("Crash"))
    over = post("Slow", alert("Slow", starts=-700_000, ends=-20), minute=1)
    said = await attic.acceptance.accept(over)
    await attic.round()
    again = await attic.acceptance.accept(fires)
    assert again != (old,)
    assert (await attic.get(again[0])).state is AlertStatus.FIRING
    assert await attic.acceptance.accept(over) == said, "what ended lately is known by its group"


async def test_an_end_that_is_told_again_of_what_was_dropped_is_taken_and_wakes_nobody(attic: Attic) -> None:
    old = await attic.over("Crash", 500)
    await attic.rows("update alert_group set posted_at = now() returning id")
    await attic.round()
    assert len(await attic.rows("select 1 from alert_group")) == 1, "it is posted, though part of no incident"
    (told,) = await attic.acceptance.accept(post("Crash", alert("Crash", starts=-720_000, ends=-710_000), minute=1))
    assert told != old
    assert await attic.incidents.unannounced(0) == []


async def test_small_rows_that_nobody_needs_go_too(attic: Attic) -> None:
    await Rejections(attic.store).keep("alertmanager", [Refusal("old", b"old"), Refusal("new", b"new")])
    await attic.rows("update rejected set last_seen_at = now() - interval '401 days' where reason = 'old' returning id")
    leases = Leases(attic.store, uuid7())
    await leases.take("channel:slack:C1", 30)
    await leases.take("channel:slack:C2", 30)
    await attic.rows("update lease set until = now() - interval '401 days' where name like '%%C1' returning name")
    open_one = await attic.fires("Open", 410)
    await attic.round()
    assert [one.reason for one in await Rejections(attic.store).newest()] == ["new"]
    names = {row["name"] for row in await attic.rows("select name from lease where name like 'channel%%'")}
    assert names == {"channel:slack:C2"}
    assert [one.group_key for one in (await attic.get(open_one)).groups] == ["Open"], "its group is quiet, and open"


async def incident_ids(attic: Attic) -> list[UUID]:
    return [row["id"] for row in await attic.rows("select id from incident order by id")]


async def test_many_incidents_go_page_by_page(attic: Attic) -> None:
    for n in range(30):
        await attic.over(f"Crash{n}", 500 - n / 100)
    kept = await attic.fires("Kept", 499)
    await attic.rows(
        """
        with more as (
          insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace, workload, title,
            headline, reported, subjects, enriched_rev, resolved_at)
          select gen_random_uuid(), %(month)s, 'resolved', 2, now(), 'A', '', '', '', 'A', 'A', '[]', '[]', 1,
            now() - interval '500 days' from generate_series(1, 700) returning id, month)
        insert into timeline select month, id, 'k', now(), 'k', '', '' from more returning key
        """,
        month=month_ago(500),
    )
    await attic.round()
    assert await attic.tables(500) == set()
    assert len(await incident_ids(attic)) >= 702
    assert [row["incident_id"] for row in await attic.rows("select incident_id from group_episode")] == [kept]
