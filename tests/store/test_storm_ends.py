"""A storm that is over leaves nobody without a word, and tells nobody twice."""

import asyncio
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus, Severity
from app.domain.subject import Subject
from app.store.claims import Channel
from app.store.storms import Storms
from tests.store.house import alert, post
from tests.store.weather import HEAD, Weather

pytestmark = pytest.mark.anyio


async def test_a_storm_is_over_when_few_are_left_and_each_of_those_speaks_for_itself(weather: Weather) -> None:
    incidents = await weather.many(6, node="node-7")
    await weather.announce_all(incidents)
    (storm,) = await weather.raging()
    assert storm.size == 6
    assert not storm.is_over(4)
    for number in range(4):
        await weather.over(number)
    (storm,) = await weather.raging()
    assert storm.is_over(4)
    assert set(await weather.end(storm)) == set(incidents[4:])
    parent = await weather.get(storm.parent_id)
    assert parent.state is AlertStatus.RESOLVED
    assert await weather.incidents.unannounced(0) == incidents[4:]
    assert set(await weather.announce_all(incidents[4:])) == {None}
    assert (await weather.parts(incidents[4]))["head"] == "due"
    assert (await weather.get(incidents[4])).parent_id == storm.parent_id


async def test_a_storm_of_more_than_are_read_goes_on_while_those_fire(weather: Weather) -> None:
    weather.storms = Storms(weather.store, members_read=3)
    await weather.announce_all(await weather.many(8, node="node-7"))
    for number in range(3):
        await weather.over(number)
    (storm,) = await weather.raging()
    assert (storm.size, storm.left) == (8, 5)
    assert not storm.is_over(4)
    for number in range(3, 8):
        await weather.over(number)
    (storm,) = await weather.raging()
    assert (storm.size, storm.left) == (8, 0)
    assert storm.is_over(4)


async def absorbed_head(weather: Weather) -> UUID:
    """One of a storm whose head was wanted before the storm came, and left to it."""
    (first, *_) = early = await weather.many(3, node="node-7")
    await weather.announce_all(early)
    claims = [await weather.deliveries.claim(Channel("slack", "C1")) for _ in range(3)]
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    for claim in claims:
        assert claim
        await weather.deliveries.absorb(claim)
    assert (await weather.parts(first))["head"] == "absorbed"
    return first


async def test_what_was_left_to_a_storm_and_breaks_again_after_it_is_told(weather: Weather) -> None:
    first = await absorbed_head(weather)
    for number in range(4):
        await weather.over(number)
    (storm,) = await weather.raging()
    assert await weather.end(storm) == []
    assert await weather.breaks(0, node="node-7", starts=8, minute=9) == first
    assert await weather.incidents.unannounced(0) == [first]
    assert await weather.announce_all([first]) == [None]
    assert (await weather.parts(first))["head"] == "due"
    assert Channel("slack", "C1") in await weather.deliveries.due_channels()


async def test_what_was_to_be_told_by_itself_is_told_even_if_it_ends_right_then(weather: Weather) -> None:
    incidents = await weather.many(6, node="node-7")
    await weather.announce_all(incidents)
    for number in range(4):
        await weather.over(number)
    (storm,) = await weather.raging()
    await weather.end(storm)
    await weather.over(4)
    await weather.announce_all(incidents)
    heads = {one for one in incidents if (await weather.parts(one)).get("head") == "due"}
    assert heads == set(incidents[4:])


@pytest.mark.parametrize("again", [False, True], ids=["fires on", "fires again"])
async def test_where_nothing_is_said_before_all_is_known_it_is_told_though_it_has_ended_by_then(
    weather: Weather, *, again: bool
) -> None:
    incidents = await weather.many(6, node="node-7")
    await weather.announce_all(incidents)
    for number in range(6 if again else 4):
        await weather.over(number)
    (storm,) = await weather.raging()
    await weather.end(storm)
    if again:
        await weather.breaks(4, node="node-7", starts=8, minute=9)
    # An incoming webhook wants no head as long as more is being asked.
    await weather.deliveries.announce(incidents[4], [])
    await weather.over(4, ends=10)
    await weather.announce_all([incidents[0], incidents[4]])
    assert (await weather.parts(incidents[4]))["head"] == "due"
    assert "head" not in await weather.parts(incidents[0])


async def test_a_head_that_its_sender_leaves_to_a_storm_too_late_is_told_though_it_has_ended(weather: Weather) -> None:
    (first, *_) = early = await weather.many(3, node="node-7")
    await weather.announce_all(early)
    claim = await weather.deliveries.claim(Channel("slack", "C1"))
    assert claim
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    (storm,) = await weather.raging()
    await weather.end(storm)
    await weather.over(0)
    await weather.announce_all([first])
    await weather.deliveries.absorb(claim)
    assert (await weather.parts(claim.incident_id))["head"] == "due"


