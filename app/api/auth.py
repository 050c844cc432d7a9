"""Who may post and who may read: bearer or basic, compared in constant time; loopback alone without tokens."""

import base64
import binascii
import hmac
import ipaddress
from functools import reduce
from http import HTTPStatus
from operator import or_
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from app.api.context import context
from app.domain.scope import EVERYTHING, Scope
from app.grants import Grant

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
    if not settings.webhook_tokens:
        _require_local(request)
    elif not has_token(request, settings.tokens(settings.webhook_tokens)):
        raise _no_token()


def may_tell(request: Request, key: str) -> None:
    """Let in who reports a change: as `may_post`, or by a webhook token in the body. Raises 401 or 403.

    CI jobs that report to PagerDuty send such a key there and no header.
    """
    settings = context(request).settings
    matches = [hmac.compare_digest(key.encode(), token.encode()) for token in settings.tokens(settings.webhook_tokens)]
    if not (key and any(matches)):
        may_post(request)


def may_read(request: Request) -> Scope:
    """Let readers in: an API token, or loopback while none is set; what they may see. Raises 401 or 403."""
    settings = context(request).settings
    if not settings.api_tokens:
        _require_local(request)
        return EVERYTHING
    scope = granted(request, settings.grants())
    if scope is None:
        raise _no_token()
    return scope


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
    return any(_matches(request, tokens))


def granted(request: Request, grants: tuple[Grant, ...]) -> Scope | None:
    """What the token of the request lets its bearer see; None for none of these tokens."""
    matches = _matches(request, tuple(grant.token for grant in grants))
    scopes = [grant.scope for grant, is_theirs in zip(grants, matches, strict=True) if is_theirs]
    return reduce(or_, scopes) if scopes else None


def _matches(request: Request, tokens: tuple[str, ...]) -> list[bool]:
    """For each token whether it is the one that was sent: all are compared, each in constant time."""
    presented = _presented(request.headers.get("authorization", ""))
    matches = [hmac.compare_digest(presented.encode(), token.encode()) for token in tokens]
    return matches if presented else [False] * len(tokens)


def named(request: Request) -> str:
    """Who the caller says it is: the user of basic authentication, whom nobody checks. Empty if nothing is said."""
    return _basic(request.headers.get("authorization", ""))[0]


def _require_local(request: Request) -> None:
    if is_local(request) and not _is_foreign_write(request):
        return
    detail = "no token is set, so only this machine may call; set SITREP_WEBHOOK_TOKENS, SITREP_API_TOKENS"
    raise HTTPException(HTTPStatus.FORBIDDEN, detail)


def _no_token() -> HTTPException:
    detail = "send a token: Authorization: Bearer <token>, or as the password of basic authentication"
    return HTTPException(HTTPStatus.UNAUTHORIZED, detail, headers=CHALLENGE)


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
