r"""Text inside JSON strings: its lines are written `\n`, so block rules only see it decoded."""

import json
import re
from collections.abc import Callable

# No closing quote asked for: a failed match would begin again at each quote, and that is quadratic.
_STRING = re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n]){0,8192}')


def redact_strings(text: str, families: Callable[[str], str]) -> str:
    """`text` with every JSON string of several lines, or with JSON inside, redacted as what it stands for."""
    pieces = []
    done = position = 0
    while (position := text.find('"', position)) >= 0:
        found = _STRING.match(text, position)
        if found is None:
            break
        body_start, body_end = position + 1, found.end()
        position = body_end + 1
        body = text[body_start:body_end]
        if "\\n" not in body and '\\"' not in body:
            continue
        redacted = _redacted(body, families)
        if redacted != body:
            pieces += [text[done:body_start], redacted]
            done = body_end
    return "".join(pieces) + text[done:]


def _redacted(body: str, families: Callable[[str], str]) -> str:
    try:
        decoded = json.loads(f'"{body}"', strict=False)
    except ValueError:
        return body
    redacted = families(decoded)
    return body if redacted == decoded else json.dumps(redacted, ensure_ascii=False)[1:-1]
