"""Every state that a post can be in, before a Slack that answers late, wrongly, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Literal

import pytest

from app.jobs.deliver import Sender
from app.notify.dispatcher import Dispatcher
from tests.jobs.slack_house import Held, SlackHouse, slack_house

pytestmark = pytest.mark.anyio

LOOK, POST, EDIT = "conversations.history", "chat.postMessage", "chat.update"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[SlackHouse]:
    async with slack_house(database_url) as house:
        yield house


async def test_it_is_marked_as_being_sent_with_its_nonce_and_committed_before_slack_hears_of_it(
    house: SlackHouse,
) -> None:
    await house.incident()
    house.slack.stalls = "before"
    sending = asyncio.create_task(house.once())
    async with asyncio.timeout(10):
        await house.slack.stalled.wait()
    row = await house.head()
    assert row["state"] == "sending"
    assert row["lease"] is not None
    [(_, arguments)] = house.slack.calls
    assert arguments["metadata"]["event_payload"]["nonce"] == str(row["nonce"])
    sending.cancel()
    with suppress(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize("stalls", ["before", "after"])
async def test_a_post_without_an_answer_in_time_is_looked_for(
    house: SlackHouse, stalls: Literal["before", "after"]
) -> None:
    await house.incident()
    house.dispatcher = Dispatcher(list(house.dispatcher.notifiers.values()), longest_call_seconds=0.3)
    house.slack.stalls = stalls
    await house.once()
    house.slack.stalls = ""
    await house.rounds(4)
    assert house.called() == ([POST, LOOK] if stalls == "after" else [POST, LOOK, LOOK, POST])
    assert len(house.slack.heads) == 1
    assert (await house.head())["state"] == "shown"


@pytest.mark.parametrize("trouble", ["500", "reset"])
async def test_a_post_that_slack_keeps_and_then_fails_is_found(house: SlackHouse, trouble: str) -> None:
    await house.incident()
    if trouble == "500":
        house.slack.fail_after.append(500)
    else:
        house.slack.lose_answers = 1
    await house.rounds(4)
    assert house.called() == [POST, LOOK]
    assert len(house.slack.heads) == 1


async def test_the_second_look_comes_a_quarter_of_a_minute_after_the_first(house: SlackHouse) -> None:
    await house.incident()
    house.slack.history_lags = True
    house.slack.lose_answers = 1
    for seconds in (2, 2, 10):
        await house.once()
        await house.later(seconds)
    await house.once()
    assert house.called() == [POST, LOOK], "14 s after the first look it is too early"
    house.slack.history_lags = False
    await house.later(4)
    await house.once()
    assert house.called() == [POST, LOOK, LOOK]
    assert len(house.slack.heads) == 1
    assert (await house.head())["state"] == "shown"


async def test_what_was_found_is_edited_to_the_newest_state(house: SlackHouse) -> None:
    await house.incident()
    house.slack.lose_answers = 1
    await house.once()
    await house.change("second")
    await house.later(2)
    await house.rounds(3)
    assert house.called() == [POST, LOOK, EDIT]
    [message] = house.slack.heads
    assert "second" in message.body
    assert (await house.head())["shown"] == 2


async def test_a_reply_whose_answer_was_lost_is_found_in_its_thread(house: SlackHouse) -> None:
    await house.incident("details")
    await house.once()
    house.slack.lose_answers = 1
    await house.later(2)
    await house.rounds(3)
    assert house.called() == [POST, POST, "conversations.replies"]
    [head] = house.slack.heads
    assert len(house.slack.replies(head.ts)) == 1
    assert {row["state"] for row in await house.rows()} == {"shown"}


async def test_a_reply_that_never_arrived_is_posted_again_with_its_nonce(house: SlackHouse) -> None:
    await house.incident("details")
    await house.once()
    house.dispatcher = Dispatcher(list(house.dispatcher.notifiers.values()), longest_call_seconds=0.3)
    house.slack.stalls = "before"
    await house.later(2)
    await house.once()
    house.slack.stalls = ""
    await house.rounds(5)
    assert house.called()[1:] == [POST, "conversations.replies", "conversations.replies", POST]
    lost, posted = (
        given["metadata"]["event_payload"]["nonce"] for method, given in house.slack.calls[1:] if method == POST
    )
    assert lost == posted


async def test_an_edit_that_was_not_recorded_is_made_again(house: SlackHouse) -> None:
    await house.incident()
    await house.rounds(1)
    await house.change("second")
    parts = house.parts()
    held = parts["deliveries"] = Held(parts["deliveries"], "record", "before")
    dead = Sender(**parts)
    await dead.start_due()
    await held.reached.wait()
    # It shows the old text again: the one that was recorded, though not the one that stands there.
    await house.change("first")
    await house.later(31)
    await house.rounds(2)
    assert house.called() == [POST, EDIT, EDIT]
    [message] = house.slack.heads
    assert "first" in message.body
    for task in dead._busy.values():
        task.cancel()
    await dead.aclose()


async def test_an_edit_whose_answer_was_lost_is_made_again_whatever_it_says_by_then(house: SlackHouse) -> None:
    await house.incident()
    await house.rounds(1)
    await house.change("second")
    house.slack.lose_answers = 1
    await house.once()
    await house.change("first")
    await house.later(31)
    await house.rounds(2)
    [message] = house.slack.heads
    assert "first" in message.body
    assert (await house.head())["state"] == "shown"


async def test_a_head_that_a_person_deleted_is_posted_anew_and_its_details_under_it(house: SlackHouse) -> None:
    await house.incident("details")
    await house.rounds(2)
    nonce = (await house.head())["nonce"]
    [old] = house.slack.heads
    for message in house.slack.messages:
        message.deleted = True
    await house.change("second")
    await house.rounds(5)
    [new] = house.slack.heads
    assert new.ts != old.ts
    assert (await house.head())["nonce"] != nonce
    assert len(house.slack.replies(new.ts)) == 1
    assert {row["state"] for row in await house.rows()} == {"shown"}


async def test_details_that_found_no_thread_are_not_given_up_with_it(house: SlackHouse) -> None:
    await house.incident("details")
    await house.once()
    house.slack.messages[0].deleted = True
    house.slack.messages.clear()
    await house.later(2)
    await house.once()
    assert [row["state"] for row in await house.rows() if row["part"] == "details"] == ["parked"]
    async with house.store.transaction() as transaction:
        await transaction.execute("update delivery set wanted = 2, state = 'due' where part = 'head'")
        await transaction.execute("update incident set alertname = 'second'")
    await house.rounds(4)
    [head] = house.slack.heads
    assert len(house.slack.replies(head.ts)) == 1


async def test_of_two_writers_the_one_that_recorded_last_deletes_its_own(house: SlackHouse) -> None:
    await house.incident()
    parts = house.parts()
    held = parts["deliveries"] = Held(parts["deliveries"], "record", "before")
    slow = Sender(**parts)
    await slow.start_due()
    await held.reached.wait()
    house.slack.history_lags = True
    await house.later(31)
    await house.rounds(4)
    assert len(house.slack.heads) == 2, "the heir could not see it"
    held.let_go.set()
    await slow.aclose()
    [message] = house.slack.heads
    assert (await house.head())["reference"] == f"C0ONCALL/{message.ts}"
    assert house.slack.messages[0].deleted


@pytest.mark.parametrize("kind", ["public", "private"])
async def test_without_the_scope_to_look_it_is_posted_again_and_says_that_it_may_repeat(
    house: SlackHouse, kind: str
) -> None:
    if kind == "private":
        house.slack.private = {"C0ONCALL"}
    else:
        house.slack.scopes.remove("channels:history")
    await house.incident()
    house.slack.lose_answers = 1
    await house.rounds(3)
    assert house.called() == [POST, LOOK, POST]
    first, second = house.slack.heads
    assert "may be a repeat" not in first.body
    assert "may be a repeat" in second.body.splitlines()[-1]
    assert (await house.head())["reference"] == f"C0ONCALL/{second.ts}"


async def test_a_webhook_posts_again_and_says_that_it_may_repeat(database_url: str) -> None:
    async with slack_house(database_url, webhook=True) as house:
        await house.incident()
        house.slack.lose_answers = 1
        await house.rounds(4)
        first, second = house.slack.messages
        assert "may be a repeat" not in first.body
        assert "may be a repeat" in second.body
        assert (await house.head())["state"] == "shown"


async def test_a_search_that_is_rate_limited_is_made_again_and_no_post_instead(house: SlackHouse) -> None:
    await house.incident()
    house.slack.lose_answers = 1
    await house.once()
    house.slack.rate_limited = 1
    await house.later(2)
    await house.once()
    await house.later(5)
    await house.once()
    assert house.called() == [POST], "the channel rests for the 7 s that Slack asked for"
    await house.later(3)
    await house.once()
    assert house.called() == [POST, LOOK]
    assert len(house.slack.heads) == 1


async def test_a_withdrawal_that_fails_leaves_what_was_recorded(house: SlackHouse) -> None:
    await house.incident()
    parts = house.parts()
    held = parts["dispatcher"] = Held(parts["dispatcher"], "deliver", "before")
    slow = Sender(**parts)
    await slow.start_due()
    await held.reached.wait()
    await house.later(31)
    await house.rounds(4)
    house.slack.fail_with["chat.delete"] = ["internal_error"]
    held.let_go.set()
    await slow.aclose()
    head = await house.head()
    assert head["reference"] == f"C0ONCALL/{house.slack.messages[0].ts}"
    assert head["state"] == "shown"
