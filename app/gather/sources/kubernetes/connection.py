"""The way to the API server: raw bytes, a timeout on every request, and refusals in plain words."""

import asyncio
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from app.domain.errors import SourceError
from app.gather.http_answer import SICK_STATUS
from app.gather.sources.kubernetes.cluster_shapes import Page, Status, Version
from app.gather.sources.kubernetes.kinds import KINDS, collection_path
from app.gather.sources.kubernetes.recent import Recent
from app.gather.sources.kubernetes.shapes import Thing
from app.gather.text import storable_json
from app.redact import redact

PAGE_SIZE = 500
MAX_PAGES = 10
MAX_BYTES = 32 * 1024 * 1024
LONGEST_PAUSE_SECONDS = 5.0
IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path, not a secret
ACCEPT = "application/json"
T = TypeVar("T")


class RefusedError(SourceError):
    """An answer other than 200: `status` and what the API says about it, redacted."""

    def __init__(self, sentence: str, status: int, said: str = "", *, reason: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.said = said
        self.reason = reason
        self.fresh_token = ""

    @property
    def object_missing(self) -> bool:
        """The API answered, and there is no such object."""
        return self.status == 404 and self.reason == "NotFound"  # noqa: PLR2004 - an HTTP status


KUBELET_AWAY = "kubelet of its node cannot be reached"


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET; `what` names it in refusals: "list events in shop"."""

    path: str
    what: str
    params: tuple[tuple[str, str], ...] = ()


class Connection:
    """One API client for a cluster. GET only; nothing here can write.

    `namespaces`: those that may be read, where that is not all of them.
    """

    def __init__(self, client: Any, timeout_seconds: float) -> None:  # noqa: ANN401 - kubernetes_asyncio is untyped
        self._client = client
        self._timeout_seconds = timeout_seconds
        self.namespaces: tuple[str, ...] = ()
        self._recent: Recent[Ask] = Recent()

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

    async def get(self, ask: Ask) -> bytes:
        """The body of a 200, at most 5 s old. Raises `SourceError`; a 429 is asked once more after its Retry-After."""
        return await self._recent.get(ask, lambda: self._get(ask))

    async def _get(self, ask: Ask) -> bytes:
        status, headers, body = await self._exchange(ask)
        if status == 429:  # noqa: PLR2004 - an HTTP status
            await asyncio.sleep(_pause_seconds(headers))
            status, headers, body = await self._exchange(ask)
        if status != 200:  # noqa: PLR2004 - an HTTP status
            raise _refused(ask, status, body)
        return body

    async def get_object(self, kind: str, path: str, what: str) -> Thing:
        """One object in its kind's shape."""
        return _decoded(await self.get(Ask(path, what)), KINDS[kind].shape)

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
        path = collection_path(kind, namespace)
        what = f"list {KINDS[kind].plural}" + (f" in {namespace}" if namespace else "")
        shape = KINDS[kind].shape
        things: list[Thing] = []
        token = ""
        for _ in range(MAX_PAGES):
            page = await self._page(Ask(path, what, (("limit", str(PAGE_SIZE)), *params)), token)
            if page.items is None:
                raise SourceError(f"{what}: the answer is not a Kubernetes list")
            things.extend(_decoded(raw, shape) for raw in page.items)
            token = (page.metadata.continue_ if page.metadata else None) or ""
            if not token:
                return things, False
        return things, True

    async def version(self) -> str:
        """What the API server calls its version."""
        return _decoded(await self.get(Ask("/version", "read the version")), Version).git_version

    async def _page(self, ask: Ask, token: str) -> Page:
        """One page. A token that grew too old comes with a fresh one, for a list that may miss what just changed."""
        try:
            return _decoded(await self.get(_continued(ask, token)), Page)
        except RefusedError as error:
            if error.status != 410 or not error.fresh_token:  # noqa: PLR2004 - an HTTP status
                raise
            return _decoded(await self.get(_continued(ask, error.fresh_token)), Page)

    async def _exchange(self, ask: Ask) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._client.call_api(
                    ask.path,
                    "GET",
                    query_params=list(ask.params),
                    header_params={"Accept": ACCEPT},
                    auth_settings=["BearerToken"],
                    _preload_content=False,
                    _request_timeout=self._timeout_seconds,
                )
                try:
                    return response.status, response.headers, await _read(response)
                finally:
                    response.release()
        except TimeoutError as error:
            raise SourceError(f"no answer in {self._timeout_seconds:g} s", source_is_sick=True) from error
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


def _decoded(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    try:
        # A raw item is part of a page that went this way.
        return msgspec.json.decode(storable_json(body) if isinstance(body, bytes) else body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError("the answer is not what the Kubernetes API sends") from error


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


def _refused(ask: Ask, status: int, body: bytes) -> RefusedError:
    answer = _status(body)
    said, reason = redact(answer.message or "")[:300], answer.reason or ""
    error = RefusedError(_sentence(ask, status, said), status, said, reason=reason)
    about_a_node = error.args[0].startswith(KUBELET_AWAY)
    error.source_is_sick = status in SICK_STATUS or (status >= 500 and not about_a_node)  # noqa: PLR2004 - HTTP
    error.fresh_token = (answer.metadata.continue_ if answer.metadata else None) or ""
    return error


def _status(body: bytes) -> Status:
    try:
        answer = msgspec.json.decode(storable_json(body), type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Status()  # a proxy's page or plain text: the status alone speaks
    return answer if answer.kind == "Status" else Status()


def _sentence(ask: Ask, status: int, said: str) -> str:
    sentences = {
        401: "token refused (401)",
        403: f"no permission to {ask.what} (403)",
        404: f"{ask.what}: not found (404)",
        429: "API server is overloaded (429)",
    }
    if status in sentences:
        return sentences[status]
    if "10250" in said or "dial tcp" in said:
        return f"{KUBELET_AWAY} ({status})"
    words = f": {said}" if said else ""
    return f"{ask.what} answered {status}{words}"[:200]
