"""The poorer way: when an incoming webhook speaks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.notify.dispatcher import Dispatcher, Retry, Sent
from app.notify.notifier import DETAILS, END, HEAD, NOTE, Target
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, page_link, webhook_notifier
from tests.scenarios.incidents import oom_after_rollout, pending, resolved

pytestmark = pytest.mark.anyio


async def test_it_speaks_once_when_all_is_gathered_and_once_at_the_end() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        whole = oom_after_rollout()
        over = resolved(whole, confirmed=False)
        assert notifier.targets(pending()) == ()
        assert notifier.targets(replace(whole, enrichment="partial")) == ()
        given_up = replace(pending(), parked="enrichment failed 5 times")
        assert notifier.targets(given_up) == (Target("webhook", HEAD),), "nothing more will be asked"
        assert notifier.targets(whole) == (Target("webhook", HEAD),)
        assert notifier.targets(over) == (Target("webhook", HEAD), Target("webhook", END))
        await notifier.send(letter(over, target="webhook", part=END))
    assert "recovery not confirmed" in slack.messages[0].body


async def test_nothing_changes_its_digest_but_a_new_end() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        whole, over = oom_after_rollout(), resolved(oom_after_rollout(), confirmed=False)
        assert notifier.digest(letter(whole)) == notifier.digest(letter(over))
        later = replace(over, resolved_at=whole.started_at)
        assert notifier.digest(letter(over, part=END)) != notifier.digest(letter(later, part=END))


async def test_blocks_that_are_refused_go_out_as_bare_text() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        slack.refuse_blocks = True
        await notifier.send(letter(target="webhook"))
    assert slack.messages[0].blocks == []


async def test_it_tells_the_head_each_end_and_each_beginning_but_no_quiet_replies() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        parts = (HEAD, END, "news:broadcast:1", "news:again:1", "news:reply:1", DETAILS, NOTE)
        assert [part for part in parts if notifier.tells(part)] == list(parts[:4])


async def test_news_is_a_message_of_its_own_that_names_the_workload_and_leads_to_the_page() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        news = ("firing again after it had resolved", "now affected too: shop/cart")
        told = letter(target="webhook", part="news:broadcast:2", news=news, broadcast=True, head_reference="webhook/x")
        await notifier.send(told)
        await notifier.send(replace(told, part="news:broadcast:3", news=("now critical, was warning: Errors",)))
    first, second = slack.messages
    lines = first.body.splitlines()
    assert lines[:2] == [
        "🔴 checkout (shop, prod): firing again after it had resolved",
        "• now affected too: shop/cart",
    ]
    assert lines[2] == f"<{page_link(told.incident).replace('&', '&amp;')}|details>"
    assert first.text == "🔴 checkout: firing again after it had resolved"
    assert second.body.startswith("🔴 checkout (shop, prod): now critical")
    assert {"thread_ts", "reply_broadcast", "metadata"}.isdisjoint(first.arguments)


async def test_every_end_is_posted_anew_whatever_stood_there_before() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([webhook_notifier(slack)])
        first = resolved(oom_after_rollout(), confirmed=False)
        assert first.resolved_at is not None
        second = replace(first, resolved_at=first.resolved_at + timedelta(hours=1))
        sent = await dispatcher.deliver("slack_webhook", letter(first, target="webhook", part=END))
        assert isinstance(sent, Sent)
        again = letter(second, target="webhook", part=END, reference=sent.reference)
        assert isinstance(await dispatcher.deliver("slack_webhook", again), Sent)
    assert len(slack.messages) == 2
    assert slack.messages[0].body != slack.messages[1].body


async def test_a_later_end_whose_answer_was_lost_is_posted_again_and_says_that_it_may_repeat() -> None:
    async with FakeSlack() as slack:
        dispatcher = Dispatcher([webhook_notifier(slack)])
        end = letter(resolved(oom_after_rollout(), confirmed=False), target="webhook", part=END, reference="webhook/x")
        slack.lose_answers = 1
        assert isinstance(await dispatcher.deliver("slack_webhook", end), Retry)
        assert isinstance(await dispatcher.deliver("slack_webhook", replace(end, attempts=1)), Sent)
    assert ["may be a repeat" in message.body for message in slack.messages] == [False, True]
