"""Takes secrets and personal data out of text, before anything stores, logs, templates or sends it."""

import re
from collections.abc import Mapping

from app.redact import assignments, blocks, nested, rules
from app.redact.marker import counts, mark
from app.redact.names import is_secret_name, is_secret_value

__all__ = ["counts", "is_secret_name", "redact", "redact_labels", "redact_value"]

WITHHELD = "[withheld: redaction failed]"
TEXT_CHARACTERS = 64 * 1024
LINE_CHARACTERS = 4 * 1024
CUT = " […]"
# How far past the end of what is kept we look, so that a secret that the cut would split is still recognised.
LOOK_PAST_CHARACTERS = 4 * 1024
# Enough for every rule to see what another one left behind; text that still changes after that is withheld.
PASSES = 4
# The same label values come with every alert of a storm. Only what held no secret is remembered.
REMEMBERED_TEXTS = 8192
REMEMBERED_CHARACTERS = 300
_clean: set[str] = set()

# A short word: too short for any token and without a sign that could assign or address anything.
_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,13}\Z")
_OPEN_MARKER = re.compile(r"\[REDACTED:[a-z_0-9]{0,40}\Z|\[(?:R|RE|RED|REDA|REDAC|REDACT|REDACTE|REDACTED)?\Z")


def redact(text: str) -> str:
    """`text` with every secret as `[REDACTED:kind]`, at most 64 kB, lines at most 4 kB. Idempotent; never raises.

    What cannot be judged is withheld whole, never passed through.
    """
    if text in _clean or _PLAIN_WORD.match(text):
        return text
    try:
        redacted = _redact(text)
    except Exception:  # noqa: BLE001 - fails closed: a text that was not judged must not get through
        mark("failed")
        return WITHHELD
    if redacted == text and len(text) <= REMEMBERED_CHARACTERS:
        _remember_clean(text)
    return redacted


def redact_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations: a value goes by its key's name, else by what it looks like."""
    return {redact(name): redact_value(name, value) for name, value in labels.items()}


def redact_value(name: str, value: str) -> str:
    """One named value: all of it if the name says that it is a secret, else what `redact` finds in it."""
    # Kubernetes prefixes a key with a domain: `secret.reloader.example.com/reload` is about reloading.
    own_name = name.rpartition("/")[2]
    if is_secret_name(own_name) and is_secret_value(own_name, value):
        return mark("kv")
    return redact(value)


def _remember_clean(text: str) -> None:
    if len(_clean) >= REMEMBERED_TEXTS:
        _clean.clear()
    _clean.add(text)


def _redact(text: str) -> str:
    if len(text) <= LINE_CHARACTERS:
        once = _pass(text)
        if once == text:
            return text
        text = once
    for _ in range(PASSES):
        judged = _cut(_pass(_window(text)))
        if judged == text:
            return text
        text = judged
    mark("failed")
    return WITHHELD


def _pass(text: str) -> str:
    """One run of all families, inside strings first."""
    text = rules.unescape(text)
    if not rules.is_suspect(text, text.lower()):
        return text
    if "\\n" in text or '\\"' in text:
        text = nested.redact_strings(text, _families)
    return _families(text)


def _families(text: str) -> str:
    """In the order in which they may eat each other's text."""
    lowered = text.lower()
    text = blocks.redact_blocks(text, lowered)
    text = rules.redact_addresses_and_tokens(text, lowered)
    text = assignments.redact_assignments(text, lowered)
    return rules.redact_personal(text, lowered)


def _has_long_line(text: str) -> bool:
    return len(text) > LINE_CHARACTERS and any(len(line) > LINE_CHARACTERS for line in text.split("\n"))


def _window(text: str) -> str:
    """What is worth judging at all: a bound on work, wider than what is kept."""
    text = text[: TEXT_CHARACTERS + LOOK_PAST_CHARACTERS]
    if not _has_long_line(text):
        return text
    if "PRIVATE KEY" in text:
        text = blocks.redact_private_keys(text)
    widest = LINE_CHARACTERS + LOOK_PAST_CHARACTERS
    return "\n".join(line[:widest] for line in text.split("\n"))


def _cut(text: str) -> str:
    if _has_long_line(text):
        text = "\n".join(_shorten(line, LINE_CHARACTERS) for line in text.split("\n"))
    return _shorten(text, TEXT_CHARACTERS)


def _shorten(text: str, characters: int) -> str:
    """Cut at the end, but never inside a marker."""
    if len(text) <= characters:
        return text
    return _OPEN_MARKER.sub("", text[: characters - len(CUT)]) + CUT
