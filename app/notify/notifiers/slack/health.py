"""Whether Slack can be told: the token, then each configured channel."""

import re

from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.notify.notifiers.slack.client import SlackClient
from app.notify.notifiers.slack.errors import fix_for

_ADDRESS = "check SITREP_SLACK_API_URL, and that a proxy or a NetworkPolicy lets Sitrep through"
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")


async def diagnose(client: SlackClient, channels: tuple[str, ...]) -> Diagnosis:
    """One line, with the fix where something is wrong. Never raises."""
    try:
        team = str((await client.write("auth.test", {})).get("team", "?"))
    except DeliveryError as error:
        fix = fix_for(error.code) or (
            _ADDRESS if error.code in {"not_slack", "network"} else "check SITREP_SLACK_TOKEN"
        )
        return Diagnosis("slack", healthy=False, statement=str(error), fix=fix)
    if not channels:
        fix = "set SITREP_SLACK_CHANNEL"
        return Diagnosis("slack", healthy=False, statement="no channel is configured", fix=fix)
    for channel in channels:
        if not _CHANNEL_ID.fullmatch(channel):
            fix = "use the channel's id (C…), names do not work for every call"
            return Diagnosis("slack", healthy=False, statement=f"{channel} is not a channel id", fix=fix)
        problem = await _channel_problem(client, channel)
        if problem is not None:
            return problem
    statement = f"workspace {team}, {len(channels)} channel(s)"
    for channel in channels:
        blind = await _blind_to(client, channel)
        if blind:
            return Diagnosis("slack", healthy=True, statement=f"{statement}; {channel}: {blind[0]}", fix=blind[1])
    return Diagnosis("slack", healthy=True, statement=statement)


async def _blind_to(client: SlackClient, channel: str) -> tuple[str, str] | None:
    """Why we could not look for a message of our own there, and the fix; posting works all the same."""
    try:
        await client.read("conversations.history", {"channel": channel, "limit": "1"})
    except DeliveryError as error:
        if error.retryable:
            return None
        mend = "invite the bot to the channel"
        if error.code == "missing_scope":
            mend = "add channels:history, for private channels groups:history, and reinstall the app"
        return f"its history cannot be read, {error}", f"{mend}: without it an unconfirmed message is posted again"
    return None


async def _channel_problem(client: SlackClient, channel: str) -> Diagnosis | None:
    """None also where only the scope to look is missing: posting does not need it."""
    try:
        await client.read("conversations.info", {"channel": channel})
    except DeliveryError as error:
        if error.code == "missing_scope":
            return None
        fix = fix_for(error.code) or "check the channel"
        return Diagnosis("slack", healthy=False, statement=f"{channel}: {error.code}", fix=fix)
    return None
