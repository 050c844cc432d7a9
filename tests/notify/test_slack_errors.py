"""Every row of Slack's error table, as the delivery loop must understand it."""

import pytest

from app.domain.errors import DeliveryError
from tests.fakes.server import Trouble
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, slack_notifier, webhook_notifier

pytestmark = pytest.mark.anyio

MAY_HAVE_WORKED = ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"]
CONFIGURATION = ["channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel"]
CONFIGURATION += ["messages_tab_disabled", "not_in_channel"]
AUTHORISATION = ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"]
AUTHORISATION += ["not_allowed_token_type", "ekm_access_denied", "team_access_not_granted"]
SIZE = ["invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"]
SIZE += ["attachment_payload_limit_exceeded", "metadata_too_large", "invalid_metadata_format", "invalid_arguments"]
GONE = ["message_not_found", "edit_window_closed", "cant_update_message", "thread_locked"]


async def refusal(slack: FakeSlack, reference: str | None = None, **fail_with: list[str]) -> DeliveryError:
    slack.fail_with = {f"chat.{method}": codes for method, codes in fail_with.items()}
    with pytest.raises(DeliveryError) as caught:
        await slack_notifier(slack).send(letter(reference=reference))
    return caught.value


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited"])
async def test_both_spellings_of_a_rate_limit_are_waited_for(code: str) -> None:
    async with FakeSlack() as slack:
        error = await refusal(slack, postMessage=[code])
    assert (error.retryable, error.unknown) == (True, False)
    assert error.retry_after_seconds == 30


async def test_retry_after_is_what_slack_says() -> None:
    async with FakeSlack() as slack:
        slack.rate_limited = 1
        error = await refusal(slack)
    assert (error.retryable, error.unknown, error.retry_after_seconds) == (True, False, 7)


async def test_a_rate_limit_without_a_header_still_waits() -> None:
    async with FakeSlack() as slack:
        slack.rate_limited, slack.retry_after = 1, ""
        assert (await refusal(slack)).retry_after_seconds == 30


@pytest.mark.parametrize("code", MAY_HAVE_WORKED)
async def test_a_server_side_failure_of_a_post_leaves_the_outcome_unknown(code: str) -> None:
    async with FakeSlack() as slack:
        error = await refusal(slack, postMessage=[code])
    assert (error.retryable, error.unknown) == (True, True)


@pytest.mark.parametrize("code", MAY_HAVE_WORKED)
async def test_a_server_side_failure_of_an_edit_is_simply_tried_again(code: str) -> None:
    async with FakeSlack() as slack:
        reference = await slack_notifier(slack).send(letter())
        error = await refusal(slack, reference, update=[code])
    assert (error.retryable, error.unknown) == (True, False)


@pytest.mark.parametrize("code", [*CONFIGURATION, *AUTHORISATION, "something_new"])
async def test_what_a_person_must_fix_is_not_retried(code: str) -> None:
    async with FakeSlack() as slack:
        error = await refusal(slack, postMessage=[code])
    assert (error.retryable, error.unknown, error.gone, error.code) == (False, False, False, code)
    assert slack.messages == []


@pytest.mark.parametrize("code", SIZE)
async def test_an_error_of_size_is_answered_with_bare_text_once(code: str) -> None:
    async with FakeSlack() as slack:
        slack.fail_with = {"chat.postMessage": [code]}
        await slack_notifier(slack).send(letter())
        (message,) = slack.messages
        assert message.blocks == []
        assert message.text.startswith("🔴 checkout: killed for memory")
        assert bool(message.metadata) is ("metadata" not in code)
        error = await refusal(slack, postMessage=[code, code])
    assert (error.retryable, error.code) == (False, code)


async def test_an_edit_refused_for_size_becomes_bare_text_and_loses_its_blocks() -> None:
    async with FakeSlack() as slack:
        reference = await slack_notifier(slack).send(letter())
        slack.fail_with = {"chat.update": ["msg_blocks_too_long"]}
        await slack_notifier(slack).send(letter(reference=reference))
    assert slack.messages[0].blocks == []


@pytest.mark.parametrize("code", GONE)
async def test_a_message_that_cannot_be_edited_any_more_is_gone(code: str) -> None:
    async with FakeSlack() as slack:
        error = await refusal(slack, "C0ONCALL/1.2", update=[code])
    assert error.gone


async def test_a_deleted_message_is_gone() -> None:
    async with FakeSlack() as slack:
        reference = await slack_notifier(slack).send(letter())
        slack.messages[0].deleted = True
        assert (await refusal(slack, reference)).gone


@pytest.mark.parametrize("trouble", [Trouble("status", 503), Trouble("html"), Trouble("garbage"), Trouble("reset")])
async def test_an_answer_that_is_not_slacks_leaves_a_post_unknown(trouble: Trouble) -> None:
    async with FakeSlack() as slack:
        slack.trouble = trouble
        error = await refusal(slack)
    assert (error.retryable, error.unknown) == (True, True)


async def test_a_refused_connection_means_that_nothing_was_sent() -> None:
    async with FakeSlack() as slack:
        notifier = slack_notifier(slack)
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(letter())
    assert (caught.value.retryable, caught.value.unknown) == (True, False)


async def test_the_webhook_posts_once_and_knows_no_ts() -> None:
    async with FakeSlack() as slack:
        reference = await webhook_notifier(slack).send(letter(target="webhook"))
    assert reference.startswith("webhook/")
    assert slack.messages[0].by_webhook
    assert "metadata" not in slack.messages[0].arguments


@pytest.mark.parametrize(
    ("status", "word", "retryable", "unknown"),
    [
        (400, "invalid_token", False, False),
        (403, "action_prohibited", False, False),
        (404, "no_service", False, False),
        (410, "channel_is_archived", False, False),
        (429, "rate_limited", True, False),
        (500, "rollup_error", True, True),
    ],
)
async def test_the_webhooks_plain_text_errors_are_understood(
    status: int, word: str, retryable: object, unknown: object
) -> None:
    async with FakeSlack() as slack:
        slack.webhook_error = (status, word)
        with pytest.raises(DeliveryError) as caught:
            await webhook_notifier(slack).send(letter(target="webhook"))
    assert (caught.value.retryable, caught.value.unknown) == (retryable, unknown)
    assert "/services/" not in str(caught.value)
    assert caught.value.retry_after_seconds == (7 if status == 429 else None)


async def test_a_lost_answer_of_a_webhook_is_unknown_and_cannot_be_looked_for() -> None:
    async with FakeSlack() as slack:
        slack.lose_answers = 1
        notifier = webhook_notifier(slack)
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(letter(target="webhook"))
        assert caught.value.unknown
        with pytest.raises(DeliveryError) as search:
            await notifier.find(letter(target="webhook"))
        assert search.value.code == "missing_scope"
        await notifier.send(letter(target="webhook", may_repeat=True))
    assert len(slack.messages) == 2
    assert "may be a repeat" in slack.messages[1].body