async def test_what_gets_worse_right_after_its_storm_is_news_where_it_was_told_before(weather: Weather) -> None:
    (first, *_) = early = await weather.many(3, node="node-7")
    await weather.announce_all(early)
    assert await told(weather, first) == [()]
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    for number in range(1, 4):
        await weather.over(number)
    (storm,) = await weather.raging()
    await weather.end(storm)
    worse = alert("Down", starts=11, severity="critical")
    await weather.acceptance.accept(post("NotReady 0", worse, minute=12, subject=Subject("prod", "shop", "", "app-0")))
    await weather.announce_all([first])
    assert ("now critical, was warning: Down",) in await told(weather, first)


async def test_what_a_storm_that_is_over_would_have_told_is_not_left_to_it(weather: Weather) -> None:
    await weather.announce_all(await weather.many(3, node="node-7"))
    claim = await weather.deliveries.claim(Channel("slack", "C1"))
    assert claim
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    (storm,) = await weather.raging()
    await weather.end(storm)
    await weather.deliveries.absorb(claim)
    assert (await weather.parts(claim.incident_id))["head"] == "due"


async def test_a_storm_ends_once(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    await weather.announce_all(incidents)
    (storm,) = await weather.raging()
    found = await asyncio.gather(*(weather.end(storm) for _ in range(4)))
    assert sorted(found, key=len) == [[], [], [], incidents]


async def test_a_storm_that_ends_while_one_joins_leaves_none_without_a_message(weather: Weather) -> None:
    incidents = await weather.many(8, node="node-7")
    await weather.announce_all(incidents[:4])
    (storm,) = await weather.raging()
    await asyncio.gather(weather.end(storm), *(weather.deliveries.announce(one, HEAD) for one in incidents[4:]))
    await weather.announce_all(await weather.incidents.unannounced(0))
    for one in incidents:
        incident = await weather.get(one)
        assert incident.is_absorbed or (await weather.parts(one)).get("head") == "due"


async def test_a_head_that_was_left_to_a_storm_drags_no_news_from_before_it(weather: Weather) -> None:
    first = await absorbed_head(weather)
    await weather.over(0)
    await weather.breaks(0, node="node-7", starts=7, minute=8)
    await weather.announce_all([first])
    for number in range(1, 4):
        await weather.over(number)
    (storm,) = await weather.raging()
    await weather.end(storm)
    await weather.announce_all([first])
    assert await told(weather, first) == [()]
    worse = alert("Down", starts=11, severity="critical")
    await weather.acceptance.accept(post("NotReady 0", worse, minute=12, subject=Subject("prod", "shop", "", "app-0")))
    assert [texts for texts in await told(weather, first) if texts] == [("now critical, was warning: Down",)]


async def told(weather: Weather, incident_id: UUID) -> list[tuple[str, ...]]:
    """The news of each letter about the incident that is due now, all of which are sent."""
    async with weather.store.transaction() as transaction:
        await transaction.execute("update delivery set due_at = now() where state = 'due'")
    found = []
    while claim := await weather.deliveries.claim(Channel("slack", "C1")):
        if claim.is_first_word:
            await weather.deliveries.leave_to_head(claim)
        await weather.deliveries.record(claim, "C1/1", "digest")
        found += [claim.news] if claim.incident_id == incident_id else []
    return found


async def test_a_storm_is_not_quiet_while_those_join_that_are_not_read(weather: Weather) -> None:
    incidents = await weather.many(6, node="node-7")
    await weather.announce_all(incidents)
    for number in range(4):
        await weather.over(number)
    async with weather.store.transaction() as transaction:
        await transaction.execute(
            "update incident set received_at = now() where id = any(%(late)s)", late=incidents[4:]
        )
    few = Storms(weather.store, members_read=3)
    storm = await few.read((await few.raging())[0])
    assert storm.left == 2
    assert not storm.is_over(4)


async def test_the_worst_of_a_storm_is_among_those_that_are_read(weather: Weather) -> None:
    incidents = await weather.many(6, node="node-7")
    await weather.announce_all(incidents)
    await weather.announce_all([await weather.breaks(9, node="node-7", severity="critical", name="Down")])
    few = Storms(weather.store, members_read=3)
    storm = await few.read((await few.raging())[0])
    assert max(member.severity for member in storm.members) is Severity.CRITICAL
