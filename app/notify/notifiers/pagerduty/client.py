"""PagerDuty's REST API, the few calls that a note needs; every failure a `DeliveryError`."""

import json
from typing import Any

from app.domain.errors import DeliveryError
from app.http import Answer, Http, HttpError, Request
from app.settings import Secret, SettingsError

TIMEOUT_SECONDS = 8.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
ACCEPT = "application/vnd.pagerduty+json;version=2"
UNKNOWN_REQUESTER, RATE_LIMIT = 1008, 2020

_SUCCESS = range(200, 300)
_UNAUTHORISED, _NO_PLAN, _FORBIDDEN, _NOT_FOUND, _TIMED_OUT, _TOO_MANY = 401, 402, 403, 404, 408, 429
_DEFAULT_RETRY_SECONDS = 30.0
_FIXES = {
    _UNAUTHORISED: "check SITREP_PAGERDUTY_TOKEN and whether SITREP_PAGERDUTY_API_URL is the account's region",
    _FORBIDDEN: "the key may not do this; give it incidents.write",
    _NO_PLAN: "the account's plan lacks this feature",
}


class PagerDutyClient:
    """Incidents by dedup key, and their notes."""

    def __init__(self, http: Http, api_url: str, token: Secret, sender: str) -> None:
        self._http = http
        self._api_url = api_url
        self._token = token
        self._sender = sender

    async def open_incident(self, dedup_key: str) -> str | None:
        """The id of the newest open incident that Alertmanager's dedup key belongs to."""
        params = (
            ("incident_key", dedup_key),
            ("statuses[]", "triggered"),
            ("statuses[]", "acknowledged"),
            ("limit", "5"),
            ("sort_by", "created_at:desc"),
        )
        body = await self._call(Request("GET", f"{self._api_url}/incidents", params=params))
        found = [item for item in body.get("incidents") or [] if isinstance(item, dict) and item.get("id")]
        newest = max(found, key=lambda item: str(item.get("created_at", "")), default=None)
        return str(newest["id"]) if newest else None

    async def notes(self, incident_id: str) -> list[tuple[str, str]]:
        """(id, content) of the incident's notes."""
        body = await self._call(Request("GET", f"{self._api_url}/incidents/{incident_id}/notes"))
        notes = [note for note in body.get("notes") or [] if isinstance(note, dict)]
        return [(str(note.get("id", "")), str(note.get("content", ""))) for note in notes]

    async def add_note(self, incident_id: str, content: str) -> str:
        """The id of the new note. Not idempotent: no answer means that it may stand there."""
        url = f"{self._api_url}/incidents/{incident_id}/notes"
        body = await self._call(Request("POST", url, json={"note": {"content": content}}))
        return str((body.get("note") or {}).get("id", ""))

    async def edit_note(self, incident_id: str, note_id: str, content: str) -> None:
        """Replace a note's content; doing it twice changes nothing."""
        url = f"{self._api_url}/incidents/{incident_id}/notes/{note_id}"
        await self._call(Request("PUT", url, json={"note": {"content": content}}))

    async def abilities(self) -> None:
        """Whether the key works at all."""
        await self._call(Request("GET", f"{self._api_url}/abilities"))

    async def _call(self, request: Request) -> dict[str, Any]:
        posts = request.method == "POST"
        try:
            answer = await self._http.send(self._signed(request))
        except HttpError as error:
            unknown = posts and error.sent
            raise DeliveryError(f"PagerDuty: {error}", retryable=True, code="network", unknown=unknown) from error
        except SettingsError as error:
            raise DeliveryError(str(error), retryable=True, code="no_token") from error
        if answer.status not in _SUCCESS:
            raise _error(answer, request.method)
        body = _json(answer)
        if body is None:
            reason = "PagerDuty: the answer is not PagerDuty's (is a proxy in between?)"
            raise DeliveryError(reason, retryable=True, code="not_pagerduty", unknown=posts)
        return body

    def _signed(self, request: Request) -> Request:
        headers = {
            "Authorization": f"Token token={self._token.read()}",
            "Accept": ACCEPT,
            "Content-Type": "application/json",
        }
        if request.method != "GET":
            headers["From"] = self._sender
        return Request(
            request.method,
            request.url,
            params=request.params,
            headers=headers,
            json=request.json,
            timeout_seconds=TIMEOUT_SECONDS,
            max_bytes=MAX_ANSWER_BYTES,
        )


def _error(answer: Answer, method: str) -> DeliveryError:
    """One row of the error table; what a POST left behind after a server's error is unknown."""
    status, (code, message) = answer.status, _vendor_error(answer)
    if status == _TOO_MANY or code == RATE_LIMIT:
        seconds = _retry_after_seconds(answer)
        return DeliveryError("PagerDuty: HTTP 429", retryable=True, code="rate_limited", retry_after_seconds=seconds)
    if status == _TIMED_OUT or status >= 500:  # noqa: PLR2004 - any server error
        reason = f"PagerDuty: HTTP {status}"
        return DeliveryError(reason, retryable=True, code=f"http_{status}", unknown=method == "POST")
    if code == UNKNOWN_REQUESTER:
        reason = "PagerDuty: SITREP_PAGERDUTY_FROM is not the email of a user of this account"
        return DeliveryError(reason, retryable=False, code="requester_not_found")
    if status == _NOT_FOUND:
        return DeliveryError(f"PagerDuty: not found {message}".rstrip(), retryable=False, code="not_found", gone=True)
    detail = _FIXES.get(status) or message
    reason = f"PagerDuty: HTTP {status}" + (f" ({detail})" if detail else "")
    return DeliveryError(reason, retryable=False, code=f"http_{status}")


def _vendor_error(answer: Answer) -> tuple[int, str]:
    error = (_json(answer) or {}).get("error")
    if not isinstance(error, dict):
        return 0, ""
    code = error.get("code")
    return code if isinstance(code, int) else 0, str(error.get("message", ""))[:120]


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) and not answer.truncated else None


def _retry_after_seconds(answer: Answer) -> float:
    for name in ("retry-after", "ratelimit-reset"):
        try:
            return max(float(answer.headers[name]), 1.0)
        except (KeyError, ValueError):
            continue
    return _DEFAULT_RETRY_SECONDS
