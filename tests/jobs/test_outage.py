"""Slack is away for an hour: afterwards everything is told, in order, once, and not faster than Slack takes it."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from tests.fakes.server import Trouble
from tests.fakes.slack_messages import SlackMessage
from tests.jobs.town import Town, channel, town

pytestmark = pytest.mark.anyio

TEAMS = "abcdef"
POST, EDIT = "chat.postMessage", "chat.update"


def before(team: str) -> list[str]:
    """Incidents that people had heard of before Slack went away."""
    return [f"{team}-old-{number}" for number in range(2)]


def meanwhile(team: str) -> list[str]:
    """Incidents that began while Slack was away; the last is over before it is back."""
    return [f"{team}-new-{number}" for number in range(3)]


async def an_hour_without_slack(here: Town, teams: str) -> None:
    """Everybody gets worse twice; senders try all the time, and a minute passes between two looks."""
    old = [name for team in teams for name in before(team)]
    new = [name for team in teams for name in meanwhile(team)]
    for minute in range(60):
        if minute == 5:
            for name in new:
                await here.post(name, "Slow", severity="critical" if name.endswith("-1") else "warning")
        if minute == 15:
            for name in old + new:
                await here.post(name, "Slow", "Errors", severity="critical" if name.endswith("-1") else "warning")
        if minute == 30:
            for name in old:
                await here.post(name, "Slow", "Errors", "Crash", severity="critical")
        if minute == 45:
            for name in new[2::3]:
                await here.post(name, "Slow", "Errors", over=True)
        await here.once()
        await here.later(60)


async def until_all_is_told(here: Town, seconds: float) -> None:
    """Two replicas send, in real time."""
    async with asyncio.timeout(seconds):
        while any(row["state"] != "shown" for row in await here.rows()):
            await asyncio.gather(here.once(), here.once())
            await asyncio.sleep(0.2)


def name_of(message: SlackMessage) -> str:
    """The incident's namespace, which every head names in its first line."""
    return message.body.partition("(")[2].partition(",")[0]


def told(here: Town, name: str) -> SlackMessage:
    """The one head of this incident."""
    [message] = [message for message in here.slack.heads if name_of(message) == name]
    return message


async def test_after_an_hour_everything_is_told_once_in_order_and_at_slacks_pace(database_url: str) -> None:
    async with town(database_url, TEAMS) as here:
        async with here.slack:
            for team in TEAMS:
                for name in before(team):
                    await here.post(name, "Slow")
            await here.rounds(4)
        asked = len(here.slack.calls)
        await an_hour_without_slack(here, TEAMS)
        async with here.slack:
            await until_all_is_told(here, 120)
        assert len(here.slack.heads) == len(TEAMS) * 5
        for team in TEAMS:
            in_order_and_at_slacks_pace(here, team, asked)
            the_newest_state_once(here, team)


def in_order_and_at_slacks_pace(here: Town, team: str, asked: int) -> None:
    calls = [(method, given) for method, given in here.slack.calls[asked:] if given["channel"] == channel(team)]
    times = [at for at, _, where in here.slack.called_at[asked:] if where == channel(team)]
    assert all(later - earlier >= 0.95 for earlier, later in pairwise(times))
    heads, rest = calls[:3], calls[3:]
    assert [(method, "thread_ts" in given) for method, given in heads] == [(POST, False)] * 3, "first messages go first"
    assert [given["text"][0] for _, given in heads] == ["🔴", "🟠", "☑"], "the severe one first"
    assert Counter(method for method, _ in rest) == {
        POST: 3 + 2,  # details of the new, news of the old
        EDIT: 2 + 2,  # heads and details of the old, however often they had changed
    }


