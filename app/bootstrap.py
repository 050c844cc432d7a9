"""The composition root: settings become connected objects, and an exit stack takes them apart again."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from uuid import UUID

from fastapi import Request

from app import registry
from app.api.auth import has_token, is_local
from app.api.context import ApiContext
from app.domain.incident import Incident
from app.gather.access import Access
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.source import Source, Watch, Watcher
from app.jobs.announce import Announcer
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
            opened = await _sources(settings, stack)
            watches = await _watches(opened, settings, store)
            journal = JournalSource(Changes(store), Watching(store), settings.cluster, is_watching=bool(watches))
            books = await asyncio.to_thread(Library, settings.playbooks_dir)
            stages = pipeline(settings, [*opened, journal], books)
            ways = stages.gatherer.ways
            dispatcher = Dispatcher(registry.notifiers(settings, _page_link(links)))
            stack.push_async_callback(dispatcher.aclose)
            deliveries = Deliveries(store, storms=settings.storm == "on")
            announcer = Announcer(Incidents(store), deliveries, dispatcher)
            enricher = Enricher(Enrichments(store), stages, announcer, queue, settings.budget_seconds)
            sender = Sender(Incidents(store), deliveries, dispatcher, Leases(store, holder=uuid7()))
            retention = Retention(store, sender.leases, timedelta(days=settings.retention_days))
            worker = Worker(store, enricher, sender, retention)
            keeper = JournalKeeper(journal.watching, sender.leases, settings.cluster, watches)
            worker.also(LOOK_EVERY_SECONDS, keeper.work)
            worker.also(LOOK_INTO_PLAYBOOKS_SECONDS, books.refresh)
        api = replace(_api(settings, store, queue), ways=ways, books=books)
        yield Sitrep(api, _web(settings, store, links), worker)


async def _sources(settings: Settings, stack: AsyncExitStack) -> list[Source]:
    """The sources that are on; the stack closes them."""
    opened = await registry.sources(settings)
    for source in opened:
        stack.push_async_callback(source.aclose)
    return opened


async def _watches(opened: list[Source], settings: Settings, store: Store) -> list[Watch]:
    """Every watch of every source that can be watched."""
    key = hashlib.blake2s(await link_key(store), person=b"journal").digest()
    return [watch for source in opened if isinstance(source, Watcher) for watch in source.watches(key, settings)]


def pipeline(settings: Settings, sources: list[Source], books: Library | None = None) -> Pipeline:
    """Gathering and judging, without a database; `books` are read anew where they are not kept."""
    books = books or Library(settings.playbooks_dir)
    planner = Planner(Questions(books), health_urls=settings.health_urls, probes=settings.probes == "on")
    gatherer = Gatherer(sources, planner, settings.source_deadline_seconds)
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
        signed_in=_signed_in(settings),
        takes_tokens=bool(settings.api_tokens),
    )


async def _link_key(settings: Settings, store: Store) -> Callable[[], bytes]:
    if settings.link_secret:
        return lambda: settings.link_secret.read().encode()
    key = await link_key(store)
    return lambda: key


def _page_link(links: Links) -> Callable[[Incident], str]:
    return lambda incident: links.sign(UUID(str(incident.id)))


def _signed_in(settings: Settings) -> Callable[[Request], bool]:
    """Who may see every page: an API token, whom a trusted proxy names, or this machine while no token is set."""
    proxies = [ip_network(text, strict=False) for text in settings.trusted_proxies]

    def signed_in(request: Request) -> bool:
        header = settings.trusted_proxy_header
        if header and request.headers.get(header) and _is_from(request, proxies):
            return True
        if settings.api_tokens:
            return has_token(request, settings.tokens(settings.api_tokens))
        return is_local(request)

    return signed_in


def _is_from(request: Request, networks: list[IPv4Network | IPv6Network]) -> bool:
    """Whether the connection itself comes from one of these; headers may say anything."""
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    # A socket for both families shows 10.0.0.1 as ::ffff:10.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((mapped or address) in network for network in networks)
