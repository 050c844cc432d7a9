"""`sitrep serve`: the embedded database if none is set, the schema, the server, and one screen that says so."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app import telemetry
from app.main import create_app
from app.settings import Settings, SettingsError, shown_url
from app.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from app.store.engine import DatabaseUrlError, StoreUnavailableError
from app.store.migrate import migrate
from app.store.revisions import SchemaError

GRACE_SECONDS = 20
MAX_HEADER_BYTES = 32 * 1024
KEEP_ALIVE_SECONDS = 75
HEAD_SECONDS = 10.0
EXAMPLE = Path("docs/example-alert.json")
HINTS = {
    "Kubernetes": "KUBECONFIG",
    "Prometheus": "SITREP_PROMETHEUS_URL",
    "log store": "SITREP_LOKI_URL, SITREP_VICTORIALOGS_URL or SITREP_ELASTICSEARCH_URL",
    "health probes": "SITREP_PROBES=on",
    "Slack": "SITREP_SLACK_TOKEN and SITREP_SLACK_CHANNEL",
    "PagerDuty": "SITREP_PAGERDUTY_TOKEN and SITREP_PAGERDUTY_FROM",
}


class ServeError(Exception):
    """Why it cannot start, in one line."""


def run(settings: Settings, role: str) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `ServeError`, `SettingsError`."""
    telemetry.configure_logging(settings.log_format)
    with _listening(settings) as listener, _database(settings, role) as database_url:
        config = uvicorn.Config(
            create_app(settings, database_url, role),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            http=PromptProtocol,
        )
        server = _Server(config, _screen(settings, role))
        server.run(sockets=[listener])
        if not server.started:
            raise ServeError("it did not start; the lines above say why")


class _Server(uvicorn.Server):
    """Says where it can be reached once it really can."""

    def __init__(self, config: uvicorn.Config, screen: str) -> None:
        super().__init__(config)
        self._screen = screen

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Both signals end the server; unlike its own way, they do not end the process before we have cleaned up."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._screen, flush=True)  # noqa: T201 - this is what `serve` says to a person


class PromptProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head is not whole in time, or too long: the server itself waits for ever.

    Whoever opens connections and trickles header lines holds only so many of them, and only for so long.
    """

    head_seconds = HEAD_SECONDS
    _head_due: asyncio.TimerHandle | None = None
    _head_bytes = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_due is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEADER_BYTES:
            self.transport.close()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        self._head_is_whole()
        super().on_headers_complete()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_whole()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_due is None:
            self._head_bytes = 0
            self._head_due = self.loop.call_later(self.head_seconds, self.transport.close)

    def _head_is_whole(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Take the port first: nothing else is worth starting without it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        place = f"{settings.host}:{settings.port}"
        raise ServeError(f"cannot listen on {place}: {error.strerror}; set SITREP_HOST or SITREP_PORT") from error
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def _database(settings: Settings, role: str) -> Iterator[str]:
    """The address of a migrated database; the embedded one lives as long as this process."""
    if settings.database_url:
        url = settings.database_url.read()
        _migrate(url)
        yield url
        return
    if role != "all":
        raise ServeError(f"role {role} needs SITREP_DATABASE_URL: the embedded database serves one process only")
    database = EmbeddedPostgres(settings.data_dir)
    try:
        url = database.start(settings.public_url)
    except EmbeddedPostgresError as error:
        raise ServeError(str(error)) from error
    try:
        _migrate(url)
        yield url
    finally:
        database.stop()


def _migrate(url: str) -> None:
    try:
        migrate(url)
    except DatabaseUrlError as error:
        raise SettingsError(f"SITREP_DATABASE_URL: {error}") from error
    except (StoreUnavailableError, SchemaError) as error:
        raise ServeError(f"the database cannot be used: {error}") from error


def _screen(settings: Settings, role: str) -> str:
    """Where it is, what is on, what to set next, and something to try."""
    address = f"http://{settings.host}:{settings.port}"
    sources = {
        "Kubernetes": _kubernetes_at(settings),
        "Prometheus": shown_url(settings.prometheus_url or ""),
        "log store": ", ".join(shown_url(url) for url in _log_stores(settings) if url),
        "health probes": "" if settings.probes == "off" else settings.probes,
    }
    notifiers = {
        "Slack": "on" if settings.slack_token else "by webhook" if settings.slack_webhook_url else "",
        "PagerDuty": "on" if settings.pagerduty_token else "",
    }
    parts = {**sources, **notifiers}
    lines = ["", f"  Sitrep {telemetry.version()} · {address} · role {role}", ""]
    lines += [f"  {name:<14} {state or 'off: set ' + HINTS[name]}" for name, state in parts.items()]
    if settings.clusters:
        lines.append(f"  {'more clusters':<14} {', '.join(settings.clusters)}")
    lines += [
        "",
        "  Check what is set:  sitrep doctor",
        "  Try it:",
        f"    {_curl(address)}",
        f"    open {address}/",
        "",
    ]
    return "\n".join(lines)


def _log_stores(settings: Settings) -> tuple[str | None, ...]:
    return (settings.loki_url, settings.victorialogs_url, settings.elasticsearch_url)


def _kubernetes_at(settings: Settings) -> str:
    if settings.kubernetes == "off":
        return ""
    if settings.kubeconfig or os.environ.get("KUBECONFIG"):
        return "by kubeconfig"
    return "in-cluster" if "KUBERNETES_SERVICE_HOST" in os.environ else ""


def _curl(address: str) -> str:
    return (
        f"curl -sS {address}/api/v1/webhooks/alertmanager -H 'Content-Type: application/json' --data-binary @{EXAMPLE}"
    )
