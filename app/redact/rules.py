"""What a secret looks like by itself, as a table: cheap hints first, then one bounded pattern each."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.redact.assignments import HINTS
from app.redact.marker import OPENING, mark
from app.redact.personal import is_card, is_iban
from app.redact.tokens import KEY_LINE, TOKEN_PATTERNS, TOO_COMMON

_I = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Rule:
    """`hints` (lower case) say whether `pattern` is worth running; its group `secret`, or all, is replaced."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] | None = None

    def apply(self, text: str, lowered: str) -> str:
        """`text` with what matches as markers."""
        for hint in self.hints:
            if hint in lowered:
                return self.pattern.sub(self._replace, text)
        return text

    def _replace(self, found: re.Match[str]) -> str:
        group = "secret" if "secret" in self.pattern.groupindex else 0
        secret = found[group]
        if secret.startswith(OPENING) or (self.accept is not None and not self.accept(secret)):
            return found[0]
        start, end = found.start(group) - found.start(), found.end(group) - found.start()
        return found[0][:start] + mark(self.kind) + found[0][end:]


def _is_long_with_digit(user: str) -> bool:
    return any(character.isdigit() for character in user)


def _is_no_status(value: str) -> bool:
    return not (value.isdigit() and len(value) <= 4)  # noqa: PLR2004 - ?code=500 is a status


