"""A sender speaks only while both leases are surely its own: the delivery's and the channel's."""

from collections.abc import AsyncIterator

import pytest

from app.jobs.deliver import Sender
from tests.jobs.slack_house import Held, SlackHouse, slack_house

pytestmark = pytest.mark.anyio

POST = "chat.postMessage"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[SlackHouse]:
    async with slack_house(database_url) as house:
        yield house


@pytest.mark.parametrize("left_seconds", [9, -1])
async def test_a_sender_with_too_little_left_of_its_lease_sends_nothing(house: SlackHouse, left_seconds: int) -> None:
    await house.incident()
    parts = house.parts()
    held = parts["incidents"] = Held(parts["incidents"], "get", "after")
    slow = Sender(**parts)
    await slow.start_due()
    await held.reached.wait()
    await house.later(30 - left_seconds)
    held.let_go.set()
    await slow.aclose()
    assert house.slack.calls == []
    row = await house.head()
    assert (row["state"], row["reference"]) == ("due", None), "nothing was sent, so nobody need look for it"
    await house.once()
    assert house.called() == [POST]


async def test_a_sender_whose_channel_went_to_another_sends_nothing(house: SlackHouse) -> None:
    await house.incident()
    parts = house.parts()
    held = parts["incidents"] = Held(parts["incidents"], "get", "after")
    slow = Sender(**parts)
    await slow.start_due()
    await held.reached.wait()
    async with house.store.transaction() as transaction:
        await transaction.execute("update lease set holder = gen_random_uuid(), token = token + 1")
    held.let_go.set()
    await slow.aclose()
    assert house.slack.calls == []


async def test_the_channel_and_the_delivery_stay_taken_for_longer_than_the_longest_call(house: SlackHouse) -> None:
    await house.incident()
    parts = house.parts()
    held = parts["incidents"] = Held(parts["incidents"], "get", "after")
    slow = Sender(**parts)
    await slow.start_due()
    await held.reached.wait()
    await house.later(19)
    house.slack.stalls = "after"
    held.let_go.set()
    await house.slack.stalled.wait()
    await house.incident()
    await house.later(28)
    await house.once()
    assert house.called() == [POST], "the leases began anew with the send"
    for task in slow._busy.values():
        task.cancel()
    await slow.aclose()
