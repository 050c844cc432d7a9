"""Slack by an incoming webhook, the poorer way: all in messages of their own, for nothing can be edited."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.domain.alert import AlertStatus
from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.domain.incident import Incident
from app.http import Answer, Http, HttpError, Request
from app.notify.notifier import CANNOT_SEARCH_CODE, END, HEAD, LOUD_NEWS, NEWS_AGAIN, Letter, Links, Target
from app.notify.notifiers.slack.client import TIMEOUT_SECONDS
from app.notify.notifiers.slack.errors import from_network, from_status
from app.notify.notifiers.slack.message import Writer
from app.notify.notifiers.slack.routes import Routes
from app.notify.rendering import Renderer
from app.settings import Settings, SettingsError

PLACE = "webhook"
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500
_SIZE = frozenset({"invalid_payload", "invalid_blocks", "no_text", "too_many_attachments", "msg_too_long"})


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SlackWebhookNotifier:
    """One message when all is gathered, one at each end, and between them the news that people must hear.

    The URL is a secret, so it never stands in a target or a reason.
    """

    name = "slack_webhook"

    def __init__(self, settings: Settings, links: Links, now: Callable[[], datetime] = _utc_now) -> None:
        self._url = settings.slack_webhook_url
        self._routes = Routes(settings)
        self._http = Http()
        self._writer = Writer(Renderer(settings.templates_dir), links, now)

    def tells(self, part: str) -> bool:
        """What wakes people, and each beginning, as each end is told; other replies would only fill the channel."""
        return part in {HEAD, END} or part.startswith((LOUD_NEWS, NEWS_AGAIN))

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        """The message once nothing more is asked, or looking was given up; the end, too, once it is over."""
        asking = incident.enrichment != "complete" and not incident.parked
        if asking or not self._routes.is_told(incident, self.name):
            return ()
        ended = incident.state is AlertStatus.RESOLVED
        return (Target(PLACE, HEAD), Target(PLACE, END)) if ended else (Target(PLACE, HEAD),)

    def digest(self, letter: Letter) -> str:
        """The same for ever: what was posted cannot be edited. A new end is a new message."""
        ended_at = letter.incident.resolved_at if letter.part == END else None
        return hashlib.sha256(f"{letter.part} {ended_at}".encode()).hexdigest()

    async def send(self, letter: Letter) -> str:
        """Post, whatever was posted before; the reference only says that it was. Raises `DeliveryError`."""
        # Elsewhere what has a reference is edited, and nobody looks for an edit without an answer.
        may_repeat = letter.may_repeat or (letter.reference is not None and letter.attempts > 0)
        message = self._writer.lone_message(replace(letter, may_repeat=may_repeat))
        arguments = {name: value for name, value in message.arguments().items() if name != "metadata"}
        answer = await self._post(arguments)
        if answer.status != _OK and _code(answer) in _SIZE:
            answer = await self._post(message.bare_arguments(with_metadata=False))
        # A proxy's sign-in page is a 200 too; Slack's own says "ok" and nothing else.
        if answer.status != _OK or answer.body.strip() != b"ok":
            raise _refused(answer)
        return f"{PLACE}/{letter.nonce}"

    async def find(self, letter: Letter) -> str | None:
        """Never: a webhook cannot look. Raises `DeliveryError`."""
        raise DeliveryError(f"a webhook cannot look for {letter.part}", retryable=False, code=CANNOT_SEARCH_CODE)

    async def withdraw(self, target: str, reference: str) -> None:
        """Nothing: a webhook cannot delete."""

    async def check(self) -> Diagnosis:
        """Whether the address is one; a test message would be a message."""
        try:
            url = self._url.read()
        except SettingsError as error:
            return Diagnosis(self.name, healthy=False, statement=str(error), fix="make the file readable")
        if not url.startswith(("http://", "https://")):
            fix = "set SITREP_SLACK_WEBHOOK_URL to the address that Slack shows"
            return Diagnosis(self.name, healthy=False, statement="the webhook URL is not a URL", fix=fix)
        return Diagnosis(self.name, healthy=True, statement="set; cannot be tried without posting")

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _post(self, arguments: dict[str, Any]) -> Answer:
        try:
            request = Request("POST", self._url.read(), json=arguments, timeout_seconds=TIMEOUT_SECONDS)
            return await self._http.send(request)
        except SettingsError as error:
            raise DeliveryError(str(error), retryable=True, code="no_url") from error
        except HttpError as error:
            raise from_network(error) from error


def _code(answer: Answer) -> str:
    return answer.body[:80].decode(errors="replace").strip()


def _refused(answer: Answer) -> DeliveryError:
    if answer.status in {_OK, _TOO_MANY} or answer.status >= _SERVER_ERROR:
        return from_status(answer)
    code = _code(answer) if _code(answer).isidentifier() else f"http_{answer.status}"
    return DeliveryError(f"Slack webhook: {code}", retryable=False, code=code)
