"""Text from outside as PostgreSQL can keep it: without NUL and without half of a surrogate pair."""

import re
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
# An escape of a JSON string; the named groups are those whose character cannot be stored. Pairs come first: they can.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<unstorable>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def storable(text: str) -> str:
    """The text with U+FFFD for what neither UTF-8 nor PostgreSQL takes."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def storable_json(body: bytes) -> str:
    """The JSON text of an answer, whose strings are storable once they are decoded."""
    text = body.decode("utf-8-sig", errors="replace")
    return _ESCAPE.sub(_replaced, text) if "\\u" in text else text


def _replaced(escape: re.Match[str]) -> str:
    return REPLACEMENT if escape["unstorable"] else escape[0]
