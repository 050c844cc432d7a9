"""Slack with a bot token: one head message edited in place, its details thread, news as replies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.domain.incident import Incident
from app.domain.narrowing import news_within, within
from app.http import Http
from app.notify.notifier import DETAILS, HEAD, Letter, Links, Target
from app.notify.notifiers.slack.blocks import BlocksError
from app.notify.notifiers.slack.client import SlackClient
from app.notify.notifiers.slack.errors import THREAD_GONE, is_channel, is_size
from app.notify.notifiers.slack.health import diagnose
from app.notify.notifiers.slack.message import Message, Writer
from app.notify.notifiers.slack.routes import BOT, Routes
from app.notify.notifiers.slack.search import find_message
from app.notify.rendering import Renderer
from app.settings import Settings

POST, UPDATE = "chat.postMessage", "chat.update"
JOINABLE = "not_in_channel"

log = structlog.get_logger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SlackNotifier:
    """References are `channel id/ts`; a `ts` stays text, as a number it would lose digits."""

    name = BOT

    def __init__(self, settings: Settings, links: Links, now: Callable[[], datetime] = _utc_now) -> None:
        self._settings = settings
        self._routes = Routes(settings)
        self._http = Http()
        self._client = SlackClient(self._http, settings.slack_api_url, settings.slack_token)
        self._writer = Writer(Renderer(settings.templates_dir), links, now)

    def tells(self, part: str) -> bool:  # noqa: ARG002 - nothing is kept from it
        """All of it: loud news is broadcast, the rest stays in the thread."""
        return True

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        """A head for each channel, and the details under it once there are any."""
        if not self._routes.is_told(incident, self.name):
            return ()
        parts = (HEAD,) if incident.assessment is None else (HEAD, DETAILS)
        return tuple(Target(channel, part) for channel in self._routes.channels(incident) for part in parts)

    def digest(self, letter: Letter) -> str:
        """Changes when the rendered text does."""
        return self._writer.digest(self._for_its_channel(letter))

    async def send(self, letter: Letter) -> str:
        """Post or edit; the reference. Raises `DeliveryError`."""
        letter = self._for_its_channel(letter)
        if letter.reference:
            return await self._edit(letter, letter.reference)
        if letter.part == HEAD:
            return await self._post_head(letter)
        return await self._reply(letter)

    async def find(self, letter: Letter) -> str | None:
        """The reference of the message that bears the letter's nonce. Raises `DeliveryError`."""
        if letter.part != HEAD and letter.head_reference:
            return await find_message(self._client, letter, *_split(letter.head_reference))
        try:
            found = await find_message(self._client, letter, letter.target)
        except DeliveryError as error:
            if not (is_channel(error.code) and self._fallback(letter)):
                raise
            found = None
        fallback = self._fallback(letter)
        return found or (await find_message(self._client, letter, fallback) if fallback else None)

    async def withdraw(self, target: str, reference: str) -> None:  # noqa: ARG002 - the reference names the channel
        """Delete our own message; that it is gone already is fine."""
        channel, ts = _split(reference)
        try:
            await self._client.write("chat.delete", {"channel": channel, "ts": ts})
        except DeliveryError as error:
            if not error.gone:
                raise

    async def check(self) -> Diagnosis:
        """Whether the token works and each configured channel can be seen."""
        channels = dict.fromkeys(c for route in self._settings.slack_routes for c in route.channels)
        if self._settings.slack_channel:
            channels[self._settings.slack_channel] = None
        return await diagnose(self._client, tuple(channels))

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    def _for_its_channel(self, letter: Letter) -> Letter:
        """Without what lies in namespaces that the channel is not told of."""
        scope = self._routes.scope(letter.target)
        news = news_within(letter.news, letter.incident, scope)
        return replace(letter, incident=within(letter.incident, scope), news=news)

    def _fallback(self, letter: Letter) -> str:
        """The settings' own channel, where the letter's is another one."""
        channel = self._settings.slack_channel
        return channel if channel != letter.target else ""

    async def _post_head(self, letter: Letter) -> str:
        try:
            return await self._post(letter.target, self._writer.message(letter), {})
        except DeliveryError as error:
            fallback = self._fallback(letter)
            if not (is_channel(error.code) and fallback):
                raise
            log.warning("slack: told in the main channel instead", channel=letter.target, code=error.code)
            message = self._writer.message(letter, f"meant for {letter.target}: {error.code}")
            return await self._post(fallback, message, {})

    async def _reply(self, letter: Letter) -> str:
        if not letter.head_reference:
            raise DeliveryError("no head message to reply to yet", retryable=True, code="no_head")
        channel, ts = _split(letter.head_reference)
        message = self._writer.message(letter)
        thread: dict[str, Any] = {"thread_ts": ts}
        if letter.broadcast:
            thread["reply_broadcast"] = True
        try:
            return await self._post(channel, message, thread)
        except DeliveryError as error:
            # A locked or deleted thread must not swallow news; details alone would only confuse.
            if error.code not in THREAD_GONE or letter.part == DETAILS:
                raise
            return await self._post(channel, self._writer.lone_message(letter), {})

    async def _post(self, channel: str, message: Message, extra: dict[str, Any]) -> str:
        answer = await self._call(POST, message, {"channel": channel, **extra})
        return f"{answer['channel']}/{answer['ts']}"

    async def _edit(self, letter: Letter, reference: str) -> str:
        channel, ts = _split(reference)
        try:
            await self._call(UPDATE, self._writer.message(letter), {"channel": channel, "ts": ts})
        except DeliveryError as error:
            if error.code not in THREAD_GONE:
                raise
            raise DeliveryError(str(error), retryable=False, code=error.code, gone=True) from error
        return reference

    async def _call(self, method: str, message: Message, where: dict[str, Any]) -> dict[str, Any]:
        """One call; once more as bare text after an error of size, once more after joining the channel."""
        try:
            return await self._write(method, where, message)
        except DeliveryError as error:
            if is_size(error.code):
                log.warning("slack: sent as bare text", method=method, code=error.code)
                bare = message.bare_arguments(with_metadata="metadata" not in error.code)
                return await self._client.write(method, {**where, **bare}, posts=method == POST)
            if error.code != JOINABLE or not await self._joined(where["channel"]):
                raise
        return await self._write(method, where, message)

    async def _write(self, method: str, where: dict[str, Any], message: Message) -> dict[str, Any]:
        try:
            arguments = message.arguments()
        except BlocksError as error:
            raise DeliveryError(f"blocks: {error}", retryable=False, code="invalid_blocks") from error
        return await self._client.write(method, {**where, **arguments}, posts=method == POST)

    async def _joined(self, channel: str) -> bool:
        """Whether the bot could let itself in; private channels and missing scopes say no."""
        try:
            await self._client.write("conversations.join", {"channel": channel})
        except DeliveryError:
            return False
        return True


def _split(reference: str) -> tuple[str, str]:
    channel, _, ts = reference.partition("/")
    return channel, ts
