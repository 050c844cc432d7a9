"""What a stand-in Slack keeps of each message."""

from dataclasses import dataclass, field
from typing import Any

BOT = "B0SITREP"


@dataclass
class SlackMessage:
    """One message as it stands, and what it said before; `replies_to` is the parent's ts."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    replies_to: str = ""
    broadcast: bool = False
    by: str = BOT
    deleted: bool = False
    by_webhook: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    history: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)

    @property
    def body(self) -> str:
        """The mrkdwn of all its blocks, else its text."""
        texts = [block["text"]["text"] for block in self.blocks if "text" in block]
        return "\n".join(texts) or self.text

    @property
    def is_complete(self) -> bool:
        """Whether it does not say that more is coming."""
        return "gathering" not in self.body and "Still asking" not in self.body

    @property
    def edits(self) -> int:
        return len(self.history)

    def as_json(self, *, with_metadata: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {"type": "message", "ts": self.ts, "text": self.text, "bot_id": self.by}
        shown["blocks"] = self.blocks
        if self.replies_to:
            shown["thread_ts"] = self.replies_to
        if with_metadata and self.metadata:
            shown["metadata"] = self.metadata
        return shown

    def edit(self, arguments: dict[str, Any]) -> None:
        """Slack's trap: text without blocks removes the blocks; neither keeps them."""
        self.history.append((self.text, self.blocks))
        self.text = arguments.get("text", self.text)
        if "blocks" in arguments:
            self.blocks = arguments["blocks"]
        elif "text" in arguments:
            self.blocks = []
        self.metadata = arguments.get("metadata", self.metadata)
        self.arguments = arguments
