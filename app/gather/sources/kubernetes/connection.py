"""The way to the API server: raw bytes, a timeout on every request, and refusals in plain words."""

import asyncio
import importlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from app.domain.errors import SourceError
from app.gather.sources.kubernetes.cluster_shapes import ListMetadata, Page, Version
from app.gather.sources.kubernetes.kinds import KINDS, collection_path
from app.gather.sources.kubernetes.recent import Recent
from app.gather.sources.kubernetes.refusals import RefusedError, refused
from app.gather.sources.kubernetes.shapes import Thing
from app.gather.text import storable_json
from app.redact import redact

PAGE_SIZE = 500
MAX_PAGES = 10
MOST_CONNECTIONS = 1000
MAX_BYTES = 32 * 1024 * 1024
MAX_LINE_BYTES = 4 * 1024 * 1024
LONGEST_PAUSE_SECONDS = 5.0
# So long is not asked again for a kind that is not installed.
LACKS_SECONDS = 600.0
IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path, not a secret
ACCEPT = "application/json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET; `what` names it in refusals: "list events in shop"."""

    path: str
    what: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ThingPage:
    """One page of a list, the version of the cluster that it shows, and whether more follow."""

    things: list[Thing]
    version: str
    continues: bool


def listing(kind: str, namespace: str, params: tuple[tuple[str, str], ...]) -> Ask:
    """The question for all objects of a kind."""
    what = f"list {KINDS[kind].plural}" + (f" in {namespace}" if namespace else "")
    return Ask(collection_path(kind, namespace), what, params)


class Connection:
    """One API client for a cluster. GET only; nothing here can write.

    `namespaces`: those that may be read, where that is not all of them.
    """

    def __init__(self, client: Any, timeout_seconds: float) -> None:  # noqa: ANN401 - kubernetes_asyncio is untyped
        self._client = client
        self._timeout_seconds = timeout_seconds
        self.namespaces: tuple[str, ...] = ()
        self._recent: Recent[Ask] = Recent()
        self._lacking: dict[str, float] = {}

    @classmethod
    async def open(cls, *, context: str, config_file: str | None, timeout_seconds: float) -> "Connection | None":
        """Connect in-cluster or by kubeconfig; None where there is neither. Raises `SourceError`.

        The import costs seconds, so it happens here, in a thread.
        """
        chosen = config_file or os.environ.get("KUBECONFIG", "")
        in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ and Path(IN_CLUSTER_TOKEN).exists()  # noqa: ASYNC240 - once
        if context and not chosen:
            # In the cluster that we run in, its own API server would answer for another.
            raise SourceError(f"context {context[:100]} is set, and there is no kubeconfig to find it in")
        if not chosen and not in_cluster:
            return None
        library = await asyncio.to_thread(importlib.import_module, "kubernetes_asyncio")
        configuration = type.__call__(library.client.Configuration)
        # Each watch holds one, and with Roles there is a watch for each kind in each namespace.
        configuration.connection_pool_maxsize = MOST_CONNECTIONS
        try:
            if chosen:
                await library.config.load_kube_config(
                    config_file=chosen,
                    context=context or None,
                    client_configuration=configuration,
                    persist_config=False,
                )
            else:
                library.config.load_incluster_config(client_configuration=configuration)
        except _config_errors(library) as error:
            raise SourceError(f"kubeconfig is not usable: {redact(str(error))[:160]}") from error
        return cls(library.client.ApiClient(configuration), timeout_seconds)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._recent.aclose()
        await self._client.close()

    def lacks(self, kind: str) -> bool:
        """Whether the cluster was found not to know this kind, in the last ten minutes."""
        return time.monotonic() - self._lacking.get(kind, -LACKS_SECONDS) < LACKS_SECONDS

    def found_lacking(self, kind: str) -> None:
        """Remember that this kind is not installed."""
        self._lacking[kind] = time.monotonic()

    async def get(self, ask: Ask) -> bytes:
        """The body of a 200, at most 5 s old. Raises `SourceError`; a 429 is asked once more after its Retry-After."""
        return await self._recent.get(ask, lambda: self._get(ask))

    async def _get(self, ask: Ask) -> bytes:
        status, headers, body = await self._exchange(ask)
        if status == 429:  # noqa: PLR2004 - an HTTP status
            await asyncio.sleep(_pause_seconds(headers))
            status, headers, body = await self._exchange(ask)
        if status != 200:  # noqa: PLR2004 - an HTTP status
            raise refused(ask.what, status, body)
        return body

    async def get_object(self, kind: str, path: str, what: str) -> Thing:
        """One object in its kind's shape."""
        return decoded(await self.get(Ask(path, what)), KINDS[kind].shape)

    async def list_objects(
        self, kind: str, namespace: str, params: tuple[tuple[str, str], ...] = ()
    ) -> tuple[list[Thing], bool]:
        """Objects of a kind, and whether there were more than the pages that are read.

        Without a namespace those of all namespaces, or of each that may be read.
        """
        if namespace or not (self.namespaces and KINDS[kind].namespaced):
            return await self._list(kind, namespace, params)
        found = [await self._list(kind, one, params) for one in self.namespaces]
        return [thing for things, _ in found for thing in things], any(cut for _, cut in found)

    async def _list(self, kind: str, namespace: str, params: tuple[tuple[str, str], ...]) -> tuple[list[Thing], bool]:
        things: list[Thing] = []
        ask = listing(kind, namespace, (("limit", str(PAGE_SIZE)), *params))
        read, whole = 0, False
        async with aclosing(self.pages(ask, KINDS[kind].shape)) as pages:
            async for page in pages:
                things.extend(page.things)
                read, whole = read + 1, not page.continues
                if read == MAX_PAGES:
                    break
        return things, not whole

    async def pages(self, ask: Ask, shape: type[Thing], *, fresh: bool = False) -> AsyncGenerator["ThingPage"]:
        """All pages of a list, one after the other; `fresh`: as of now. Raises `SourceError`."""
        token = ""
        while True:
            page = await self._page(ask, token, self._get if fresh else self.get)
            if page.items is None:
                raise SourceError(f"{ask.what}: the answer is not a Kubernetes list")
            metadata = page.metadata or ListMetadata()
            token = metadata.continue_ or ""
            things = [decoded(raw, shape) for raw in page.items]
            yield ThingPage(things, metadata.resource_version or "", continues=bool(token))
            if not token:
                return

    async def begin(self, ask: Ask) -> None:
        """Ask for an answer that goes on, and leave as soon as it begins. Raises `SourceError`."""
        with _in_plain_words(self._timeout_seconds):
            response = await self._call(ask, self._timeout_seconds)
            try:
                if response.status != 200:  # noqa: PLR2004 - an HTTP status
                    raise refused(ask.what, response.status, await _read(response))
            finally:
                response.close()

    async def lines(self, ask: Ask, seconds: float) -> AsyncGenerator[bytes]:
        """The lines of an answer that goes on for so long at most. Raises `SourceError`."""
        with _in_plain_words(seconds):
            response = await self._call(ask, seconds)
            try:
                if response.status != 200:  # noqa: PLR2004 - an HTTP status
                    raise refused(ask.what, response.status, await _read(response))
                async for line in _lines(response):
                    yield line
            finally:
                response.close()

    async def version(self) -> str:
        """What the API server calls its version."""
        return decoded(await self.get(Ask("/version", "read the version")), Version).git_version

    async def _page(self, ask: Ask, token: str, get: Callable[[Ask], Awaitable[bytes]]) -> Page:
        """One page. A token that grew too old comes with a fresh one, for a list that may miss what just changed."""
        try:
            return decoded(await get(_continued(ask, token)), Page)
        except RefusedError as error:
            if error.status != 410 or not error.fresh_token:  # noqa: PLR2004 - an HTTP status
                raise
            return decoded(await get(_continued(ask, error.fresh_token)), Page)

    async def _exchange(self, ask: Ask) -> tuple[int, Mapping[str, str], bytes]:
        with _in_plain_words(self._timeout_seconds):
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._call(ask, self._timeout_seconds)
                try:
                    return response.status, response.headers, await _read(response)
                finally:
                    response.release()

    async def _call(self, ask: Ask, seconds: float) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self._client.call_api(
            ask.path,
            "GET",
            query_params=list(ask.params),
            header_params={"Accept": ACCEPT},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=seconds,
        )
        return response


