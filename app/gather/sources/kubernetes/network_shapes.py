"""Shapes of what leads traffic to Services: just the hosts, paths and back ends."""

# ruff: noqa: D101 - a shape without a docstring is the API's own object of that name

from app.gather.sources.kubernetes.shapes import Condition, Shape, Thing


class ServicePort(Shape):
    name: str | None = None
    number: int | None = None


class IngressService(Shape):
    name: str = ""
    port: ServicePort | None = None


class IngressBackend(Shape):
    """Where a path leads; a `resource` back end (a bucket, say) is no Service and is left out."""

    service: IngressService | None = None


class IngressPath(Shape):
    path: str | None = None
    path_type: str | None = None
    backend: IngressBackend | None = None


class IngressHttp(Shape):
    paths: list[IngressPath] | None = None


class IngressRule(Shape):
    host: str | None = None
    http: IngressHttp | None = None


class IngressSpec(Shape):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    rules: list[IngressRule] | None = None


class RoutePath(Shape):
    type: str | None = None
    value: str | None = None


class RouteMatch(Shape):
    path: RoutePath | None = None


class RouteBackend(Shape):
    """A back end of a route; `kind` is Service where it is left out."""

    group: str | None = None
    kind: str | None = None
    name: str = ""
    namespace: str | None = None
    port: int | None = None
    weight: int | None = None


class RouteRule(Shape):
    matches: list[RouteMatch] | None = None
    backend_refs: list[RouteBackend] | None = None


class RouteParent(Shape):
    conditions: list[Condition] | None = None


class RouteSpec(Shape):
    hostnames: list[str] | None = None
    rules: list[RouteRule] | None = None


class RouteStatus(Shape):
    parents: list[RouteParent] | None = None


class Ingress(Thing):
    spec: IngressSpec | None = None


class HTTPRoute(Thing):
    spec: RouteSpec | None = None
    status: RouteStatus | None = None