def the_newest_state_once(here: Town, team: str) -> None:
    for name in before(team):
        assert told(here, name).body.startswith("🔴")
        assert "3 alerts" in told(here, name).body
        [news] = [reply for reply in here.slack.replies(told(here, name).ts) if reply.broadcast]
        assert f"{name}/errors" in news.body
        assert f"{name}/crash" in news.body
        assert "now critical" in news.body
    for name in meanwhile(team):
        replies = here.slack.replies(told(here, name).ts)
        assert [reply.broadcast for reply in replies] == [False], "the head said it all; under it are its details"


@pytest.mark.parametrize("trouble", [Trouble("status", status=503), Trouble("reset")], ids=["503", "no answers"])
async def test_a_slack_that_never_said_whether_it_had_posted_is_told_everything_once_too(
    database_url: str, trouble: Trouble
) -> None:
    async with town(database_url) as here, here.slack:
        for name in before("a"):
            await here.post(name, "Slow")
        await here.rounds(4)
        here.slack.trouble = trouble
        await an_hour_without_slack(here, "a")
        here.slack.trouble = Trouble()
        await here.rounds(30)
        assert {row["state"] for row in await here.rows()} == {"shown"}
        assert len(here.slack.heads) == 5
        assert [told(here, name).body[0] for name in meanwhile("a")] == ["🟠", "🔴", "☑"]
        if trouble.mood == "status":
            the_newest_state_once(here, "a")


async def test_a_slack_that_is_well_again_is_told_the_rest_as_soon_as_one_message_went_through(
    database_url: str,
) -> None:
    async with town(database_url) as here:
        for name in ("a-1", "a-2", "a-3"):
            await here.post(name, "Slow")
        for _ in range(40):
            await here.once()
            await here.later(5)
        waits = [(row["due_at"] - row["created_at"]).total_seconds() for row in await here.rows()]
        assert max(waits) <= 30, "the next try is never further away, though time was turned back by minutes"
        async with here.slack:
            while not here.slack.heads:
                await here.later(1)
                await here.once()
            for _ in range(2):
                await here.later(1.1)
                await here.once()
            assert len(here.slack.heads) == 3


async def test_a_webhook_that_was_away_for_an_hour_is_told_each_incident_once(database_url: str) -> None:
    async with town(database_url, webhook=True) as here:
        await an_hour_without_slack(here, "a")
        async with here.slack:
            await here.rounds(10)
        assert {row["state"] for row in await here.rows()} == {"shown"}
        assert Counter(map(name_of, here.slack.messages)) == Counter([*before("a"), *meanwhile("a")])


@pytest.mark.parametrize("webhook", [False, True], ids=["bot", "webhook"])
async def test_what_began_and_ended_meanwhile_is_one_message_that_says_so(database_url: str, webhook: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with town(database_url, webhook=webhook) as here:
        await here.post("a-short", "Slow")
        await here.once()
        await here.post("a-short", "Slow", "Errors")
        await here.post("a-short", "Slow", "Errors", over=True)
        await here.later(60)
        async with here.slack:
            await here.rounds(8)
            [message] = here.slack.heads
            assert message.body.startswith("☑️")
            assert {row["state"] for row in await here.rows()} == {"shown"}
            if webhook:
                await here.post("a-short", "Slow", "Crash")
                await here.post("a-short", "Slow", "Crash", over=True)
                await here.rounds(8)
                assert [head.body[0] for head in here.slack.heads] == ["☑", "☑"], "its next end is told again"


async def test_the_word_on_an_end_never_comes_before_the_message_that_it_ends(database_url: str) -> None:
    async with town(database_url, webhook=True) as here, here.slack:
        await here.post("a-short", "Slow")
        here.slack.lose_answers = 1
        await here.once()
        await here.post("a-short", "Slow", over=True)
        await here.later(1)
        await here.once()
        await here.once()
        assert len(here.slack.messages) == 1, "the head's fate is not known yet"
        await here.rounds(6)
        assert {row["state"] for row in await here.rows()} == {"shown"}
        assert [message.body[0] for message in here.slack.messages] == ["🟠", "☑"]
