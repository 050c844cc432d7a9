"""A Slack that remembers when people saw what: heads and broadcasts, not edits and not the thread."""

import time
from typing import Any

from tests.fakes.slack import FakeSlack, SlackMessage

CHANNEL = "C0ONCALL"


class Channel(FakeSlack):
    """One channel; a second post within a second is refused, as by the real one."""

    def __init__(self) -> None:
        super().__init__(channels=(CHANNEL,))
        self.one_a_second = True
        self.seen_at: list[tuple[float, SlackMessage]] = []

    def _store(self, channel: str, arguments: dict[str, Any]) -> SlackMessage:
        message = super()._store(channel, arguments)
        if not arguments.get("thread_ts") or arguments.get("reply_broadcast"):
            self.seen_at.append((time.time(), message))
        return message

    def first_named(self, workload: str) -> float | None:
        """When a message in the channel first named it in its first line; None for never."""
        for at, message in self.seen_at:
            first = message.history[0][1] if message.history else message.blocks
            words = " ".join(block["text"]["text"] for block in first if "text" in block) or message.text
            if workload in words.partition("\n")[0]:
                return at
        return None
