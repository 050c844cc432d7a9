"""Slack's answers read as `DeliveryError`: what heals with time, what a person must fix, what to post anew."""

from app.domain.errors import DeliveryError
from app.http import Answer, HttpError

RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
MAY_HAVE_WORKED = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
CHANNEL = frozenset({"not_in_channel", "channel_not_found", "is_archived", "is_inactive", "messages_tab_disabled"})
RESTRICTED = "restricted_action"
AUTHORISATION = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"}
    | {"not_allowed_token_type", "ekm_access_denied", "team_access_not_granted", "no_permission"}
)
SIZE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
    | {"attachment_payload_limit_exceeded", "invalid_arguments", "metadata_too_large", "invalid_metadata_format"}
    | {"metadata_must_be_sent_from_app", "invalid_metadata_schema"}
)
GONE = frozenset({"message_not_found", "edit_window_closed", "cant_update_message"})
THREAD_GONE = frozenset(
    {"thread_locked", "thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"}
)

_FIXES = {
    "not_in_channel": "invite the bot to the channel, or give it the scope chat:write.public",
    "channel_not_found": "check the channel id; the bot does not see private channels that it is not in",
    "is_archived": "the channel is archived",
    "missing_scope": "add the scope to the app and install it again",
    "invalid_auth": "the token is wrong",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
}
_DEFAULT_RETRY_SECONDS = 30.0
_TOO_MANY, _SERVER_ERROR = 429, 500


def is_size(code: str) -> bool:
    """Whether a plain text without blocks may go through where this did not."""
    return code in SIZE or code.startswith("metadata_")


def is_channel(code: str) -> bool:
    """Whether another channel may work where this one did not."""
    return code in CHANNEL or (code.startswith(RESTRICTED) and code not in THREAD_GONE)


def fix_for(code: str) -> str:
    """What a person can do about it; empty where nothing better than the code is known."""
    return _FIXES.get(code, "")


def refused(code: str, *, needed: str = "", posts: bool = True) -> DeliveryError:
    """The error for `{"ok": false, "error": code}`; `posts`: another try could say it twice."""
    fix = f" (needs {needed})" if needed else f" ({fix_for(code)})" if fix_for(code) else ""
    reason = f"Slack: {code}{fix}"
    if code in RATE_LIMITED:
        return DeliveryError(reason, retryable=True, code=code, retry_after_seconds=_DEFAULT_RETRY_SECONDS)
    if code in MAY_HAVE_WORKED:
        return DeliveryError(reason, retryable=True, code=code, unknown=posts)
    return DeliveryError(reason, retryable=False, code=code, gone=code in GONE)


def from_status(answer: Answer, *, posts: bool = True) -> DeliveryError:
    """The error for an HTTP status that is not 200, or for a body that is not Slack's."""
    if answer.status == _TOO_MANY:
        seconds = retry_after_seconds(answer)
        return DeliveryError("Slack: HTTP 429", retryable=True, code="ratelimited", retry_after_seconds=seconds)
    code = f"http_{answer.status}"
    if answer.status >= _SERVER_ERROR:
        return DeliveryError(f"Slack: HTTP {answer.status}", retryable=True, code=code, unknown=posts)
    if answer.truncated or answer.status == 200:  # noqa: PLR2004 - OK
        reason = "Slack: the answer is not Slack's (is a proxy in between?)"
        return DeliveryError(reason, retryable=True, code="not_slack", unknown=posts)
    return DeliveryError(f"Slack: HTTP {answer.status}", retryable=False, code=code)


def from_network(error: HttpError, *, posts: bool = True) -> DeliveryError:
    """The error for no answer: whether it may have arrived decides."""
    return DeliveryError(f"Slack: {error}", retryable=True, code="network", unknown=posts and error.sent)


def retry_after_seconds(answer: Answer) -> float:
    """The Retry-After header in seconds; half a minute where it is missing or unreadable."""
    try:
        return max(float(answer.headers.get("retry-after", "")), 1.0)
    except ValueError:
        return _DEFAULT_RETRY_SECONDS
