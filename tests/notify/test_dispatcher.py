"""What a delivery loop learns from the dispatcher."""

from uuid import uuid4

import pytest

from app.notify.dispatcher import (
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
from app.notify.notifier import DETAILS, HEAD, Target
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
        assert dispatcher.tells_news("slack")
        assert not dispatcher.tells_news("slack_webhook")
        assert not dispatcher.tells_news("pigeon")


async def test_each_error_becomes_the_outcome_that_the_loop_acts_on() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack)])
        sent = await dispatcher.deliver("slack", letter())
        assert isinstance(sent, Sent)
        edit = letter(reference=sent.reference)
        slack.rate_limited = 1
        assert await dispatcher.deliver("slack", edit) == Retry("Slack: HTTP 429", 7)
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


async def test_retries_wait_longer_each_time_up_to_five_minutes() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
    dispatcher = Dispatcher([notifier])
    waits = []
    for attempts in (0, 1, 2, 6, 7, 8, 1000):
        outcome = await dispatcher.deliver("slack", letter(attempts=attempts))
        assert isinstance(outcome, Retry)
        waits.append(outcome.after_seconds)
    assert waits == [2, 4, 8, 128, 256, 300, 300]


async def test_a_search_finds_does_not_find_or_cannot_look() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([slack_notifier(slack), webhook_notifier(slack)])
        sent = await dispatcher.deliver("slack", letter())
        assert isinstance(sent, Sent)
        assert await dispatcher.find("slack", letter()) == Found(sent.reference)
        assert await dispatcher.find("slack", letter(nonce=uuid4())) == NotFound()
        assert isinstance(await dispatcher.find("slack_webhook", letter()), CannotSearch)
        slack.rate_limited = 1
        assert await dispatcher.find("slack", letter()) == Retry("Slack: HTTP 429", 7)
        slack.scopes.clear()
        assert isinstance(await dispatcher.find("slack", letter()), CannotSearch)
        assert await dispatcher.withdraw("slack", "C0ONCALL", sent.reference)
        assert len(await dispatcher.check()) == 2
