"""Values by their key's name: JSON (also inside a JSON string), YAML, logfmt, .env, query strings, options."""

import re

from app.redact.marker import OPENING, mark
from app.redact.names import STEM, is_secret_name, is_secret_value
from app.redact.values import value_span

HINTS = (
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "key",
    "cred",
    "nstr",
    "n_str",
    "n-str",
    "sharedaccess",
    "shared-access",
    "signature",
    "csrf",
    "otp",
)
# Looser than STEM, and each alternative begins with a letter: the engine skips ahead. `is_secret_name` decides.
_HEAD = re.compile(
    r"(?P<stem>pass|pwd?|secret|token|(?:api|access|private)[ ]key|key|cred|conn|shared-?access|signature|csrf|otp)"
    r"(?P<rest>[\w.-]{0,64})"
    r"(?P<operator>\\{0,7}[\"']?\]?(?P<before>[ \t]{0,3})(?:=>|:=|==?|:|%3D|%3A)[ \t]{0,20})",
    re.IGNORECASE,
)
_OPTION = re.compile(rf"(?<!\S)--(?P<name>[a-z-]{{0,40}}(?:{STEM})[a-z-]{{0,20}})[ \t]{{1,3}}(?!-)", re.IGNORECASE)
_NAME_BEFORE = re.compile(r"[\w.-]{0,64}\Z")
_LINE_OPENING = re.compile(r"[ \t]{0,40}(?:-[ \t]{1,3})?(?:export[ \t]{1,3})?\Z")
_HOST_PORT_OR_TAG = re.compile(r"v?\d[\w.-]{0,40}\Z")
_ENVIRONMENT = re.compile(
    r"\bname\\{0,3}[\"']?[ \t]{0,3}:[ \t]{0,3}\\{0,3}[\"']?(?P<name>[\w.-]{1,100})\\{0,3}[\"']?,?\s{1,40}|"
    r"\bname\\{0,3}[\"']:\\{0,3}[\"'](?P<json_name>[\w.-]{1,100})\\{0,3}[\"'],",
    re.IGNORECASE,
)
_ENVIRONMENT_VALUE = re.compile(r"\\{0,3}[\"']?value\\{0,3}[\"']?[ \t]{0,3}:[ \t]{0,3}", re.IGNORECASE)


def redact_assignments(text: str, lowered: str) -> str:
    """`text` with the value of every secret name as a marker."""
    if not any(hint in lowered for hint in HINTS):
        return text
    if "value" in lowered and "name" in lowered:
        text = _redact_environment(text)
    if "--" in text:
        text = _redact_options(text)
    return _redact_heads(text)


def _redact_heads(text: str) -> str:
    pieces = []
    done = position = 0
    while (head := _HEAD.search(text, position)) is not None:
        start, end = _secret_span(text, head)
        position = max(end, head.start() + len(head["stem"]))
        if end > start:
            pieces += [text[done:start], mark("kv")]
            done = end
    return "".join(pieces) + text[done:]


def _secret_span(text: str, head: re.Match[str]) -> tuple[int, int]:
    """What to replace after this name and operator; an empty span if nothing there is secret."""
    nothing = (head.end(), head.end())
    before = _name_before(text, head.start())
    name = before + head["stem"] + head["rest"]
    name_start = head.start() - len(before)
    line_start = text.rfind("\n", max(0, name_start - 60), name_start) + 1 or max(0, name_start - 60)
    unquoted_name = head["operator"][:1] not in {'"', "'", "\\"}
    opens_line = unquoted_name and bool(_LINE_OPENING.fullmatch(text, line_start, name_start))
    start, end = value_span(text, head.end(), opens_line=opens_line)
    value = text[start:end]
    bare = start == head.end()
    if not is_secret_name(name) or not is_secret_value(name, value.split(" ", 1)[0] if bare else value):
        return nothing
    if _is_prose_or_path(text, head, name_start, value):
        return nothing
    return start, end


def _is_prose_or_path(text: str, head: re.Match[str], name_start: int, value: str) -> bool:
    """`volume "db-secret" : secret …`, `/run/token: no such file`, `token.shop.svc:8080`, `shop/tokens:1.2.3`."""
    operator = head["operator"]
    opening = text[head.end() : head.end() + 1]
    if head["before"] and ":" in operator and '"' in operator and opening not in {'"', "'", "\\", "{", "["}:
        return True
    in_path = text[max(0, name_start - 1) : name_start] == "/"
    if in_path and operator.startswith(": "):
        return True
    addressed = in_path or "-" in head["rest"] or "." in head["rest"]
    return addressed and operator == ":" and bool(_HOST_PORT_OR_TAG.match(value.split("/", 1)[0]))


def _redact_options(text: str) -> str:
    """`--password hunter2`: an option whose value is the next word."""
    pieces = []
    done = 0
    for option in _OPTION.finditer(text):
        start, end = value_span(text, option.end(), opens_line=False)
        if (
            option.start() >= done
            and is_secret_name(option["name"])
            and is_secret_value(option["name"], text[start:end])
        ):
            pieces += [text[done:start], mark("cli")]
            done = end
    return "".join(pieces) + text[done:]


def _redact_environment(text: str) -> str:
    """`name: DB_PASSWORD` followed by `value: …`, as in a container's env."""
    pieces = []
    done = 0
    for found in _ENVIRONMENT.finditer(text):
        value = _ENVIRONMENT_VALUE.match(text, found.end())
        name = found["name"] or found["json_name"]
        if value is None or found.start() < done or not is_secret_name(name):
            continue
        start, end = value_span(text, value.end(), opens_line=True)
        if is_secret_value(name, text[start:end]):
            pieces += [text[done:start], mark("kv")]
            done = end
    return "".join(pieces) + text[done:]


def _name_before(text: str, position: int) -> str:
    found = _NAME_BEFORE.search(text[max(0, position - 64) : position])
    before = found[0] if found else ""
    return "" if before.startswith(OPENING) else before
