"""A stand-in Slack: the Web API methods that Sitrep calls and an incoming webhook, with Slack's limits and errors."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web

from tests.fakes.server import FakeServer
from tests.fakes.slack_answers import content_refusal, last_answer, missing_scope, ok, refuse, silence, stall
from tests.fakes.slack_messages import BOT, SlackMessage

READS = {"conversations.history", "conversations.replies", "conversations.info"}
WRITES = {"chat.postMessage", "chat.update", "chat.delete"}
LONGEST_TEXT, LONGEST_UPDATE = 40_000, 4_000


class FakeSlack(FakeServer):
    """`api_url` and `webhook_url` go into the settings. `fail_with` holds codes for the next calls of a method.

    `lose_answers = n`: the next n writes are stored, and their connections end without an answer.
    `fail_after`: the next writes have their effect and are answered with these statuses.
    `stalls`: writes get no answer while their caller waits, `before` or `after` they had their effect.
    `history_lags`: what was posted is not among the history yet. `private` channels need other scopes.
    `one_a_second`: 429 for a second post into a channel within a second.
    """

    def __init__(self, token: str = "xoxb-" + "test", channels: tuple[str, ...] = ("C0ONCALL",)) -> None:
        super().__init__()
        self.token = token
        self.channels = set(channels)
        self.archived: set[str] = set()
        self.not_joined: set[str] = set()
        self.joinable: set[str] = set()
        self.scopes = {"chat:write", "channels:history", "channels:read", "channels:join"}
        self.messages: list[SlackMessage] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fail_with: dict[str, list[str]] = {}
        self.called_at: list[tuple[float, str, str]] = []
        self.lose_answers = 0
        self.fail_after: deque[int] = deque()
        self.stalls: Literal["", "before", "after"] = ""
        self.stalled = asyncio.Event()
        self.history_lags = False
        self.private: set[str] = set()
        self.one_a_second = False
        self.rate_limited = 0
        self.retry_after = "7"
        self.locked_threads: set[str] = set()
        self.webhook_error: tuple[int, str] | None = None
        self.refuse_blocks = False
        self._posted_at: dict[str, float] = {}
        self._next_ts = 0

    def add_routes(self, router: web.UrlDispatcher) -> None:
        self.app.on_response_prepare.append(last_answer)
        router.add_route("*", "/api/{method}", self._api)
        router.add_post("/services/T0/B0/secret", self._webhook)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/services/T0/B0/secret"

    @property
    def heads(self) -> list[SlackMessage]:
        """What stands in channels, outside of threads."""
        return [message for message in self.messages if not message.deleted and not message.replies_to]

    def replies(self, ts: str) -> list[SlackMessage]:
        """What stands in one thread."""
        return [message for message in self.messages if not message.deleted and message.replies_to == ts]

    async def _api(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - one return a refusal
        method = request.match_info["method"]
        if self.rate_limited > 0:
            self.rate_limited -= 1
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=self._wait())
        arguments = await self._arguments(request, method)
        if arguments is None:
            return refuse("invalid_arguments")
        self.calls.append((method, arguments))
        self.called_at.append((time.monotonic(), method, str(arguments.get("channel", ""))))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return refuse("invalid_auth" if "Authorization" in request.headers else "not_authed")
        if self.fail_with.get(method):
            return refuse(self.fail_with[method].pop(0))
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        if handler is None:
            return refuse("unknown_method")
        if method in WRITES:
            return await self._written(request, lambda: handler(arguments))
        answer: web.Response = handler(arguments)
        return answer

    async def _written(self, request: web.Request, write: Callable[[], web.Response]) -> web.StreamResponse:
        if self.stalls == "before":
            self.stalled.set()
            await stall()
        answer = write()
        if self.stalls == "after":
            self.stalled.set()
            await stall()
        if self.fail_after:
            return web.Response(status=self.fail_after.popleft(), text="upstream error")
        if self.lose_answers > 0:
            self.lose_answers -= 1
            return await silence(request)
        return answer

    async def _arguments(self, request: web.Request, method: str) -> dict[str, Any] | None:
        """Reads take query or form arguments only, as Slack's do; writes take JSON."""
        if method in READS:
            return {**request.query, **(await request.post() if request.method == "POST" else {})}
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _wait(self) -> dict[str, str]:
        return {"Retry-After": self.retry_after} if self.retry_after else {}

    def _auth_test(self, _arguments: dict[str, Any]) -> web.Response:
        return web.json_response({"ok": True, "team": "Shop", "user": "sitrep", "team_id": "T0", "bot_id": BOT})

    def _conversations_info(self, arguments: dict[str, Any]) -> web.Response:
        lacking = self._lacks(arguments, "read")
        error = self._channel_error(arguments)
        return lacking or (refuse(error) if error else ok(channel={"id": arguments["channel"]}))

    def _conversations_join(self, arguments: dict[str, Any]) -> web.Response:
        channel = arguments.get("channel", "")
        if channel not in self.joinable:
            return refuse("method_not_supported_for_channel_type")
        self.not_joined.discard(channel)
        return ok(channel={"id": channel})

    def _chat_postMessage(self, arguments: dict[str, Any]) -> web.Response:  # noqa: N802 - Slack's spelling
        if "chat:write" not in self.scopes:
            return missing_scope("chat:write", self.scopes)
        error = self._channel_error(arguments, posting=True) or self._thread_error(arguments)
        if error:
            return refuse(error)
        refusal = content_refusal(arguments, LONGEST_TEXT)
        if refusal is not None:
            return refusal
        channel = arguments["channel"]
        if self.one_a_second and time.monotonic() - self._posted_at.get(channel, -9.0) < 1.0:
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"})
        self._posted_at[channel] = time.monotonic()
        message = self._store(channel, arguments)
        return ok(channel=channel, ts=message.ts, message=message.as_json(with_metadata=False))

    def _chat_update(self, arguments: dict[str, Any]) -> web.Response:
        error = self._channel_error(arguments, posting=True)
        message = self._find(arguments)
        if not error and (message is None or message.deleted):
            error = "message_not_found"
        elif not error and message is not None and message.by != BOT:
            error = "cant_update_message"
        if error:
            return refuse(error)
        refusal = content_refusal(arguments, LONGEST_UPDATE)
        if refusal is not None:
            return refusal
        assert message is not None
        message.edit(arguments)
        return ok(channel=message.channel, ts=message.ts, text=message.text)

    def _chat_delete(self, arguments: dict[str, Any]) -> web.Response:
        message = self._find(arguments)
        if message is None or message.deleted:
            return refuse("message_not_found")
        if message.by != BOT:
            return refuse("cant_delete_message")
        message.deleted = True
        return ok(channel=message.channel, ts=message.ts)

    def _conversations_history(self, arguments: dict[str, Any]) -> web.Response:
        lacking, error = self._lacks(arguments, "history"), self._channel_error(arguments, reading=True)
        if lacking or error:
            return lacking or refuse(error)
        found = [m for m in self.heads + self._broadcasts() if m.channel == arguments["channel"]]
        newest_first = sorted(found, key=lambda message: message.ts, reverse=True)
        return self._listing(newest_first, arguments)

    def _conversations_replies(self, arguments: dict[str, Any]) -> web.Response:
        lacking, error = self._lacks(arguments, "history"), self._channel_error(arguments, reading=True)
        parent = self._find(arguments)
        if not error and parent is None:
            error = "thread_not_found"
        if lacking or error or parent is None:
            return lacking or refuse(error)
        return self._listing([parent, *self.replies(parent.ts)], arguments)

    def _broadcasts(self) -> list[SlackMessage]:
        return [m for m in self.messages if m.replies_to and m.broadcast and not m.deleted]

    def _listing(self, messages: list[SlackMessage], arguments: dict[str, Any]) -> web.Response:
        start, size = int(arguments.get("cursor") or 0), min(int(arguments.get("limit", 100)), 999)
        with_metadata = arguments.get("include_all_metadata") == "true"
        recent = [m for m in messages if not self.history_lags and float(m.ts) >= float(arguments.get("oldest", 0))]
        page = [m.as_json(with_metadata=with_metadata) for m in recent[start : start + size]]
        more = str(start + size) if start + size < len(recent) else ""
        return ok(messages=page, has_more=bool(more), response_metadata={"next_cursor": more})

    def _lacks(self, arguments: dict[str, Any], deed: str) -> web.Response | None:
        """The refusal of a token that may not do this in a channel of this kind."""
        needed = f"{'groups' if arguments.get('channel') in self.private else 'channels'}:{deed}"
        return None if needed in self.scopes else missing_scope(needed, self.scopes)

    def _channel_error(self, arguments: dict[str, Any], *, posting: bool = False, reading: bool = False) -> str:
        channel = arguments.get("channel", "")
        if channel not in self.channels:
            return "channel_not_found"
        if posting and channel in self.archived:
            return "is_archived"
        return "not_in_channel" if (posting or reading) and channel in self.not_joined else ""

    def _thread_error(self, arguments: dict[str, Any]) -> str:
        thread_ts = arguments.get("thread_ts")
        if thread_ts is None:
            return ""
        parent = self._find({"channel": arguments["channel"], "ts": thread_ts})
        if parent is None or parent.replies_to:
            return "thread_not_found" if parent is None else "cannot_reply_to_message"
        return "restricted_action_thread_locked" if thread_ts in self.locked_threads else ""

    def _find(self, arguments: dict[str, Any]) -> SlackMessage | None:
        wanted = (arguments.get("channel"), arguments.get("ts"))
        return next((m for m in self.messages if (m.channel, m.ts) == wanted), None)

    def _store(self, channel: str, arguments: dict[str, Any]) -> SlackMessage:
        # Real seconds, so that `oldest` means what it does at Slack; the counter keeps them apart.
        self._next_ts += 1
        message = SlackMessage(
            channel=channel,
            ts=f"{int(time.time())}.{self._next_ts:06d}",
            text=arguments.get("text", ""),
            blocks=arguments.get("blocks") or [],
            metadata=arguments.get("metadata") or {},
            replies_to=arguments.get("thread_ts", ""),
            broadcast=bool(arguments.get("reply_broadcast")),
            arguments=arguments,
        )
        self.messages.append(message)
        return message

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        if self.webhook_error is not None:
            status, word = self.webhook_error
            return web.Response(status=status, text=word, headers=self._wait() if status == 429 else {})
        try:
            arguments = json.loads(await request.read())
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        self.calls.append(("webhook", arguments))
        if content_refusal(arguments, LONGEST_TEXT) is not None or (self.refuse_blocks and arguments.get("blocks")):
            return web.Response(status=400, text="invalid_blocks" if arguments.get("blocks") else "no_text")
        message = self._store("C0WEBHOOK", arguments)
        message.by_webhook = True
        if self.lose_answers > 0:
            self.lose_answers -= 1
            return await silence(request)
        return web.Response(text="ok")
