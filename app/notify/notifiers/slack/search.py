"""Looking for a message whose post was never confirmed, by the nonce in its metadata."""

from typing import Any

from app.domain.errors import DeliveryError
from app.notify.notifier import CANNOT_SEARCH_CODE, Letter
from app.notify.notifiers.slack.client import SlackClient
from app.notify.notifiers.slack.message import EVENT_TYPE

PAGE_SIZE = "200"
MAX_PAGES = 5
_BEFORE_RECEIPT_SECONDS = 300
_NO_SEARCH = frozenset(
    {"missing_scope", "not_allowed_token_type", "no_permission", "method_not_supported_for_channel_type"}
)


async def find_message(client: SlackClient, letter: Letter, channel: str, thread_ts: str = "") -> str | None:
    """The reference of the message with the letter's nonce, in the channel or in one thread of it."""
    method = "conversations.replies" if thread_ts else "conversations.history"
    oldest = max(letter.incident.received_at.timestamp() - _BEFORE_RECEIPT_SECONDS, 0)
    arguments = {"channel": channel, "include_all_metadata": "true", "limit": PAGE_SIZE, "oldest": f"{oldest:.6f}"}
    if thread_ts:
        arguments["ts"] = thread_ts
    for _ in range(MAX_PAGES):
        answer = await _page(client, method, arguments)
        for message in answer.get("messages") or []:
            if _nonce(message) == str(letter.nonce):
                return f"{channel}/{message['ts']}"
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return None
        arguments["cursor"] = str(cursor)
    return None


async def _page(client: SlackClient, method: str, arguments: dict[str, str]) -> dict[str, Any]:
    try:
        return await client.read(method, arguments)
    except DeliveryError as error:
        if error.code not in _NO_SEARCH:
            raise
        raise DeliveryError(str(error), retryable=False, code=CANNOT_SEARCH_CODE) from error


def _nonce(message: Any) -> str:  # noqa: ANN401 - one message as Slack sends it
    metadata = (message.get("metadata") if isinstance(message, dict) else None) or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return ""
    return str((metadata.get("event_payload") or {}).get("nonce", ""))
