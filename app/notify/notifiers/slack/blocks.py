"""Text laid into blocks within Slack's limits; slack_sdk's models check each."""

from uuid import uuid4

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, MarkdownTextObject, SectionBlock

SECTION_CHARACTERS = 2_900
MESSAGE_CHARACTERS = 12_000
MAX_BLOCKS = 48


class BlocksError(ValueError):
    """slack_sdk says that a block is not one that Slack takes."""


def sections(text: str, edition: str = "") -> list[dict[str, object]]:
    """The text as section blocks, cut between lines; what passes the message's limit is counted, not sent.

    Every call makes fresh `block_id`s: an edit with old ones may keep what stood there.
    """
    edition = edition or uuid4().hex[:12]
    blocks: list[Block] = []
    for number, piece in enumerate(_pieces(_bounded(text))):
        body = MarkdownTextObject(text=piece, verbatim=True)
        blocks.append(SectionBlock(text=body, block_id=f"s{number}-{edition}", expand=True))
    try:
        return [block.to_dict() for block in blocks]
    except SlackObjectFormationError as error:
        raise BlocksError(str(error)) from error


def _bounded(text: str) -> list[str]:
    """Whole lines within the message's limit, and a last one that counts the rest."""
    lines = [line for line in text.splitlines() if len(line) <= SECTION_CHARACTERS]
    kept: list[str] = []
    size = 0
    for position, line in enumerate(lines):
        size += len(line) + 1
        if size > MESSAGE_CHARACTERS - 100:
            return [*kept, f"… {len(lines) - position} more lines on the incident page"]
        kept.append(line)
    return kept


def _pieces(lines: list[str]) -> list[str]:
    pieces: list[str] = []
    current = ""
    for line in lines:
        joined = f"{current}\n{line}" if current else line
        if len(joined) > SECTION_CHARACTERS:
            pieces.append(current.strip("\n"))
            current = line
        else:
            current = joined
    pieces.append(current.strip("\n"))
    return [piece for piece in pieces if piece.strip()][:MAX_BLOCKS] or ["…"]