@contextmanager
def _in_plain_words(seconds: float) -> Iterator[None]:
    """What breaks on the way becomes a `SourceError`."""
    try:
        yield
    except TimeoutError as error:
        raise SourceError(f"no answer in {seconds:g} s", source_is_sick=True) from error
    except aiohttp.ClientConnectorDNSError as error:
        raise SourceError("host name of the API server not found", source_is_sick=True) from error
    except aiohttp.ClientSSLError as error:
        raise SourceError("TLS handshake with the API server failed", source_is_sick=True) from error
    except aiohttp.ClientConnectorError as error:
        raise SourceError("API server refused the connection", source_is_sick=True) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SourceError(f"connection broke ({type(error).__name__})", source_is_sick=True) from error


def _config_errors(library: Any) -> tuple[type[Exception], ...]:  # noqa: ANN401 - kubernetes_asyncio is untyped
    """What a missing, broken or incomplete kubeconfig makes the library raise."""
    broken_yaml: type[Exception] = library.config.kube_config.yaml.YAMLError
    incomplete: type[Exception] = library.config.ConfigException
    return (broken_yaml, incomplete, OSError, ValueError, KeyError, TypeError, AttributeError)


def _continued(ask: Ask, token: str) -> Ask:
    return replace(ask, params=(*ask.params, ("continue", token))) if token else ask


def decoded(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    """What the API sent, in this shape. Raises `SourceError`."""
    try:
        # A raw item is part of a page that went this way.
        return msgspec.json.decode(storable_json(body) if isinstance(body, bytes) else body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("the answer is not what the Kubernetes API sends") from error


async def _lines(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    rest = b""
    async for chunk in response.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise SourceError(f"a line of more than {MAX_LINE_BYTES // 1024 // 1024} MiB")
        for line in whole:
            if line.strip():
                yield line


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_BYTES:
            raise SourceError(f"an answer of more than {MAX_BYTES // 1024 // 1024} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _pause_seconds(headers: Mapping[str, str]) -> float:
    try:
        return min(max(float(headers.get("Retry-After", "1")), 0.0), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return 1.0
