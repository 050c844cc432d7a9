"""The table of everything plugged in; each entry is a factory that imports its part when it is called."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module

from app.analyze.detector import Detector
from app.domain.errors import SourceError
from app.domain.query import KUBERNETES_QUERIES
from app.gather.source import BrokenSource, Source
from app.ingest.sender import Sender
from app.notify.notifier import Links, Notifier
from app.settings import Settings

DETECTORS = (
    "oom_kill:OomKill",
    "crash_loop:CrashLoop",
    "image_pull:ImagePull",
    "missing_config:MissingConfig",
    "scheduling:Scheduling",
    "admission:Admission",
    "storage:Storage",
    "probes:Probes",
    "nodes:Nodes",
    "evictions:Evictions",
    "health:Health",
    "rollout:Rollout",
    "log_errors:LogErrors",
    "symptoms:Symptoms",
    "services:Services",
    "autoscalers:Autoscalers",
)


async def _kubernetes(settings: Settings) -> Source | None:
    if settings.kubernetes == "off":
        return None
    connection = import_module("app.gather.sources.kubernetes.connection").Connection
    try:
        opened = await connection.open(
            context=settings.kubernetes_context,
            config_file=str(settings.kubeconfig or ""),
            timeout_seconds=settings.source_deadline_seconds,
        )
    except SourceError as error:
        return BrokenSource("kubernetes", str(error), KUBERNETES_QUERIES)
    if opened is None:
        return None
    opened.namespaces = tuple(settings.kubernetes_namespaces)
    made = import_module("app.gather.sources.kubernetes.source").KubernetesSource
    source: Source = made(opened, pod_logs=settings.kubernetes_pod_logs == "on")
    return source


async def _prometheus(settings: Settings) -> Source | None:
    if settings.prometheus_url is None:
        return None
    source: Source = import_module("app.gather.sources.prometheus").PrometheusSource(settings)
    return source


async def _loki(settings: Settings) -> Source | None:
    if settings.loki_url is None:
        return None
    source: Source = import_module("app.gather.sources.loki").LokiSource(settings)
    return source


async def _victorialogs(settings: Settings) -> Source | None:
    if settings.victorialogs_url is None:
        return None
    source: Source = import_module("app.gather.sources.victorialogs").VictoriaLogsSource(settings)
    return source


async def _elasticsearch(settings: Settings) -> Source | None:
    if settings.elasticsearch_url is None:
        return None
    source: Source = import_module("app.gather.sources.elasticsearch").ElasticsearchSource(settings)
    return source


async def _probe(settings: Settings) -> Source | None:
    if settings.probes == "off" or (settings.probes == "listed" and not settings.health_urls):
        return None
    source: Source = import_module("app.gather.sources.probe").ProbeSource(settings)
    return source


SOURCES: dict[str, Callable[[Settings], Awaitable[Source | None]]] = {
    "kubernetes": _kubernetes,
    "prometheus": _prometheus,
    "loki": _loki,
    "victorialogs": _victorialogs,
    "elasticsearch": _elasticsearch,
    "probe": _probe,
}


def _slack(settings: Settings, links: Links) -> Notifier | None:
    if not settings.slack_token:
        return None
    notifier: Notifier = import_module("app.notify.notifiers.slack.bot").SlackNotifier(settings, links)
    return notifier


def _slack_webhook(settings: Settings, links: Links) -> Notifier | None:
    if settings.slack_token or not settings.slack_webhook_url:
        return None
    notifier: Notifier = import_module("app.notify.notifiers.slack.webhook").SlackWebhookNotifier(settings, links)
    return notifier


def _pagerduty(settings: Settings, links: Links) -> Notifier | None:
    if not settings.pagerduty_token:
        return None
    notifier: Notifier = import_module("app.notify.notifiers.pagerduty").PagerDutyNotifier(settings, links)
    return notifier


NOTIFIERS: dict[str, Callable[[Settings, Links], Notifier | None]] = {
    "slack": _slack,
    "slack_webhook": _slack_webhook,
    "pagerduty": _pagerduty,
}


def _alertmanager() -> Sender:
    sender: Sender = import_module("app.ingest.senders.alertmanager").AlertmanagerSender()
    return sender


def _grafana() -> Sender:
    sender: Sender = import_module("app.ingest.senders.grafana").GrafanaSender()
    return sender


SENDERS: dict[str, Callable[[], Sender]] = {"alertmanager": _alertmanager, "grafana": _grafana}


async def sources(settings: Settings) -> list[Source]:
    """Every source that the settings turn on, connected at once."""
    opened = await asyncio.gather(*(factory(settings) for factory in SOURCES.values()))
    return [source for source in opened if source is not None]


async def clusters(settings: Settings) -> dict[str, list[Source]]:
    """The sources of each cluster by its name; an empty name where there is one cluster and nobody named it."""
    by_cluster = settings.by_cluster()
    opened = await asyncio.gather(*(sources(own) for own in by_cluster.values()))
    return dict(zip(by_cluster, opened, strict=True))


def notifiers(settings: Settings, links: Links) -> list[Notifier]:
    """Every way to people that the settings turn on."""
    made = (factory(settings, links) for factory in NOTIFIERS.values())
    return [notifier for notifier in made if notifier is not None]


def senders() -> dict[str, Sender]:
    """Every sender by name."""
    return {name: factory() for name, factory in SENDERS.items()}


def detectors() -> list[Detector]:
    """Every detector, in the order of the table."""
    made: list[Detector] = []
    for path in DETECTORS:
        module, _, name = path.partition(":")
        made.append(getattr(import_module(f"app.analyze.detectors.{module}"), name)())
    return made
