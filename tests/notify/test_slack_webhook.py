"""The poorer way: when an incoming webhook speaks."""

from dataclasses import replace

import pytest

from app.notify.notifier import END, HEAD, Target
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, webhook_notifier
from tests.scenarios.incidents import oom_after_rollout, pending, resolved

pytestmark = pytest.mark.anyio


async def test_it_speaks_once_when_all_is_gathered_and_once_at_the_end() -> None:
    async with FakeSlack() as slack:
        notifier = webhook_notifier(slack)
        whole = oom_after_rollout()
        over = resolved(whole, confirmed=False)
        assert notifier.targets(pending()) == ()
        assert notifier.targets(replace(whole, enrichment="partial")) == ()
        assert notifier.targets(whole) == (Target("webhook", HEAD),)
        assert notifier.targets(over) == (Target("webhook", HEAD), Target("webhook", END))
        assert notifier.tells_news is False
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
