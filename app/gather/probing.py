"""Health endpoints to ask: a workload's own HTTP probes, on the addresses that the API server reports."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from app.domain.evidence import ObjectState

MAX_PODS = 2
MAX_CHECKS = 3
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """One probe as it is declared, its named port resolved; host and headers are ignored on purpose."""

    scheme: str
    port: int
    port_name: str
    path: str


def checks_of(spec: Mapping[str, Any]) -> tuple[HttpCheck, ...]:
    """The distinct HTTP probes of a pod spec, at most three."""
    return tuple(dict.fromkeys(_checks(spec)))[:MAX_CHECKS]


def pod_urls(pods: Iterable[ObjectState]) -> tuple[str, ...]:
    """The probes' URLs on the first two pods that have an address."""
    urls: list[str] = []
    asked = 0
    for pod in pods:
        address = _usable((pod.body.get("status") or {}).get("podIP"))
        checks = checks_of(pod.body.get("spec") or {})
        if address and checks and asked < MAX_PODS:
            asked += 1
            urls.extend(_url(check, address, check.port) for check in checks)
    return tuple(dict.fromkeys(urls))


def selects(service: ObjectState, labels: Mapping[str, str]) -> bool:
    """Whether a Service leads to pods with these labels."""
    selector = (service.body.get("spec") or {}).get("selector") or {}
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def service_urls(service: ObjectState, checks: Iterable[HttpCheck]) -> tuple[str, ...]:
    """The probes' URLs through a Service, where one of its ports leads to the probed port."""
    spec = service.body.get("spec") or {}
    address = _usable(spec.get("clusterIP"))
    if not address:
        return ()
    urls = []
    for check in checks:
        for port in spec.get("ports") or ():
            target = str(port.get("targetPort") or port.get("port") or "")
            if target in {str(check.port), check.port_name} and _port(port.get("port")):
                urls.append(_url(check, address, int(port["port"])))
    return tuple(dict.fromkeys(urls))


def _checks(spec: Mapping[str, Any]) -> Iterator[HttpCheck]:
    for container in spec.get("containers") or ():
        for name in _PROBES:
            get = (container.get(name) or {}).get("httpGet")
            if not get:
                continue
            number, port_name = _resolved(get.get("port"), container.get("ports") or ())
            path = str(get.get("path") or "/")
            if number:
                scheme = "https" if str(get.get("scheme", "")).upper() == "HTTPS" else "http"
                yield HttpCheck(scheme, number, port_name, path if path.startswith("/") else f"/{path}")


def _resolved(port: object, declared: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Number and name of a port that was given by either."""
    for entry in declared:
        number = _port(entry.get("containerPort"))
        if str(port) == str(number) or (entry.get("name") and entry.get("name") == port):
            return number, str(entry.get("name") or "")
    return _port(port), ""


def _port(value: object) -> int:
    text = str(value)
    number = int(text) if text.isascii() and text.isdigit() else 0
    return number if 0 < number <= _LAST_PORT else 0


def _usable(address: object) -> str:
    """An address of the cluster's network as it stands in a URL; never the machine that we run on."""
    try:
        parsed = ip_address(str(address))
    except ValueError:
        return ""
    if parsed.is_loopback or parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified:
        return ""
    return f"[{parsed}]" if parsed.version == 6 else str(parsed)  # noqa: PLR2004 - the IP version


def _url(check: HttpCheck, address: str, port: int) -> str:
    return f"{check.scheme}://{address}:{port}{check.path}"
