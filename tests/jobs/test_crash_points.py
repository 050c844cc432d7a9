"""A sender dies, or is held up, at every step from its claim to its record: one message, and nothing lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from app.jobs.deliver import Sender
from tests.jobs.slack_house import Held, SlackHouse, slack_house

pytestmark = pytest.mark.anyio

LOOK, POST = "conversations.history", "chat.postMessage"
# Where the sender stands when it dies, and what its heir must ask Slack for.
NOT_CLAIMED = [("leases", "take", "after"), ("deliveries", "claim", "before")]
NOT_SENT = [
    ("deliveries", "claim", "after"),
    ("incidents", "get", "after"),
    ("leases", "keep", "before"),
    ("leases", "keep", "after"),
    ("deliveries", "hold", "before"),
    ("deliveries", "hold", "after"),
    ("dispatcher", "deliver", "before"),
]
SENT = [("dispatcher", "deliver", "after"), ("deliveries", "record", "before")]
RECORDED = [("deliveries", "record", "after"), ("deliveries", "hurry", "after"), ("leases", "rest", "before")]
EVERY = [*NOT_CLAIMED, *NOT_SENT, *SENT, *RECORDED]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[SlackHouse]:
    async with slack_house(database_url) as house:
        yield house


class Victim:
    """A sender of a process of its own, held at one step of its work."""

    def __init__(self, house: SlackHouse, place: str, step: str, when: Literal["before", "after"]) -> None:
        parts = house.parts()
        self.held = parts[place] = Held(parts[place], step, when)
        self.sender = Sender(**parts)
        self.running: list[asyncio.Task[None]] = []

    async def reach(self) -> None:
        """Work until the step."""
        await self.sender.start_due()
        self.running = list(self.sender._busy.values())
        async with asyncio.timeout(10):
            await self.held.reached.wait()

    async def go_on(self) -> None:
        self.held.let_go.set()
        await self.sender.aclose()

    async def cancel(self) -> None:
        for task in self.running:
            task.cancel()
        await self.sender.aclose()


def asked_by_the_heir(point: tuple[str, str, str]) -> list[str]:
    if point in NOT_CLAIMED:
        return [POST]
    if point in NOT_SENT:
        return [LOOK, LOOK, POST]
    return [LOOK] if point in SENT else []


async def told_once(house: SlackHouse, nonce: object) -> None:
    head = await house.head()
    [message] = house.slack.heads
    assert (head["state"], head["reference"]) == ("shown", f"C0ONCALL/{message.ts}")
    assert message.metadata["event_payload"]["nonce"] == str(nonce) == str(head["nonce"])


@pytest.mark.parametrize("point", EVERY, ids=" ".join)
async def test_a_sender_killed_at_any_step_leaves_one_message(house: SlackHouse, point: tuple[str, str, str]) -> None:
    await house.incident()
    nonce = (await house.head())["nonce"]
    victim = Victim(house, *point)
    await victim.reach()
    before = len(house.slack.calls)
    await house.rounds(1)
    assert len(house.slack.calls) == before, "nobody speaks while the dead one's leases last"
    await house.later(31)
    await house.rounds()
    assert house.called()[before:] == asked_by_the_heir(point)
    await told_once(house, nonce)
    await victim.cancel()


@pytest.mark.parametrize("point", EVERY, ids=" ".join)
async def test_a_sender_held_up_at_any_step_and_let_go_too_late_leaves_one_message(
    house: SlackHouse, point: tuple[str, str, str]
) -> None:
    await house.incident()
    nonce = (await house.head())["nonce"]
    victim = Victim(house, *point)
    await victim.reach()
    await house.later(31)
    await house.rounds()
    await victim.go_on()
    await house.rounds(2)
    await told_once(house, nonce)
    posts = house.called().count(POST)
    # Only what comes after the last look at the leases can speak twice, and takes its own message back.
    assert (posts, house.called().count("chat.delete")) in {(1, 0), (2, 1)}
    assert (posts == 2) == (point in {("dispatcher", "deliver", "before"), ("deliveries", "hold", "after")})


@pytest.mark.parametrize("point", [NOT_SENT[0], *NOT_SENT[-2:], *SENT], ids=" ".join)
async def test_a_sender_cancelled_at_its_processs_end_leaves_one_message(
    house: SlackHouse, point: tuple[str, str, str]
) -> None:
    await house.incident()
    nonce = (await house.head())["nonce"]
    victim = Victim(house, *point)
    await victim.reach()
    await victim.cancel()
    await house.rounds(1)
    assert LOOK not in house.called(), "its delivery's lease still lasts, though the channel is free again"
    await house.later(31)
    await house.rounds()
    await told_once(house, nonce)
