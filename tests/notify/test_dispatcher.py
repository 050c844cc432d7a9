"""What a delivery loop learns from the dispatcher."""

from uuid import uuid4

import pytest

from app.notify.dispatcher import (
    LONGEST_CALL_SECONDS,
    CannotSearch,
    Dispatcher,
    Found,
    Gone,
    NotFound,
    Parked,
    Retry,
    Sent,
    Unknown,
)
from app.notify.notifier import DETAILS, END, HEAD, Target
from app.notify.notifiers.slack.client import TIMEOUT_SECONDS
from app.store.claims import LEASE_SECONDS
from tests.fakes.server import Trouble
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, slack_notifier, webhook_notifier
from tests.scenarios.incidents import oom_after_rollout

pytestmark = pytest.mark.anyio


async def test_targets_name_their_notifier() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack), webhook_notifier(slack)])
        assert dispatcher.targets(oom_after_rollout()) == (
            ("slack", Target("C0ONCALL", HEAD)),
            ("slack", Target("C0ONCALL", DETAILS)),
            ("slack_webhook", Target("webhook", HEAD)),
        )


async def test_each_notifier_says_which_parts_are_for_it() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack), webhook_notifier(slack)])
    for part in (HEAD, DETAILS, END, "news:broadcast:1", "news:reply:1"):
        assert dispatcher.tells("slack", part)
        assert not dispatcher.tells("pigeon", part)
    assert dispatcher.tells("slack_webhook", "news:broadcast:1")
    assert not dispatcher.tells("slack_webhook", "news:reply:1")


async def test_a_send_that_takes_longer_than_its_lease_allows_may_have_arrived() -> None:
    async with FakeSlack() as slack:
        slack.trouble = Trouble("hang")
        dispatcher = Dispatcher([slack_notifier(slack)], longest_call_seconds=0.2)
        outcome = await dispatcher.deliver("slack", letter())
        assert isinstance(outcome, Unknown)
        assert "no answer in 0.2 s" in outcome.reason
        assert isinstance(await dispatcher.deliver("slack", letter(reference="C0ONCALL/1.2")), Retry)
        assert isinstance(await dispatcher.find("slack", letter()), Retry)


async def test_the_calls_of_one_send_are_bounded_together() -> None:
    async with FakeSlack(channels=("C0ONCALL", "C0SHOP")) as slack:
        # Refused, let in, refused again, then told in the main channel: each call alone is in time.
        slack.trouble = Trouble("slow", seconds=0.15)
        slack.not_joined = {"C0SHOP"}
        slow = letter(target="C0SHOP")
        assert isinstance(await Dispatcher([slack_notifier(slack)]).deliver("slack", slow), Sent)
        calls = len(slack.requests)
        assert calls == 3
        hasty = Dispatcher([slack_notifier(slack)], longest_call_seconds=0.25)
        assert isinstance(await hasty.deliver("slack", slow), Unknown)
        assert len(slack.requests) < 2 * calls


def test_the_longest_call_ends_well_before_the_lease_of_a_delivery() -> None:
    assert LONGEST_CALL_SECONDS + TIMEOUT_SECONDS < LEASE_SECONDS


async def test_each_error_becomes_the_outcome_that_the_loop_acts_on() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack)])
        sent = await dispatcher.deliver("slack", letter())
        assert isinstance(sent, Sent)
        edit = letter(reference=sent.reference)
        slack.rate_limited = 1
        assert await dispatcher.deliver("slack", edit) == Retry("Slack: HTTP 429", 7, throttled=True)
        slack.fail_with = {"chat.postMessage": ["internal_error", "invalid_auth"], "chat.update": ["internal_error"]}
        assert isinstance(await dispatcher.deliver("slack", letter()), Unknown)
        parked = await dispatcher.deliver("slack", letter())
        assert isinstance(parked, Parked)
        assert parked.code == "invalid_auth"
        assert isinstance(await dispatcher.deliver("slack", edit), Retry)
        slack.messages[0].deleted = True
        assert isinstance(await dispatcher.deliver("slack", edit), Gone)
        assert isinstance(await dispatcher.deliver("pigeon", letter()), Parked)


async def test_an_edit_without_an_answer_is_made_again_not_looked_for() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack)])
        sent = await dispatcher.deliver("slack", letter())
        assert isinstance(sent, Sent)
        slack.lose_answers = 1
        assert isinstance(await dispatcher.deliver("slack", letter(reference=sent.reference)), Retry)
        assert isinstance(await dispatcher.deliver("slack", letter(reference=sent.reference)), Sent)
    assert len(slack.messages) == 1


async def test_retries_wait_longer_each_time_up_to_half_a_minute() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
    dispatcher = Dispatcher([notifier])
    waits = []
    for attempts in (0, 1, 2, 3, 4, 1000):
        outcome = await dispatcher.deliver("slack", letter(attempts=attempts))
        assert isinstance(outcome, Retry)
        waits.append(outcome.after_seconds)
    assert waits == [2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("header", ["1e9", "inf", "nan"])
async def test_a_wait_that_a_vendor_asks_for_is_kept_for_an_hour_at_most(header: str) -> None:
    async with FakeSlack() as slack:
        slack.rate_limited, slack.retry_after = 1, header
        outcome = await Dispatcher([slack_notifier(slack)]).deliver("slack", letter())
    assert isinstance(outcome, Retry)
    assert 1 <= outcome.after_seconds <= 3600


async def test_a_search_finds_does_not_find_or_cannot_look() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack), webhook_notifier(slack)])
        sent = await dispatcher.deliver("slack", letter())
        assert isinstance(sent, Sent)
        assert await dispatcher.find("slack", letter()) == Found(sent.reference)
        assert await dispatcher.find("slack", letter(nonce=uuid4())) == NotFound()
        assert isinstance(await dispatcher.find("slack_webhook", letter()), CannotSearch)
        slack.rate_limited = 1
        assert await dispatcher.find("slack", letter()) == Retry("Slack: HTTP 429", 7, throttled=True)
        slack.scopes.clear()
        assert isinstance(await dispatcher.find("slack", letter()), CannotSearch)
        assert await dispatcher.withdraw("slack", "C0ONCALL", sent.reference)
        assert len(await dispatcher.check()) == 2
