"""Slack with a bot token: what is posted, edited, found and taken back."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.domain.alert import Severity
from app.domain.errors import DeliveryError
from app.domain.incident import DeliveryState, Incident
from app.notify.notifier import DETAILS, HEAD, Target
from tests.fakes.slack import FakeSlack
from tests.notify.letters import NONCE, letter, page_link, slack_notifier
from tests.scenarios.incidents import oom_after_rollout, pending, resolved

pytestmark = pytest.mark.anyio


async def test_the_head_is_one_message_with_blocks_a_short_text_and_a_nonce() -> None:
    async with FakeSlack() as slack:
        reference = await slack_notifier(slack).send(letter())
        (message,) = slack.messages
    assert reference == f"C0ONCALL/{message.ts}"
    assert message.text == "🔴 checkout: killed for memory · 6 kills in 12 min · shop, prod"
    assert message.arguments["unfurl_links"] is False
    assert message.arguments["unfurl_media"] is False
    assert message.metadata["event_type"] == "sitrep_message"
    assert message.metadata["event_payload"]["nonce"] == str(NONCE)
    assert message.metadata["event_payload"]["part"] == "head"
    assert all(block["text"]["verbatim"] is True for block in message.blocks)


async def test_a_head_does_not_promise_more_of_an_incident_that_was_given_up() -> None:
    async with FakeSlack() as slack:
        await slack_notifier(slack).send(letter(replace(pending(), parked="enrichment failed 5 times")))
    assert "gathering" not in slack.messages[0].body
    assert "Cause unknown: looking into it failed" in slack.messages[0].body


async def test_the_link_to_the_page_keeps_its_signature() -> None:
    async with FakeSlack() as slack:
        await slack_notifier(slack).send(letter())
    assert f"<{page_link(oom_after_rollout()).replace('&', '&amp;')}|details>" in slack.messages[0].body


async def test_an_edit_replaces_the_same_message_with_fresh_block_ids() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        reference = await notifier.send(letter())
        over = resolved(oom_after_rollout(), confirmed=True)
        assert await notifier.send(letter(over, reference=reference)) == reference
    (message,) = slack.messages
    assert message.edits == 1
    assert message.body.startswith("✅ checkout")
    before = {block["block_id"] for block in message.history[0][1]}
    assert before.isdisjoint(block["block_id"] for block in message.blocks)


async def test_details_and_news_are_replies_under_the_head() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        head = await notifier.send(letter())
        details = await notifier.send(letter(part=DETAILS, head_reference=head, nonce=uuid4()))
        await notifier.send(letter(part=DETAILS, head_reference=head, reference=details))
        news = ("severity rose to critical", "shop/cart joined")
        await notifier.send(letter(part="news:1", head_reference=head, news=news, broadcast=True, nonce=uuid4()))
    (message,) = slack.heads
    told = slack.replies(message.ts)
    assert [(reply.broadcast, reply.edits) for reply in told] == [(False, 1), (True, 0)]
    assert "512Mi → 256Mi" in told[0].body
    assert told[1].body == "🔴 checkout (shop, prod): severity rose to critical\n• shop/cart joined"
    assert told[1].text == "🔴 checkout: severity rose to critical"


async def test_a_reply_waits_for_its_head() -> None:
    async with FakeSlack() as slack:
        with pytest.raises(DeliveryError) as caught:
            await slack_notifier(slack).send(letter(part=DETAILS))
    assert caught.value.retryable
    assert slack.messages == []


async def test_news_is_told_in_the_channel_when_its_thread_is_locked() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        head = await notifier.send(letter())
        slack.locked_threads.add(slack.messages[0].ts)
        await notifier.send(letter(part="news:1", head_reference=head, news=("it got worse",), nonce=uuid4()))
        with pytest.raises(DeliveryError):
            await notifier.send(letter(part=DETAILS, head_reference=head, nonce=uuid4()))
    assert len(slack.heads) == 2
    assert "|details>" in slack.heads[1].body.splitlines()[-1]


async def test_a_message_whose_answer_was_lost_is_found_by_its_nonce() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        incident = replace(oom_after_rollout(), received_at=oom_after_rollout().received_at - timedelta(days=1))
        slack.lose_answers = 1
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(letter(incident))
        assert caught.value.unknown
        assert await notifier.find(letter(incident)) == f"C0ONCALL/{slack.messages[0].ts}"
        assert await notifier.find(letter(incident, nonce=uuid4())) is None
        assert len(slack.messages) == 1


async def test_a_reply_whose_answer_was_lost_is_found_in_its_thread() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        head = await notifier.send(letter(nonce=uuid4()))
        slack.lose_answers = 1
        reply = letter(part=DETAILS, head_reference=head)
        with pytest.raises(DeliveryError):
            await notifier.send(reply)
        assert await notifier.find(reply) == f"C0ONCALL/{slack.messages[1].ts}"


async def test_the_search_turns_pages() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        for nonce in (NONCE, *(uuid4() for _ in range(205))):
            slack._store("C0ONCALL", {"text": "x", "metadata": _metadata(str(nonce))})
        assert await notifier.find(letter()) == f"C0ONCALL/{slack.messages[0].ts}"
        assert [method for method, _ in slack.calls] == ["conversations.history"] * 2


def _metadata(nonce: str) -> dict[str, object]:
    return {"event_type": "sitrep_message", "event_payload": {"nonce": nonce}}


async def test_without_the_scope_to_read_history_the_search_says_so() -> None:
    async with FakeSlack() as slack:
        slack.scopes.remove("channels:history")
        with pytest.raises(DeliveryError) as caught:
            await slack_notifier(slack).find(letter())
    assert caught.value.code == "missing_scope"


async def test_a_post_that_may_be_a_repeat_says_so_in_its_last_line() -> None:
    async with FakeSlack() as slack:
        await slack_notifier(slack).send(letter(may_repeat=True))
    assert "may be a repeat" in slack.messages[0].body.splitlines()[-1]


async def test_withdraw_deletes_our_message_and_does_not_mind_that_it_is_gone() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        reference = await notifier.send(letter())
        await notifier.withdraw("C0ONCALL", reference)
        await notifier.withdraw("C0ONCALL", reference)
    assert slack.heads == []


async def test_a_channel_that_does_not_take_it_falls_back_to_the_main_channel_and_says_so() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        reference = await notifier.send(letter(target="C0GONE"))
        assert await notifier.find(letter(target="C0GONE", incident=_long_ago())) == reference
    assert slack.messages[0].channel == "C0ONCALL"
    assert "meant for C0GONE: channel_not_found" in slack.messages[0].body


def _long_ago() -> Incident:
    return replace(oom_after_rollout(), received_at=oom_after_rollout().received_at - timedelta(days=1))


async def test_the_bot_lets_itself_into_a_public_channel() -> None:
    async with FakeSlack() as slack:
        slack.not_joined = {"C0ONCALL"}
        slack.joinable = {"C0ONCALL"}
        await slack_notifier(slack).send(letter())
    assert len(slack.messages) == 1


async def test_the_digest_changes_only_with_what_the_reader_sees() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        incident = oom_after_rollout()
        same = notifier.digest(letter(replace(incident, revision=7), nonce=uuid4(), may_repeat=True))
        assert notifier.digest(letter(incident)) == same
        assert notifier.digest(letter(resolved(incident, confirmed=False))) != same
        assert notifier.digest(letter(pending())) != same


async def test_targets_are_a_head_then_details_and_nothing_below_the_lowest_severity() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        assert notifier.targets(pending()) == (Target("C0ONCALL", HEAD),)
        assert notifier.targets(oom_after_rollout()) == (Target("C0ONCALL", HEAD), Target("C0ONCALL", DETAILS))
        mild = replace(oom_after_rollout(), severity=Severity.INFO)
        assert notifier.targets(mild) == ()
        told = DeliveryState("slack", "C0ONCALL", HEAD, "sent", "C0ONCALL/1.2", 1)
        assert notifier.targets(replace(mild, deliveries=(told,))) != ()


async def test_the_check_names_what_a_person_must_fix() -> None:
    async with FakeSlack() as slack:
        good = await slack_notifier(slack).check()
        absent = await slack_notifier(slack, slack_channel="C0NOWHERE").check()
        named = await slack_notifier(slack, slack_channel="#oncall").check()
        unset = await slack_notifier(slack, slack_channel="").check()
        slack.token = "another"
        refused = await slack_notifier(slack, slack_token="xoxb-" + "wrong").check()
    assert good.healthy
    assert "C0NOWHERE" in absent.statement
    assert "id" in named.fix
    assert "SITREP_SLACK_CHANNEL" in unset.fix
    assert not refused.healthy
    assert "xoxb" not in refused.statement


@pytest.mark.parametrize(
    ("kind", "needed"), [("public", "channels:history"), ("private", "groups:history"), ("stranger", "not_in_channel")]
)
async def test_the_check_advises_where_our_own_messages_could_not_be_looked_for(kind: str, needed: str) -> None:
    async with FakeSlack() as slack:
        if kind == "public":
            slack.scopes.remove("channels:history")
        if kind == "private":
            slack.private = {"C0ONCALL"}
        if kind == "stranger":
            slack.not_joined = {"C0ONCALL"}
        found = await slack_notifier(slack).check()
    assert found.healthy, "it can post all the same"
    assert found.mark == "note"
    assert "C0ONCALL" in found.statement
    assert needed in found.statement
    assert "an unconfirmed message is posted again" in found.fix


async def test_the_check_advises_nothing_where_all_is_well_or_slack_only_asks_to_wait() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
        assert (await notifier.check()).mark == "ok  "
        slack.fail_with = {"conversations.history": ["ratelimited"]}
        assert (await notifier.check()).mark == "ok  "
