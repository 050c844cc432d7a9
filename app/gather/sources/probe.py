"""Health endpoints: one GET, as the kubelet would, of the settings' addresses and those that the API server reports."""

import time
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Probe, evidence_id
from app.domain.query import ProbeQuery, Query
from app.gather.text import storable
from app.http import Answer, Http, HttpError, Request
from app.redact import redact
from app.settings import Settings

TIMEOUT_SECONDS: Final = 3.0
MAX_BYTES: Final = 64 * 1024
DETAIL_CHARACTERS: Final = 200
FIRST_FAILURE: Final = 400
# The clouds' metadata services outside the link-local range.
METADATA_NETWORKS: Final = tuple(
    ip_network(network) for network in ("fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32")
)
# IPv6 addresses that carry an IPv4 one, which a gateway would turn back.
TRANSLATED: Final = ip_network("64:ff9b::/96")


class ProbeSource:
    """Sends no credentials and follows no redirect; a failed probe is evidence, not a gap."""

    name = "probe"

    def __init__(self, settings: Settings) -> None:
        """Addresses of `settings.health_urls` are trusted; others must be plain addresses of pods or Services."""
        self._settings = settings
        self._trusted = frozenset(entry.url for entry in settings.health_urls)
        self._http = Http()
        # The kubelet does not verify either: pods serve certificates of their own making.
        self._unverified_http = Http(verify=False)

    def accepts(self, query: Query) -> bool:
        """Health endpoints: all, those of the settings, or none."""
        if not isinstance(query, ProbeQuery):
            return False
        return self._settings.probes == "on" or (self._settings.probes == "listed" and query.url in self._trusted)

    async def answer(self, query: Query) -> Evidence:
        """One `Probe`. Raises `SourceError` for an address that must not be asked."""
        if not isinstance(query, ProbeQuery):
            raise SourceError("probes ask health endpoints only")
        trusted = query.url in self._trusted
        if not trusted:
            refuse_dangerous(query.url)
        http = self._http if trusted else self._unverified_http
        return Evidence.seen([await _probe(http, query, self._timeout_seconds())])

    async def check(self) -> Diagnosis:
        """Always healthy: whether an endpoint answers is about the endpoint."""
        if self._settings.probes == "off":
            return Diagnosis(self.name, healthy=True, statement="switched off (SITREP_PROBES)")
        endpoints = f"{len(self._trusted)} from the settings" if self._trusted else "none in the settings"
        own = "the workloads' own probes, " if self._settings.probes == "on" else ""
        return Diagnosis(self.name, healthy=True, statement=f"on: {own}{endpoints}")

    async def aclose(self) -> None:
        """Give connections back."""
        await self._http.aclose()
        await self._unverified_http.aclose()

    def _timeout_seconds(self) -> float:
        return min(TIMEOUT_SECONDS, self._settings.source_deadline_seconds)


def refuse_dangerous(url: str) -> None:
    """Raises `SourceError` unless it is http(s) to an address that may be a pod or a Service.

    Names are refused: they could lead to any address by the time that they are asked for.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SourceError("not probed: the address is not usable") from error
    if parts.scheme not in {"http", "https"}:
        raise SourceError("not probed: only http and https are")
    if "@" in parts.netloc:
        raise SourceError("not probed: the address carries credentials")
    try:
        address = ip_address(host)
    except ValueError as error:
        raise SourceError("not probed: host names are asked only if SITREP_HEALTH_URLS lists them") from error
    if _is_dangerous(address):
        raise SourceError("not probed: a loopback, link-local or metadata address")


def _is_dangerous(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_dangerous(inner)
    if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
        return True
    return address.is_reserved or any(address in network for network in METADATA_NETWORKS)


async def _probe(http: Http, query: ProbeQuery, timeout_seconds: float) -> Probe:
    at = datetime.now(UTC)
    begun = time.perf_counter()
    request = Request(
        "GET",
        query.url,
        headers={"Accept": "*/*", "User-Agent": "sitrep-probe"},
        timeout_seconds=timeout_seconds,
        max_bytes=MAX_BYTES,
    )
    status, detail = None, ""
    try:
        answer = await http.send(request)
        status, detail = answer.status, _detail(answer)
    except HttpError as error:
        detail = str(error)
    milliseconds = round((time.perf_counter() - begun) * 1000, 1)
    subject = query.subject
    url = redact(storable(query.url))
    identity = evidence_id("probe", subject.cluster, subject.kind, subject, url)
    return Probe(identity, subject, at, url, status, milliseconds, detail)


def _detail(answer: Answer) -> str:
    """The first line of what a failing endpoint says; nothing where it is well."""
    if answer.status < FIRST_FAILURE:
        return ""
    text = redact(storable(answer.body.decode(errors="replace")))
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first[:DETAIL_CHARACTERS]
