"""A storm ends once, by its own message; what still fires then speaks for itself."""

from uuid import UUID

import pytest

from app.domain.alert import AlertStatus
from app.domain.storm import Storm
from app.store.storms import Storms
from tests.jobs.watch import Watch

pytestmark = pytest.mark.anyio


class Growing(Storms):
    """As if four more of the node broke between a keeper's look and what it does then."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch.store)
        self._watch = watch

    async def read(self, parent_id: UUID) -> Storm:
        seen = await super().read(parent_id)
        if seen.size < 8:
            late = [await self._watch.breaks(10 + number, node="node-7", minute=7) for number in range(4)]
            await self._watch.announce_each(late)
        return seen


async def test_when_a_storm_is_over_what_still_fires_is_told(watch: Watch) -> None:
    incidents = await watch.many(6, node="node-7")
    await watch.announce_each(incidents)
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    parent = await watch.parent()
    assert parent.state is AlertStatus.RESOLVED
    assert "the storm of 6 is over; 2 still firing, each told by itself now" in [e.text for e in parent.timeline]
    await watch.announcer.watch_budget(0.0)
    await watch.send_all()
    assert sorted(watch.wall.posted) == sorted([parent.id, *incidents[4:]])


async def test_when_all_have_ended_the_storm_has(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    assert (await watch.parent()).state is AlertStatus.RESOLVED
    assert await watch.raging() == []


@pytest.mark.parametrize("before", [0, 3])
async def test_when_all_of_a_storm_clears_at_once_its_message_alone_says_so(watch: Watch, before: int) -> None:
    """`before`: so many had a head of their own when the storm came, which was left to it."""
    incidents = await watch.many(4, node="node-7")
    await watch.announce_each(incidents[:before])
    await watch.announce_each(incidents[before:])
    for one in incidents:
        await watch.enricher.enrich(one)
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    for one in incidents:
        await watch.enricher.enrich(one)
    await watch.send_all()
    parent = await watch.parent()
    assert parent.state is AlertStatus.RESOLVED
    assert watch.wall.posted == [parent.id]
    # Whatever of it breaks again is told.
    again = await watch.breaks(0, node="node-7", starts=8, minute=9)
    assert again == incidents[0]
    await watch.announcer.watch_budget(0.0)
    await watch.send_all()
    assert watch.wall.posted == [parent.id, again]


async def test_what_was_told_before_a_storm_is_edited_when_it_is_over(watch: Watch) -> None:
    incidents = await watch.many(3, node="node-7")
    await watch.announce_each(incidents)
    await watch.send_all()
    await watch.announce_each([await watch.breaks(3, node="node-7")])
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    await watch.keeper.keep()
    drawn = watch.wall.drawn.count(incidents[0])
    await watch.enricher.enrich(incidents[0])
    await watch.send_all()
    assert watch.wall.drawn.count(incidents[0]) > drawn
    assert watch.wall.posted.count(incidents[0]) == 1


async def test_a_storm_that_grows_while_it_is_about_to_end_goes_on(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    for number in range(4):
        await watch.over(number)
    keeper = watch.another_keeper(Growing(watch))
    await watch.lease_ends()
    await keeper.keep()
    parent = await watch.parent()
    assert parent.state is AlertStatus.FIRING
    assert not [entry for entry in parent.timeline if entry.kind == "news.resolved"]
    assert parent.assessment
    assert parent.assessment.briefing.still == "4 of 8 still firing"


async def test_a_keeper_that_dies_between_the_end_and_its_words_is_made_good(watch: Watch) -> None:
    await watch.announce_each(await watch.many(4, node="node-7"))
    await watch.keeper.keep()
    await watch.send_all()
    for number in range(4):
        await watch.over(number)
    (storm,) = await watch.raging()
    await watch.end(storm)
    await watch.lease_ends()
    await watch.another_keeper().keep()
    parent = await watch.parent()
    assert parent.assessment
    assert parent.assessment.briefing.still == "all over"
    assert [e.text for e in parent.timeline if e.kind == "news.resolved"] == ["the storm of 4 is over"]
    assert await watch.raging() == []
