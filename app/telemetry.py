"""How Sitrep is seen from outside: logs without secrets, and metrics with bounded labels (docs/metrics.md)."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Generic, Literal, TextIO, TypeVar

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector
from structlog.typing import EventDict, Processor

from app.redact import counts, redact, redact_value

LogFormat = Literal["auto", "console", "json"]
# Their debug lines carry tokens and bodies, their info lines one line for each request.
QUIET_LIBRARIES = (
    "aiohttp",
    "alembic",
    "asyncio",
    "httpcore",
    "httpx",
    "kubernetes_asyncio",
    "procrastinate",
    "slack_sdk",
    "sqlalchemy",
    "urllib3",
)
MAX_LABEL_SETS = 64
# Sources of as many clusters as the settings may name; no cluster that only an alert names is among them.
MAX_SOURCES = 512
OVERFLOW = "other"
_MAX_DEPTH = 4
_PLAIN_KEYS = frozenset({"timestamp", "level"})

MetricT = TypeVar("MetricT", bound=MetricWrapperBase)


class Labelled(Generic[MetricT]):
    """A metric with labels: each set is bound once, and what passes the bound counts as `other`.

    A label value may come from outside in the end; an endless number of series would take down the Prometheus
    that we are there to help.
    """

    def __init__(self, metric: MetricT, most: int = MAX_LABEL_SETS) -> None:
        self._metric = metric
        self._most = most
        self._bound: dict[tuple[str, ...], MetricT] = {}

    def labels(self, *values: str) -> MetricT:
        """The series of these label values, in the order of docs/metrics.md."""
        series = self._bound.get(values)
        if series is None:
            if len(self._bound) >= self._most:
                return self._metric.labels(*(OVERFLOW for _ in values))
            series = self._bound[values] = self._metric.labels(*values)
        return series


class _Redactions(Collector):
    """Redaction counts for itself, as it knows no telemetry."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily("sitrep_redactions", "Secrets taken out of text", labels=["kind"])
        for kind, count in sorted(counts().items()):
            family.add_metric([kind], count)
        yield family


# Half as many series, and nobody asks when a counter was made.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library left it so
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
REGISTRY.register(_Redactions())


def _counter(name: str, text: str, *labels: str) -> Labelled[Counter]:
    return Labelled(Counter(name, text, labels, registry=REGISTRY))


ALERTS_ACCEPTED = _counter("sitrep_alerts_accepted", "Alerts that were committed", "sender")
POSTS = _counter("sitrep_posts", "Webhook posts by what became of them", "sender", "outcome")
REJECTED = _counter("sitrep_rejected_payloads", "Payloads, or alerts in one, that could not be read", "sender")
WATCHDOG_LAST_SEEN = Gauge(
    "sitrep_watchdog_last_seen_timestamp_seconds", "When the Watchdog alert last came", registry=REGISTRY
)
WEBHOOK_LAST_SEEN = Gauge(
    "sitrep_webhook_last_seen_timestamp_seconds", "When a post was last accepted", registry=REGISTRY
)
# From zero, "nothing came for an hour" would be true at every start.
WATCHDOG_LAST_SEEN.set_to_current_time()
WEBHOOK_LAST_SEEN.set_to_current_time()
ACCEPT_SECONDS = Histogram(
    "sitrep_accept_seconds",
    "From a post's first byte to its commit",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
GATHER_SECONDS = Labelled(
    Histogram(
        "sitrep_gather_seconds",
        "How long one source took for one question",
        ("source", "cluster"),
        buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 6, 8, 10, 15, 30),
        registry=REGISTRY,
    ),
    MAX_SOURCES,
)
GAPS = Labelled(
    Counter("sitrep_gaps", "Questions that nobody answered", ("source", "cluster"), registry=REGISTRY), MAX_SOURCES
)
ENRICHMENTS = _counter("sitrep_enrichments", "Enrichments by how they ended", "outcome")
ANNOUNCED_AFTER_SECONDS = Histogram(
    "sitrep_first_message_seconds",
    "From the first alert's receipt to the incident's first message",
    buckets=(0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 30, 60, 120),
    registry=REGISTRY,
)
DELIVERIES = _counter("sitrep_deliveries", "Sends by what became of them", "notifier", "outcome")
DELIVERIES_PARKED = Labelled(
    Gauge(
        "sitrep_deliveries_parked", "Messages that only a person can get going again", ("notifier",), registry=REGISTRY
    )
)
SOURCE_BREAKER_OPEN = Labelled(
    Gauge(
        "sitrep_source_breaker_open",
        "1 while a source that keeps failing is left alone",
        ("source", "cluster"),
        registry=REGISTRY,
    ),
    MAX_SOURCES,
)
CHANGES_SEEN = _counter("sitrep_changes_seen", "Changes of the cluster that the journal took in", "kind")
PLAYBOOKS_REFUSED = Gauge(
    "sitrep_playbooks_refused", "Faults in the team's playbooks, for which an older version is used", registry=REGISTRY
)
STORMS = Gauge("sitrep_storms", "Storms that rage, each told in one message", registry=REGISTRY)
INCIDENTS_PARKED = Gauge(
    "sitrep_incidents_parked", "Incidents that could not be looked into and were given up", registry=REGISTRY
)
JOBS_BEHIND = Gauge("sitrep_jobs_behind", "Jobs that are due and not started", registry=REGISTRY)


def version() -> str:
    """The installed version; `unknown` where it runs from a bare folder."""
    try:
        return metadata.version("sitrep")
    except metadata.PackageNotFoundError:
        return "unknown"


Info("sitrep_build", "What runs here", registry=REGISTRY).info({"version": version()})


@contextmanager
def log_context(**names: str) -> Iterator[None]:
    """Put these names (`request_id`, `incident_id`, `job_id`) into every log line that is written meanwhile."""
    with structlog.contextvars.bound_contextvars(**names):
        yield


def configure_logging(log_format: LogFormat = "auto", stream: TextIO | None = None) -> None:
    """Send our lines and those of every library through one door: redacted, one format, on stderr.

    May be called again; the last call wins.
    """
    target = stream or sys.stderr
    console = log_format == "console" or (log_format == "auto" and target.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # The traceback becomes text first: an exception's message carries URLs and rows.
                structlog.processors.format_exc_info,
                _redact_event,
                _console(target) if console else structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    _install(handler)


def _console(target: TextIO) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _Handler(logging.StreamHandler[TextIO]):
    """A handler whose own failures do not print the arguments of the line that failed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self.stream.write(f"a log line of {record.name} could not be written\n")


def _install(handler: logging.Handler) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        # Any other stream handler would print the same lines unredacted.
        if isinstance(old, _Handler) or type(old) is logging.StreamHandler:
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _redact_event(_logger: object, _method: str, event: EventDict) -> EventDict:
    return {key: value if key in _PLAIN_KEYS else _redacted(key, value, _MAX_DEPTH) for key, value in event.items()}


def _redacted(name: str, value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever somebody logged
    if isinstance(value, str):
        return redact_value(name, value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth and isinstance(value, Mapping):
        return {redact(str(key)): _redacted(str(key), part, depth - 1) for key, part in value.items()}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(name, part, depth - 1) for part in value]
    # An object would be printed by its repr after this point.
    return redact_value(name, str(value))
