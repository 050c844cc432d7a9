"""A letter as the arguments of `chat.postMessage`, and as the plain text that goes where blocks are refused."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.notify.markup import address
from app.notify.notifier import DETAILS, END, HEAD, NEWS, Letter, Links
from app.notify.notifiers.slack.blocks import sections
from app.notify.rendering import DETAILS_LAYOUT, HEAD_LAYOUT, NEWS_LAYOUT, TEXT_LAYOUT, Layout, Renderer, Telling

EVENT_TYPE = "sitrep_message"
MAY_REPEAT = "may be a repeat: Slack did not confirm the first try"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `text` for lock screens, `body` as mrkdwn, `minimal` where only plain text gets through."""

    text: str
    body: str
    minimal: str
    metadata: Mapping[str, Any]

    def arguments(self) -> dict[str, Any]:
        """With blocks; unfurling would bury the message under previews."""
        return {
            "text": self.text,
            "blocks": sections(self.body),
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": self.metadata,
        }

    def bare_arguments(self, *, with_metadata: bool) -> dict[str, Any]:
        """Without blocks: the retry after an error of size or shape."""
        bare: dict[str, Any] = {"text": self.minimal, "unfurl_links": False, "unfurl_media": False}
        return {**bare, "metadata": self.metadata} if with_metadata else bare


class Writer:
    """Turns letters into messages."""

    def __init__(self, renderer: Renderer, links: Links, now: Callable[[], datetime]) -> None:
        self._renderer = renderer
        self._links = links
        self._now = now

    def message(self, letter: Letter, *notices: str) -> Message:
        """The letter as of now; notices go to the message's last line."""
        if letter.may_repeat:
            notices = (*notices, MAY_REPEAT)
        telling = Telling(self._now(), self._links(letter.incident), notices, letter.news)
        text = self._renderer.render(TEXT_LAYOUT, letter.incident, telling)
        return Message(
            text=text,
            body=self._renderer.render(_layout(letter), letter.incident, telling),
            minimal=f"{text}\n{_details_link(telling.url)}",
            metadata=metadata(letter),
        )

    def lone_message(self, letter: Letter) -> Message:
        """The letter where no head stands above it: news, which names the workload itself, gets the link as well."""
        message = self.message(letter)
        if not letter.part.startswith(NEWS):
            return message
        return replace(message, body=f"{message.body}\n{_details_link(self._links(letter.incident))}")

    def digest(self, letter: Letter) -> str:
        """Of the text as a reader sees it, whatever the time of the edit and the link's signature."""
        telling = Telling(letter.incident.received_at, "http://incident", (), letter.news)
        body = self._renderer.render(_layout(letter), letter.incident, telling)
        return hashlib.sha256(body.encode()).hexdigest()


def metadata(letter: Letter) -> dict[str, Any]:
    """What `find` looks for; everyone in the workspace may read it, so it says nothing but ids."""
    payload = {"nonce": str(letter.nonce), "incident": str(letter.incident.id), "part": letter.part}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _details_link(url: str) -> str:
    return f"<{address(url)}|details>"


def _layout(letter: Letter) -> Layout:
    return {HEAD: HEAD_LAYOUT, END: HEAD_LAYOUT, DETAILS: DETAILS_LAYOUT}.get(letter.part, NEWS_LAYOUT)
