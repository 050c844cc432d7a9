"""A storm that is over leaves nobody without a word, and tells nobody twice."""

import asyncio
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus
from app.store.claims import Channel
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
    assert set(await weather.storms.end(storm)) == set(incidents[4:])
    parent = await weather.get(storm.parent_id)
    assert parent.state is AlertStatus.RESOLVED
    assert await weather.incidents.unannounced(0) == incidents[4:]
    assert set(await weather.announce_all(incidents[4:])) == {None}
    assert (await weather.parts(incidents[4]))["head"] == "due"
    assert (await weather.get(incidents[4])).parent_id == storm.parent_id


async def test_a_storm_of_more_than_are_read_goes_on_while_those_fire(
    weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.storms.MEMBERS_READ", 3)
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
    assert await weather.storms.end(storm) == []
    assert await weather.breaks(0, node="node-7", starts=8, minute=9) == first
    assert await weather.incidents.unannounced(0) == [first]
    assert await weather.announce_all([first]) == [None]
    assert (await weather.parts(first))["head"] == "due"
    assert Channel("slack", "C1") in await weather.deliveries.due_channels()


async def test_what_a_storm_that_is_over_would_have_told_is_not_left_to_it(weather: Weather) -> None:
    await weather.announce_all(await weather.many(3, node="node-7"))
    claim = await weather.deliveries.claim(Channel("slack", "C1"))
    assert claim
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    (storm,) = await weather.raging()
    await weather.storms.end(storm)
    await weather.deliveries.absorb(claim)
    assert (await weather.parts(claim.incident_id))["head"] == "due"


async def test_a_storm_ends_once(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    await weather.announce_all(incidents)
    (storm,) = await weather.raging()
    found = await asyncio.gather(*(weather.storms.end(storm) for _ in range(4)))
    assert sorted(found, key=len) == [[], [], [], incidents]


async def test_a_storm_that_ends_while_one_joins_leaves_none_without_a_message(weather: Weather) -> None:
    incidents = await weather.many(8, node="node-7")
    await weather.announce_all(incidents[:4])
    (storm,) = await weather.raging()
    await asyncio.gather(weather.storms.end(storm), *(weather.deliveries.announce(one, HEAD) for one in incidents[4:]))
    await weather.announce_all(await weather.incidents.unannounced(0))
    for one in incidents:
        incident = await weather.get(one)
        assert incident.is_absorbed or (await weather.parts(one)).get("head") == "due"
