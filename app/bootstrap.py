"""The composition root: settings become connected objects, and an exit stack takes them apart again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from fastapi import Request

from app import registry
from app.api.auth import granted, is_local
from app.api.context import ApiContext
from app.domain.incident import Incident
from app.domain.log_budget import Meter
from app.domain.scope import EVERYTHING, Scope
from app.gather.access import Access
from app.gather.gatherer import Gatherer
from app.gather.logs.allowance import MemoryMeter
from app.gather.planner import Planner
from app.gather.source import Source, Watch, Watcher
from app.jobs.announce import Announcer
from app.jobs.crew import COUNT_EVERY_SECONDS, Crew
from app.jobs.deliver import Sender
from app.jobs.enrich import Enricher
from app.jobs.retention import Retention
from app.jobs.worker import Worker
from app.journal.keeper import LOOK_EVERY_SECONDS, JournalKeeper
from app.journal.source import JournalSource
from app.notify.dispatcher import Dispatcher
from app.pipeline import Pipeline
from app.playbooks.guidance import Guide
from app.playbooks.library import LOOK_EVERY_SECONDS as LOOK_INTO_PLAYBOOKS_SECONDS
from app.playbooks.library import Library
from app.playbooks.questions import Questions
from app.settings import Settings
from app.store.acceptance import Acceptance
from app.store.asking import Asking
from app.store.changes import Changes
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.enrichment import Enrichments
from app.store.heartbeats import Heartbeats
from app.store.identity import uuid7
from app.store.incidents import Incidents
from app.store.installation import link_key
from app.store.leases import Leases
from app.store.log_bytes import LogBytes
from app.store.queue import Queue
from app.store.rejections import Rejections
from app.store.search import Search
from app.store.watching import Watching
from app.web.links import Links
from app.web.pages import WebContext


@dataclass(frozen=True, slots=True)
class Sitrep:
    """All connected parts of one process; `worker` is None in the role `api`."""

    api: ApiContext
    web: WebContext
    worker: Worker | None


@dataclass(frozen=True, slots=True)
class _Journal:
    """What is written of one cluster, and what there is to watch in it."""

    cluster: str
    source: JournalSource
    watches: list[Watch]


@asynccontextmanager
async def connected(settings: Settings, database_url: str, role: str) -> AsyncIterator[Sitrep]:
    """Connect everything that `role` (api, worker, all) needs; the database must be migrated."""
    async with AsyncExitStack() as stack:
        store = Store(database_url)
        stack.push_async_callback(store.aclose)
        queue = Queue(store)
        await queue.open()
        stack.push_async_callback(queue.aclose)
        links = Links(settings.public_url, await _link_key(settings, store))
        worker: Worker | None = None
        ways: tuple[Access, ...] = ()
        books: Library | None = None
        if role != "api":
            clusters = await opened(settings, stack)
            journals = await _journals(clusters, settings, store)
            sources = {name: [*own, journals[name].source] for name, own in clusters.items()}
            books = await asyncio.to_thread(Library, settings.playbooks_dir)
            stages = pipeline(settings, sources, LogBytes(store, settings.log_budget()), books)
            ways = stages.gatherer.ways
            dispatcher = Dispatcher(registry.notifiers(settings, _page_link(links)))
            stack.push_async_callback(dispatcher.aclose)
            deliveries = Deliveries(store, storms=settings.storm == "on")
            announcer = Announcer(Incidents(store), deliveries, dispatcher)
            enricher = Enricher(Enrichments(store), stages, announcer, queue, settings.budget_seconds)
            sender = Sender(Incidents(store), deliveries, dispatcher, Leases(store, holder=uuid7()))
            retention = Retention(store, sender.leases, timedelta(days=settings.retention_days))
            worker = Worker(store, enricher, sender, retention)
            for one in journals.values():
                keeper = JournalKeeper(one.source.watching, sender.leases, one.cluster, one.watches)
                worker.also(LOOK_EVERY_SECONDS, keeper.work)
            worker.also(COUNT_EVERY_SECONDS, Crew(sender.leases, ways).work)
            worker.also(LOOK_INTO_PLAYBOOKS_SECONDS, books.refresh)
        api = replace(_api(settings, store, queue), ways=ways, books=books)
        yield Sitrep(api, _web(settings, store, links), worker)


async def opened(settings: Settings, stack: AsyncExitStack) -> dict[str, list[Source]]:
    """The sources of each cluster that are on; the stack closes them."""
    clusters = await registry.clusters(settings)
    for source in (source for own in clusters.values() for source in own):
        stack.push_async_callback(source.aclose)
    return clusters


async def _journals(clusters: Mapping[str, Sequence[Source]], settings: Settings, store: Store) -> dict[str, _Journal]:
    """The journal of each cluster, with every watch of every source that can be watched."""
    key = hashlib.blake2s(await link_key(store), person=b"journal").digest()
    journals = {}
    for name, own in settings.by_cluster().items():
        watchers = [source for source in clusters[name] if isinstance(source, Watcher)]
        watches = [watch for source in watchers for watch in source.watches(key, own)]
        source = JournalSource(Changes(store), Watching(store), own.cluster, is_watching=bool(watches))
        journals[name] = _Journal(own.cluster, source, watches)
    return journals


def pipeline(
    settings: Settings,
    sources: Sequence[Source] | Mapping[str, Sequence[Source]],
    meter: Meter | None = None,
    books: Library | None = None,
) -> Pipeline:
    """Gathering and judging; without a database this process counts by itself what is read from log stores."""
    books = books or Library(settings.playbooks_dir)
    planner = Planner(Questions(books), health_urls=settings.every_health_url())
    meter = meter or MemoryMeter(settings.log_budget())
    gatherer = Gatherer(sources, planner, settings.source_deadline_seconds, meter)
    return Pipeline(gatherer, registry.detectors(), Guide(books))


def _api(settings: Settings, store: Store, queue: Queue) -> ApiContext:
    return ApiContext(
        settings=settings,
        store=store,
        senders=registry.senders(),
        acceptance=Acceptance(
            store, queue.enqueue, timedelta(minutes=settings.reopen_minutes), stories=settings.storm == "on"
        ),
        rejections=Rejections(store),
        heartbeats=Heartbeats(store),
        incidents=Incidents(store),
        asking=Asking(store, queue.enqueue),
        search=Search(store),
        changes=Changes(store),
    )


def _web(settings: Settings, store: Store, links: Links) -> WebContext:
    return WebContext(
        incidents=Incidents(store),
        search=Search(store),
        rejections=Rejections(store),
        links=links,
        sees=_sees(settings),
        takes_tokens=bool(settings.api_tokens),
    )


async def _link_key(settings: Settings, store: Store) -> Callable[[], bytes]:
    if settings.link_secret:
        return lambda: settings.link_secret.read().encode()
    key = await link_key(store)
    return lambda: key


def _page_link(links: Links) -> Callable[[Incident], str]:
    return lambda incident: links.sign(UUID(str(incident.id)), scope=incident.scope)


def _sees(settings: Settings) -> Callable[[Request], Scope | None]:
    """Who may see pages: an API token its own, whom a trusted proxy names, or this machine while no token is set."""
    proxies = [ip_network(text, strict=False) for text in settings.trusted_proxies]

    def sees(request: Request) -> Scope | None:
        header = settings.trusted_proxy_header
        if header and request.headers.get(header) and _is_from(request, proxies):
            return EVERYTHING
        if settings.api_tokens:
            return granted(request, settings.grants())
        return EVERYTHING if is_local(request) else None

    return sees


def _is_from(request: Request, networks: list[IPv4Network | IPv6Network]) -> bool:
    """Whether the connection itself comes from one of these; headers may say anything."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    # A socket for both families shows 10.0.0.1 as ::ffff:10.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((mapped or address) in network for network in networks)
