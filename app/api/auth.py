"""Who may post and who may read: bearer or basic, compared in constant time; loopback alone without tokens."""

import base64
import binascii
import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from app.api.context import context
from app.settings import Secret

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sitrep", Basic realm="sitrep"'}
FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Scheme(SecurityBase):
    """A way to send the token, for OpenAPI alone; `may_post` and `may_read` do the checking."""

    def __init__(self, scheme: str, description: str) -> None:
        self.model = HTTPBase(scheme=scheme, description=description)
        self.scheme_name = scheme

    def __call__(self) -> None:
        """Decide nothing."""


# Either will do: OpenAPI lists them as alternatives.
SCHEMES = [
    Security(Scheme("bearer", "One of the tokens")),
    Security(Scheme("basic", "Any user, and one of the tokens as password")),
]


def may_post(request: Request) -> None:
    """Let senders in: a webhook token, or loopback while none is set. Raises 401 or 403."""
    settings = context(request).settings
    _authorize(request, settings.tokens(settings.webhook_tokens), settings.webhook_tokens)


def may_tell(request: Request, key: str) -> None:
    """Let in who reports a change: as `may_post`, or by a webhook token in the body. Raises 401 or 403.

    CI jobs that report to PagerDuty send such a key there and no header.
    """
    settings = context(request).settings
    matches = [hmac.compare_digest(key.encode(), token.encode()) for token in settings.tokens(settings.webhook_tokens)]
    if not (key and any(matches)):
        _authorize(request, settings.tokens(settings.webhook_tokens), settings.webhook_tokens)


def may_read(request: Request) -> None:
    """Let readers in: an API token, or loopback while none is set. Raises 401 or 403."""
    settings = context(request).settings
    _authorize(request, settings.tokens(settings.api_tokens), settings.api_tokens)


def is_local(request: Request) -> bool:
    """Whether the caller sits on this machine, and no proxy or rebound name stands in between.

    A browser that was lured to a name which resolves to loopback still sends that name as Host.
    """
    if request.client is None or any(name in request.headers for name in FORWARDING_HEADERS):
        return False
    host = _named_host(request)
    return _is_loopback(request.client.host) and (host == "localhost" or _is_loopback(host))


def has_token(request: Request, tokens: tuple[str, ...]) -> bool:
    """Whether the request carries one of these tokens; every token is compared, so time tells nothing."""
    presented = _presented(request.headers.get("authorization", ""))
    matches = [hmac.compare_digest(presented.encode(), token.encode()) for token in tokens]
    return bool(presented) and any(matches)


def named(request: Request) -> str:
    """Who the caller says it is: the user of basic authentication, whom nobody checks. Empty if nothing is said."""
    return _basic(request.headers.get("authorization", ""))[0]


def _authorize(request: Request, tokens: tuple[str, ...], secret: Secret) -> None:
    if not secret:
        if is_local(request) and not _is_foreign_write(request):
            return
        detail = "no token is set, so only this machine may call; set SITREP_WEBHOOK_TOKENS, SITREP_API_TOKENS"
        raise HTTPException(HTTPStatus.FORBIDDEN, detail)
    if not has_token(request, tokens):
        detail = "send a token: Authorization: Bearer <token>, or as the password of basic authentication"
        raise HTTPException(HTTPStatus.UNAUTHORIZED, detail, headers=CHALLENGE)


def _is_foreign_write(request: Request) -> bool:
    """Whether a page of another site sent this: a browser posts a form to this machine without asking it."""
    if request.method in SAFE_METHODS:
        return False
    origin = request.headers.get("origin", "")
    is_own = origin.partition("://")[2] == request.headers.get("host")
    sent_from = request.headers.get("sec-fetch-site", "none")
    return bool(origin and not is_own) or sent_from not in {"none", "same-origin"}


def _named_host(request: Request) -> str:
    """The host that the request names, empty where that is no name; `request.url` would fail on some queries."""
    try:
        return urlsplit("//" + request.headers.get("host", "")).hostname or ""
    except ValueError:
        return ""


def _presented(authorization: str) -> str:
    """The token of a bearer header, or the password of a basic one; empty for anything else."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return _basic(authorization)[1]


def _basic(authorization: str) -> tuple[str, str]:
    """User and password of a basic header; both empty for anything else."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    user, _, password = decoded.partition(":")
    return user, password


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    # A socket for both families shows 127.0.0.1 as ::ffff:127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
