"""Outside text made harmless for Slack's mrkdwn and for plain text; what the reader sees of a mrkdwn text."""

import re
from datetime import UTC, datetime

CODE_SPAN_WIDTH = 42
LINK_PLACE = "\ue000"
"""Stands for the page's address until redaction is over: its signature must survive, and nothing else may."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ue000-\uf8ff]+")
_LONE_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_EMOJI_NAME = re.compile(r":(?=[a-zA-Z][\w+-]*:)")
_LOOKALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "'"})
_ANGLE = re.compile(r"<(?:!date\^\d+\^[^|>]*|[^|<>]*)\|([^<>]*)>")
_PRETTY_AFTER_SECONDS = 12 * 3600


class Safe(str):
    """Text that is ready to be sent as it is; whatever is not `Safe` is escaped on its way out."""

    __slots__ = ()


def one_line(value: object) -> str:
    """The value as one line: control, direction and private-use characters become a space."""
    return " ".join(_CONTROL.sub(" ", str(value)).split())


def entities(text: str) -> str:
    """The three characters that Slack reads as syntax, escaped in the order that it asks for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(value: object) -> Safe:
    """Any value as mrkdwn text that shows itself and nothing else: no mention, link, bold, code or emoji.

    `*`, `~` and backticks cannot be escaped in mrkdwn, so lookalikes stand in; `_` inside a word is left alone.
    """
    if isinstance(value, Safe):
        return value
    text = _LONE_UNDERSCORE.sub("\u02cd", one_line(value).translate(_LOOKALIKES))
    escaped = entities(_EMOJI_NAME.sub(":\u200b", text))
    # At the start of a line Slack would still draw a quotation.
    return Safe(f"\u200b{escaped}" if escaped.startswith("&gt;") else escaped)


def plain(value: object) -> Safe:
    """Any value for a place that knows no markup."""
    return value if isinstance(value, Safe) else Safe(one_line(value))


def code(value: object) -> Safe:
    """A code span, for what is to be copied; too wide for a phone, it stays plain text."""
    text = one_line(value).replace("`", "'")
    if not text or len(text) > CODE_SPAN_WIDTH:
        return mrkdwn(text)
    return Safe(f"`{entities(text)}`")


def link(url: str, label: object) -> Safe:
    """A link under a label; only to addresses of http and https, else the label alone."""
    if url != LINK_PLACE and not url.startswith(("http://", "https://")):
        return mrkdwn(label)
    return Safe(f"<{address(url)}|{mrkdwn(label)}>")


def address(url: str) -> str:
    """An address as it may stand in a link: what would end the link early is percent-encoded."""
    encoded = "".join(f"%{ord(char):02X}" if char in '<>|" `' else char for char in url)
    return encoded.replace("&", "&amp;")


def clock(when: datetime, now: datetime) -> str:
    """`02:04 UTC`, with its date where that is not of the last half day."""
    far = abs((now - when).total_seconds()) > _PRETTY_AFTER_SECONDS
    return f"{when.astimezone(UTC):%d %b %H:%M UTC}" if far else f"{when.astimezone(UTC):%H:%M UTC}"


def local_clock(when: datetime, now: datetime) -> Safe:
    """A time that Slack shows in each reader's own zone."""
    fallback = clock(when, now)
    pattern = "{time}" if len(fallback) == len("02:04 UTC") else "{date_short_pretty} {time}"
    return Safe(f"<!date^{int(when.timestamp())}^{pattern}|{fallback}>")


def visible(text: str) -> str:
    """What a reader sees of a mrkdwn text: labels of links, times as their fallbacks, entities as characters."""
    shown = _ANGLE.sub(r"\1", text)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
