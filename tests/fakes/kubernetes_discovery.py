"""Version, health and discovery of a stand-in Kubernetes API server."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from tests.fakes.kubernetes_objects import ObjectStore, Resource

_VERSION = {"major": "1", "minor": "36", "gitVersion": "v1.36.1", "platform": "linux/amd64"}


def discovery(store: ObjectStore, parts: list[str]) -> web.Response | None:
    """The answer to a path that names no resource; None where it may name one."""
    path = "/" + "/".join(parts)
    resources = list(store.resources.values())
    fixed: dict[str, Any] = {
        "/version": _VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(resources)},
    }
    if path in {"/healthz", "/livez", "/readyz"}:
        return web.Response(text="ok")
    if path in fixed:
        return web.json_response(fixed[path])
    prefixes = {resource.prefix for resource in resources}
    if path in prefixes:
        return web.json_response(_listing(path, resources))
    if not any(path.startswith(f"{prefix}/") for prefix in prefixes):
        # A group that is not installed is unknown to the router: plain text, not a Status.
        return web.Response(status=404, text="404 page not found\n")
    return None


def _groups(resources: Iterable[Resource]) -> list[dict[str, Any]]:
    versions = {r.group: {"groupVersion": r.api_version, "version": r.version} for r in resources if r.group}
    return [{"name": group, "versions": [v], "preferredVersion": v} for group, v in sorted(versions.items())]


def _listing(prefix: str, resources: Iterable[Resource]) -> dict[str, Any]:
    verbs = ["get", "list", "watch"]
    listed = [
        {"name": r.plural, "singularName": "", "namespaced": r.namespaced, "kind": r.kind, "verbs": verbs}
        for r in resources
        if r.prefix == prefix
    ]
    version = prefix.removeprefix("/apis/").removeprefix("/api/")
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}
