"""A stand-in Kubernetes API server: read only, strict about parameters, and it remembers who tried to write."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from tests.fakes.kubernetes_discovery import discovery
from tests.fakes.kubernetes_logs import LogRefusedError, LogRequest, pod_log
from tests.fakes.kubernetes_objects import BUILT_IN, ObjectStore, Resource
from tests.fakes.kubernetes_selectors import SelectorError, field_predicate, label_predicate
from tests.fakes.kubernetes_watch import WatchHub
from tests.fakes.recording import Object, Recording
from tests.fakes.server import FakeServer

USER = "system:serviceaccount:sitrep:sitrep"


class FakeKubernetes(FakeServer):
    """Serves one recording. `token` and `throttled` (so many 429s) make it refuse.

    `forbidden` holds resources that answer 403: "secrets", "pods/log", in one namespace "data:pods/log", across all
    ":pods", one verb "watch pods". `granted`: the namespaces in which a Role allows everything, and nothing elsewhere.
    """

    def __init__(self, recording: Recording, *, token: str = "", forbidden: Iterable[str] = ()) -> None:
        self.recording = recording
        self.token = token
        self.forbidden = set(forbidden)
        self.granted: set[str] | None = None
        self.throttled = 0
        self.retry_after_seconds = 1
        self.writes: list[tuple[str, str]] = []
        self.store = ObjectStore(recording.objects)
        self.hub = WatchHub(self.store)
        self._page_epoch = 0
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/{path:.*}", self._answer)

    def expire_pages(self) -> None:
        """Every `continue` token handed out so far is too old from now on."""
        self._page_epoch += 1

    def put(self, item: Object) -> Object:
        """Adds or replaces an object; watchers hear of it."""
        return self.hub.put(item)

    def drop(self, item: Object) -> None:
        """Removes an object; watchers hear of it."""
        self.hub.drop(item)

    def kubeconfig(self, path: Path) -> Path:
        """Writes a kubeconfig that points here, and gives its path back."""
        user = {"token": self.token} if self.token else {}
        body = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "recorded",
            "clusters": [{"name": "recorded", "cluster": {"server": self.url}}],
            "users": [{"name": "sitrep", "user": user}],
            "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "sitrep"}}],
        }
        path.write_text(yaml.safe_dump(body), encoding="utf-8")
        return path

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.throttled > 0:
            self.throttled -= 1
            return _throttle(self.retry_after_seconds)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return status_response(401, "Unauthorized", "Unauthorized")
        if request.method != "GET":
            self.writes.append((request.method, request.path_qs))
            return status_response(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        parts = [part for part in request.path.split("/") if part]
        if about := discovery(self.store, parts):
            return about
        prefix_length = 2 if parts[0] == "api" else 3
        prefix, rest = "/" + "/".join(parts[:prefix_length]), parts[prefix_length:]
        return await self._resource(request, prefix, rest)

    async def _resource(self, request: web.Request, prefix: str, rest: list[str]) -> web.StreamResponse:
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        resource = self.store.resource(prefix, rest[0])
        if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
            return status_response(404, "NotFound", "the server could not find the requested resource")
        name, subresource = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
        asked = f"{resource.plural}/{subresource}" if subresource else resource.plural
        # A Role in a namespace also lets read the namespace itself.
        scope = name if resource.plural == "namespaces" else namespace
        beyond = self.granted is not None and scope not in self.granted
        verb = "get" if name else ("watch" if _is_watch(request) else "list")
        if beyond or not self.forbidden.isdisjoint((asked, f"{namespace}:{asked}", f"{verb} {asked}")):
            return _forbid(resource, asked, (verb, name, namespace))
        if name:
            return self._one(request, resource, (namespace, name, subresource))
        try:
            found = self._selected(request, resource, namespace)
        except SelectorError as error:
            return status_response(400, "BadRequest", str(error))
        if _is_watch(request):
            return await self.hub.stream(request, resource, lambda item: self._matches(request, item, namespace))
        return self._page(request, resource, found)

    def _one(self, request: web.Request, resource: Resource, where: tuple[str, str, str]) -> web.Response:
        namespace, name, subresource = where
        item = self.store.get(resource, namespace, name)
        if item is None:
            qualified = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            details = {"name": name, "group": resource.group, "kind": resource.plural}
            return status_response(404, "NotFound", f'{qualified} "{name}" not found', details=details)
        if subresource == "log" and resource.kind == "Pod":
            try:
                body = pod_log(self.recording, item, LogRequest(request.query, self.recording.present))
            except LogRefusedError as refusal:
                return status_response(refusal.code, refusal.reason, refusal.message)
            return web.Response(body=body, content_type="text/plain")
        if subresource not in {"", "status", "scale"}:
            return status_response(404, "NotFound", "the server could not find the requested resource")
        if _metadata_only(request):
            return web.json_response(_partial(item))
        return web.json_response(item)

    def _selected(self, request: web.Request, resource: Resource, namespace: str) -> list[Object]:
        labels = label_predicate(request.query.get("labelSelector", ""))
        fields = field_predicate(resource.plural, request.query.get("fieldSelector", ""))
        return [item for item in self.store.list(resource, namespace) if labels(item) and fields(item)]

    def _matches(self, request: web.Request, item: Object, namespace: str) -> bool:
        resource = self.store.resources[item["apiVersion"], item["kind"]]
        labels = label_predicate(request.query.get("labelSelector", ""))
        fields = field_predicate(resource.plural, request.query.get("fieldSelector", ""))
        here = not namespace or item["metadata"].get("namespace") == namespace
        return here and labels(item) and fields(item)

    def _page(self, request: web.Request, resource: Resource, found: list[Object]) -> web.Response:
        limit = int(request.query.get("limit") or 0) or len(found)
        start = 0
        if token := request.query.get("continue"):
            try:
                asked = json.loads(base64.urlsafe_b64decode(token))
                start, epoch = int(asked["start"]), int(asked["epoch"])
            except (ValueError, KeyError, TypeError):
                return status_response(400, "BadRequest", "continue key is not valid: unreadable")
            if epoch < self._page_epoch:
                message = "The provided continue parameter is too old to display a consistent list result."
                fresh = {"continue": self._token(start)}
                return status_response(410, "Expired", message, metadata=fresh)
        page, left = found[start : start + limit], max(len(found) - start - limit, 0)
        metadata: dict[str, Any] = {"resourceVersion": str(self.store.version)}
        if left:
            metadata |= {"continue": self._token(start + limit), "remainingItemCount": left}
        partial = _metadata_only(request)
        kind = "PartialObjectMetadataList" if partial else f"{resource.kind}List"
        version = "meta.k8s.io/v1" if partial else resource.api_version
        items = [_partial(item) for item in page] if partial else [_listed(item, resource) for item in page]
        return web.json_response({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items})

    def _token(self, start: int) -> str:
        body = json.dumps({"start": start, "epoch": self._page_epoch})
        return base64.urlsafe_b64encode(body.encode()).decode()


def status_response(
    code: int, reason: str, message: str, *, details: Object | None = None, metadata: Object | None = None
) -> web.Response:
    """An error as the API words it: a `Status` object."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": metadata or {}, "status": "Failure"}
    body |= {"message": message, "reason": reason, "code": code}
    if details:
        body["details"] = details
    return web.json_response(body, status=code)


