"""Where a value ends: quoted, quoted inside a quoted string, in brackets, indented under its key, or bare."""

import re

VALUE_CHARACTERS = 4000

_ESCAPED_QUOTE = re.compile(r"\\{1,7}[\"']")
_QUOTED = {
    '"': re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n]){0,4000}'),
    "'": re.compile(r"'(?:[^'\\\r\n]|\\[^\r\n]){0,4000}"),
}
# A scheme word belongs to its credential. An escaped quote or newline ends a bare value inside a quoted string.
_BARE = re.compile(
    r"(?:(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,3})?"
    r"(?:[^\s,;}&\"'\\<>%]|\\(?![\"'nrt\\])|%(?!26|22|0A|0D|20)){1,4000}",
    re.IGNORECASE,
)
# `PASSWORD=two words` in an .env dump, `password: two words` in YAML: to the end of the line or the next `name=`.
_WHOLE_LINE = re.compile(r"(?:(?![ \t]{1,3}(?:[\w.-]{1,60}=|#))[^\r\n\"']){1,4000}")
_BLOCK_SCALAR = re.compile(r"[|>][+-]?[ \t]{0,8}\r?\n")
_BRACKETS = re.compile(r"[\[\]{}\"]|\\.")
_INDENTED_LINE = re.compile(r"(?P<indent>[ \t]{0,200})(?P<rest>[^\n]{0,8192})\n?")


def value_span(text: str, start: int, *, opens_line: bool) -> tuple[int, int]:
    """Start and end, without quotes, of the value at `start`; equal where there is none."""
    first = text[start : start + 1]
    if first in _QUOTED:
        matched = _QUOTED[first].match(text, start)
        return start + 1, matched.end() if matched else start + 1
    escaped = _ESCAPED_QUOTE.match(text, start)
    if escaped:
        return escaped.end(), _escaped_string_end(text, escaped)
    if first in ("[", "{") and not text.startswith(("[REDACTED:", "{{"), start):
        return start, collection_end(text, start)
    block = _BLOCK_SCALAR.match(text, start)
    if block:
        return block.end(), indented_block_end(text, start, block.end())
    pattern = _WHOLE_LINE if opens_line else _BARE
    bare = pattern.match(text, start)
    return start, bare.end() if bare else start


def _escaped_string_end(text: str, opening: re.Match[str]) -> int:
    """The end of a string whose quotes are themselves escaped (JSON inside a JSON string)."""
    limit = min(len(text), opening.end() + VALUE_CHARACTERS)
    position = opening.end()
    while (found := text.find(opening[0], position, limit)) >= 0:
        if text[found - 1] != "\\":
            return found
        position = found + len(opening[0])
    line_end = text.find("\n", opening.end(), limit)
    return line_end if line_end >= 0 else limit


def collection_end(text: str, start: int) -> int:
    """The end of the object or list that opens at `start`; the end of what we look at where it was cut off."""
    limit = min(len(text), start + 2 * VALUE_CHARACTERS)
    depth, in_string = 0, False
    for token in _BRACKETS.finditer(text, start, limit):
        sign = token[0]
        if sign in ('"', '\\"'):
            in_string = not in_string
        elif in_string or sign.startswith("\\"):
            continue
        elif sign in "[{":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return token.end()
    return limit


def indented_block_end(text: str, key_start: int, block_start: int) -> int:
    """The end of the lines from `block_start` that are indented deeper than the line of the key."""
    line_start = text.rfind("\n", 0, key_start) + 1
    key_line = text[line_start : min(key_start, line_start + 200)]
    key_indent = len(key_line) - len(key_line.lstrip(" \t"))
    position = end = block_start
    while position < len(text):
        line = _INDENTED_LINE.match(text, position)
        if line is None or (line["rest"].strip() and len(line["indent"]) <= key_indent):
            break
        position = line.end()
        if line["rest"].strip():
            end = line.end("rest")
    return end
