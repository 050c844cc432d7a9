"""Secrets that span lines: private keys and Kubernetes Secret manifests, whole or cut off."""

import re

from app.redact.marker import mark
from app.redact.values import collection_end, indented_block_end

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_CERTIFICATE = re.compile(r"(?<=-----BEGIN CERTIFICATE-----)(?:[A-Za-z0-9+/=\s]|\\[rn]){65,16000}(?=-----END)")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")
_KEY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
_KIND_SECRET = re.compile(r"\bkind\\{0,3}[\"']?\s{0,3}:\s{0,3}\\{0,3}[\"']?Secret(?:List)?\b")
_SECRET_DATA = re.compile(r"\b(?:data|stringData)\\{0,3}[\"']?[ \t]{0,3}:[ \t]{0,3}(?P<open>\{|\r?\n)")


def redact_blocks(text: str, lowered: str) -> str:
    """Private keys and the data of Secret manifests as markers; runs before anything is split or cut."""
    if "private key" in lowered:
        text = redact_private_keys(text)
    if "begin certificate" in lowered:
        # No secret, but sixty lines that look like key material and tell a reader nothing.
        text = _CERTIFICATE.sub(" […] ", text)
    if "kind" in lowered and "secret" in lowered and _KIND_SECRET.search(text):
        text = _redact_secret_data(text)
    return text


def redact_private_keys(text: str) -> str:
    """Every PEM or PGP private key, to its END line or, where that was cut off, to the end of the text."""
    pieces = []
    position = 0
    while (begin := _BEGIN.search(text, position)) is not None:
        pieces += [text[position : begin.start()], mark("private_key")]
        # Not a lazy regex: on many BEGINs without an END that is quadratic.
        end = text.find("-----END ", begin.end())
        closing = _END.match(text, end) if end >= 0 else None
        position = closing.end() if closing else len(text)
    return _redact_tail_of_key("".join(pieces) + text[position:])


def _redact_tail_of_key(text: str) -> str:
    """The lines before an END whose BEGIN was cut off."""
    end = _END.search(text)
    if end is None or "PRIVATE KEY" not in end[0]:
        return text
    return text[: end.start()].rstrip(_KEY_CHARACTERS) + mark("private_key") + text[end.end() :]


def _redact_secret_data(text: str) -> str:
    pieces = []
    position = 0
    while (data := _SECRET_DATA.search(text, position)) is not None:
        if data["open"] == "{":
            start, end = data.start("open"), collection_end(text, data.start("open"))
        else:
            start, end = data.end(), indented_block_end(text, data.start(), data.end())
        pieces += [text[position:start], mark("k8s_secret") if end > start else ""]
        position = end
    return "".join(pieces) + text[position:]