def _forbid(resource: Resource, asked: str, what: tuple[str, str, str]) -> web.Response:
    verb, name, namespace = what
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    qualified = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    named = f'{qualified} "{name}"' if name else qualified
    message = (
        f'{named} is forbidden: User "{USER}" cannot {verb} resource "{asked}" in API group "{resource.group}" {where}'
    )
    return status_response(403, "Forbidden", message)


def _throttle(seconds: int) -> web.Response:
    headers = {
        "Retry-After": str(seconds),
        "X-Kubernetes-PF-FlowSchema-UID": "0c1b2f1e-0000-4000-8000-000000000001",
        "X-Kubernetes-PF-PriorityLevel-UID": "0c1b2f1e-0000-4000-8000-000000000002",
    }
    return web.Response(status=429, text="Too many requests, please try again later.\n", headers=headers)


def _is_watch(request: web.Request) -> bool:
    return request.query.get("watch", "").lower() in {"true", "1"}


def _metadata_only(request: web.Request) -> bool:
    return "as=PartialObjectMetadata" in request.headers.get("Accept", "")


def _partial(item: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _listed(item: Object, resource: Resource) -> Object:
    """Items of a built-in type's list carry neither kind nor apiVersion; those of a custom resource do."""
    if resource not in BUILT_IN:
        return item
    return {name: value for name, value in item.items() if name not in {"kind", "apiVersion"}}
