"""A back end's HTTP answer turned into JSON, or into the plain words of a `SourceError`."""

import json
from collections.abc import Mapping
from typing import Any

from app.domain.errors import SourceError
from app.gather.text import storable, storable_json
from app.http import Answer, Http, HttpError, Request
from app.redact import redact
from app.settings import Secret, SettingsError

REASON_CHARACTERS = 200
PLAIN_STATUS = {
    400: "bad query (400)",
    401: "not authenticated (401)",
    403: "not allowed (403)",
    404: "nothing of that kind at this address (404)",
    405: "the address does not take queries (405)",
    413: "request or answer too large (413)",
    422: "the query could not be evaluated (422)",
    429: "too many queries at once (429)",
}
JSON_TYPES = frozenset({"application/json", "text/json"})
MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml"})


class TooLargeError(SourceError):
    """The answer was cut at the most that we read: a narrower question may fit."""


# Of the refusals, those that every question would meet: no valid token, too many requests.
SICK_STATUS = frozenset({401, 429})


def request_headers(static: Mapping[str, str], token: Secret, scheme: str = "Bearer") -> dict[str, str]:
    """The headers of one request; a token from a file is read anew. Raises `SourceError` if it cannot be.

    A token that brings its own scheme (`Basic …`) keeps it.
    """
    headers = {"Accept": "application/json", **static}
    if not token:
        return headers
    try:
        value = token.read()
    except SettingsError as error:
        raise SourceError(f"its token: {error}") from error
    headers["Authorization"] = value if " " in value else f"{scheme} {value}"
    return headers


async def send(http: Http, request: Request) -> Answer:
    """The answer whatever its status; no answer is a `SourceError`."""
    try:
        return await http.send(request)
    except HttpError as error:
        raise SourceError(str(error), source_is_sick=True) from error


def json_of(answer: Answer, vendor: str) -> Any:  # noqa: ANN401 - JSON of any shape; callers check it
    """The JSON of a good answer. Raises `SourceError` for any other status, media type, size or garbage."""
    refuse_status(answer, vendor)
    if answer.truncated:
        raise TooLargeError(f"the answer was larger than {len(answer.body) // 1024} KiB")
    if answer.media_type in MARKUP_TYPES:
        raise SourceError("answered HTML, not JSON: is the URL a proxy or login page?", source_is_sick=True)
    if answer.media_type and answer.media_type not in JSON_TYPES:
        reason = f"answered {short(answer.media_type)}, not JSON: is the URL that of {vendor}?"
        raise SourceError(reason, source_is_sick=True)
    try:
        return json.loads(storable_json(answer.body))
    except (ValueError, RecursionError) as error:
        raise SourceError("answered something that is not JSON", source_is_sick=True) from error


def refuse_status(answer: Answer, vendor: str) -> None:
    """Raises `SourceError` unless the status is 2xx; the back end's own words follow ours."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - what HTTP calls success
        return
    if 300 <= answer.status < 400:  # noqa: PLR2004 - what HTTP calls redirection
        raise SourceError(f"redirected to a login page ({answer.status})", source_is_sick=True)
    words = PLAIN_STATUS.get(answer.status) or _by_class(answer.status, vendor)
    detail = _error_text(answer)
    sick = answer.status in SICK_STATUS or answer.status >= 500  # noqa: PLR2004 - HTTP's classes
    raise SourceError(f"{words}: {detail}" if detail else words, source_is_sick=sick)


def short(text: str) -> str:
    """One redacted line that fits a gap."""
    line = " ".join(redact(storable(text[: 20 * REASON_CHARACTERS])).split())
    return line if len(line) <= REASON_CHARACTERS else line[: REASON_CHARACTERS - 1] + "…"


def _by_class(status: int, vendor: str) -> str:
    return f"{vendor} failed ({status})" if status >= 500 else f"refused ({status})"  # noqa: PLR2004 - HTTP's classes


def _error_text(answer: Answer) -> str:
    """What the back end says is wrong: `error` of its envelope, which may have a `reason`, else a line; never HTML."""
    if answer.media_type in MARKUP_TYPES:
        return "it answered HTML: is the URL a proxy or login page?"
    if answer.media_type in JSON_TYPES:
        try:
            body = json.loads(storable_json(answer.body))
        except (ValueError, RecursionError):
            return ""
        text = (body.get("error") or body.get("message")) if isinstance(body, dict) else None
        text = text.get("reason") if isinstance(text, dict) else text
        return short(text) if isinstance(text, str) else ""
    return short(answer.body[:4096].decode(errors="replace"))