# A password may hold `/` or `@`; `host:8080/` is a port, `name:tag@sha256:` an image.
ADDRESSES = (
    Rule(
        "url_userinfo",
        ("@",),
        re.compile(
            r"(?<=://)(?!\[)[^\s/?#@:\"'<>]{0,100}:(?!\d{1,5}(?:[/?#\s,\"']|\Z))[^\s\"'<>]{1,200}(?=@(?!sha256:))"
        ),
    ),
    Rule(
        "url_userinfo",
        ("@",),
        re.compile(r"(?<=://)(?!\[)[^\s/?#@:\"'<>]{20,300}(?=@)"),
        _is_long_with_digit,
    ),
    Rule(
        "url_userinfo",
        ("@tcp(", "@unix(", "thin:"),
        re.compile(
            r"(?<![^\s\"'=,(])[\w.-]{1,64}:[^\s\"':]{1,128}(?=@(?:tcp|unix)\()|(?<=thin:)[^\s/@]{1,64}/[^\s@]{1,128}(?=@)"
        ),
    ),
)
_SCHEME = r"(?:(?:basic|bearer|token|digest|negotiate|apikey|geniekey|bot|aws4-hmac-sha256)\s{1,3})?"
HEADERS = (
    Rule(
        "auth_header",
        ("authorization",),
        re.compile(
            r"\b(?:proxy-)?authorization\\{0,3}[\"']?\]?\s{0,3}[:=]\s{0,3}\\{0,3}[\"'\[]?"
            + _SCHEME
            + r"(?P<secret>[^\s\"',;\\]{6,4000})",
            _I,
        ),
    ),
    Rule("bearer", ("bearer",), re.compile(r"\bbearer\s{1,3}(?P<secret>[A-Za-z0-9._~+/=-]{8,4000})", _I)),
    Rule(
        "cookie",
        ("cookie",),
        re.compile(
            r"\b(?:set-)?cookie(?:\\{0,3}[\"']\s{0,3}[:=]\s{0,3}\\{0,3}[\"'](?P<quoted>)|\s{0,3}[:=]\s{0,3})"
            r"(?P<secret>(?(quoted)[^\r\n\"\\]|[^\r\n]){1,4000})",
            _I,
        ),
    ),
)
PRESIGNED = (
    Rule(
        "presigned",
        ("x-amz-", "x-goog-"),
        re.compile(
            r"\bx-(?:amz|goog)-(?:signature|credential|security-token)(?:=|%3D)(?P<secret>[^&\s\"'\\<>]{1,4000})", _I
        ),
    ),
    Rule(
        "query",
        ("sig=", "signature=", "code=", "key=", "auth=", "session=", "sid=", "sig%3d", "signature%3d", "code%3d"),
        re.compile(
            r"(?:[?&;]|%3F|%26)(?:sig|signature|code|key|auth|session|sid|jsessionid|phpsessid)(?:=|%3D)"
            r"(?P<secret>[^&\s\"'\\<>%]{1,4000}(?:%(?!26)[^&\s\"'\\<>%]{1,400}){0,40})",
            _I,
        ),
        _is_no_status,
    ),
)
COMMANDS = (
    Rule(
        "cli",
        (" -u", "--user"),
        re.compile(r"(?<!\S)(?:-u|--user)[ =]{1,3}[\"']?(?P<secret>[^\s:\"']{1,100}:[^\s\"']{1,200})"),
    ),
    Rule(
        "cli",
        ("mysql", "maria"),
        re.compile(r"\b(?:mysql|mariadb)[a-z-]{0,10}\b[^\r\n|;]{0,200}?[ \t]-p(?P<secret>[^\s]{1,200})"),
    ),
    Rule(
        "cli",
        ("sshpass", "redis-cli"),
        re.compile(r"\b(?:sshpass[ \t]{1,3}-p|redis-cli\b[^\r\n|;]{0,100}?[ \t]-a)[ \t]{0,3}(?P<secret>\S{1,200})"),
    ),
    Rule(
        "sql",
        ("identified", "password"),
        re.compile(
            r"\b(?:identified[ \t]{1,3}by|password)[ \t]{1,3}(?P<q>['\"])"
            r"(?P<secret>[^'\"\r\n]{1,200})(?P=q)(?![ \t]{0,3}[:=])",
            _I,
        ),
    ),
)
TOKENS = tuple(Rule(kind, hints, pattern) for kind, hints, pattern in TOKEN_PATTERNS)
_EMAIL = re.compile(
    r"(?<![\w.%+-])(?!git@)(?P<secret>[\w.%+-]{1,64})(?=@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6}\.[A-Za-z]{2,24}\b)"
)
_LOOK_ALIKE = (
    Rule(
        "card",
        ("",),
        re.compile(
            r"(?<![\w.-])\d{4}(?P<s>[ -]?)\d{4}(?P=s)\d{4}(?P=s)\d{1,7}(?![\w-])"
            r"|(?<![\w.-])3\d{3}[ -]\d{6}[ -]\d{5}(?![\w-])"
        ),
        is_card,
    ),
    Rule("ssn", ("-",), re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-\d{2}-\d{4}(?![\w-])")),
    Rule("phone", ("+",), re.compile(r"(?<![\w+.])\+[1-9](?:[ .()-]{0,2}\d){7,14}(?![\w])")),
    Rule(
        "iban",
        ("",),
        re.compile(r"\b[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b"),
        is_iban,
    ),
)
PERSONAL = (Rule("email", ("@",), _EMAIL),)
_DIGITS = re.compile(r"\d(?:[ -]?\d){8}|[A-Z]{2}\d{2}[A-Z0-9 ]{11}|\+[1-9](?:[ .()-]{0,2}\d){7}|\bs\.[A-Za-z0-9]{24}")

_ORDERED = (*ADDRESSES, *HEADERS, *TOKENS, *PRESIGNED, *COMMANDS)
_ALL_HINTS = {hint for rule in _ORDERED for hint in rule.hints if hint not in TOO_COMMON} | {
    "@",
    "-----begin",
    "-----end",
    *HINTS,
}
# `key=` adds nothing where `key` is asked for.
_HINTS = tuple(sorted(one for one in _ALL_HINTS if not any(other != one and other in one for other in _ALL_HINTS)))
_ESCAPED_ASCII = re.compile(r"\\{1,4}u00([2-7][0-9a-fA-F])")


def unescape(text: str) -> str:
    r"""JSON's `\u0026` as `&`, so that it ends a value as it should; quotes and backslashes stay."""
    if "\\u00" not in text:
        return text
    return _ESCAPED_ASCII.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return found[0] if character in {'"', "'", "\\", "\x7f"} else character


def is_suspect(text: str, lowered: str) -> bool:
    """Whether any rule could match at all: most labels and log lines end here."""
    for hint in _HINTS:
        if hint in lowered:
            return True
    return bool(_DIGITS.search(text) or KEY_LINE.search(text))


def redact_addresses_and_tokens(text: str, lowered: str) -> str:
    """User info of addresses, secret headers, vendors' tokens, signed query parameters, command lines."""
    for rule in _ORDERED:
        text = rule.apply(text, lowered)
    return text


def redact_personal(text: str, lowered: str) -> str:
    """E-mail addresses (the domain stays), card, social security, phone and account numbers."""
    for rule in PERSONAL:
        text = rule.apply(text, lowered)
    if _DIGITS.search(text):
        for rule in _LOOK_ALIKE:
            text = rule.apply(text, lowered)
    return text
