from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import Probe
from app.domain.query import ProbeQuery
from app.domain.subject import Subject
from app.gather.sources.probe import ProbeSource, refuse_dangerous
from app.settings import HealthUrl
from tests.fakes.server import FakeServer, Trouble
from tests.gather.canned import CannedServer, impatient, settings

SUBJECT = Subject("prod", "shop", "Deployment", "checkout")

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def source_of(server: FakeServer) -> AsyncIterator[tuple[ProbeSource, str]]:
    async with server:
        url = f"{server.url}/healthz"
        source = ProbeSource(impatient(health_urls=[HealthUrl(url=url)]))
        try:
            yield source, url
        finally:
            await source.aclose()


async def probed(server: CannedServer) -> Probe:
    async with source_of(server) as (source, url):
        evidence = await source.answer(ProbeQuery("health of shop/checkout", SUBJECT, url))
    (probe,) = evidence.of(Probe)
    assert evidence.gaps == ()
    return probe


async def test_a_healthy_endpoint_is_told_with_its_latency() -> None:
    server = CannedServer(b"ok", content_type="text/plain")
    probe = await probed(server)
    assert (probe.status, probe.detail, probe.subject) == (200, "", SUBJECT)
    assert 0 < probe.milliseconds < 300
    assert server.requests == [("GET", "/healthz")]
    assert not {"authorization", "cookie"} & server.headers[0].keys()


async def test_the_first_line_of_a_failure_is_kept_redacted_and_short() -> None:
    password = "hunter" + "2hunter2"
    body = f"\n  db: postgres://app:{password}@db/shop refused {'x' * 500}\nsecond".encode()
    probe = await probed(CannedServer(body, status=503, content_type="text/plain"))
    assert probe.status == 503
    assert probe.detail.startswith("db: postgres://")
    assert "hunter" not in probe.detail
    assert len(probe.detail) <= 200


async def test_redirects_are_not_followed() -> None:
    server = CannedServer(b"", status=302)
    assert (await probed(server)).status == 302
    assert len(server.requests) == 1


async def test_a_huge_answer_is_cut() -> None:
    probe = await probed(CannedServer(b"x" * 10_000_000, status=500, content_type="text/plain"))
    assert probe.detail == "x" * 200


@pytest.mark.parametrize(
    ("mood", "detail"),
    [("hang", "no answer in 0.3 s"), ("refuse", "connection refused"), ("reset", "connection broke")],
)
async def test_an_endpoint_that_does_not_answer_is_evidence_too(mood: str, detail: str) -> None:
    server = CannedServer(b"ok")
    server.trouble = Trouble(mood)  # type: ignore[arg-type]
    probe = await probed(server)
    assert probe.status is None
    assert probe.detail.startswith(detail)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/healthz",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
        "http://localhost:8080/",
        "http://metadata.google.internal/",
        "http://2852039166/",
        "http://0x7f000001/",
        "http://user:password@10.0.0.1/",
        "file:///etc/passwd",
        "gopher://10.0.0.1/",
        "ftp://10.0.0.1/",
        "http://10.0.0.1:99999/",
        "http://[10.0.0.1/",
        "//10.0.0.1/",
        "",
    ],
)
async def test_dangerous_addresses_are_never_asked(url: str) -> None:
    source = ProbeSource(settings())
    with pytest.raises(SourceError, match=r"^not probed: "):
        await source.answer(ProbeQuery("q", SUBJECT, url))
    await source.aclose()


@pytest.mark.parametrize("url", ["http://10.2.3.4:8080/healthz", "https://[fd00:1234::5]:8443/", "http://192.168.1.5/"])
def test_addresses_of_pods_and_services_may_be_asked(url: str) -> None:
    refuse_dangerous(url)


async def test_the_switch_turns_it_off() -> None:
    source = ProbeSource(settings(probes="off"))
    assert not source.accepts(ProbeQuery("q", SUBJECT, "http://10.0.0.1/"))
    diagnosis = await source.check()
    assert diagnosis.healthy
    assert "off" in diagnosis.statement
    await source.aclose()


async def test_a_detail_can_be_stored() -> None:
    probe = await probed(CannedServer(b"down\x00 \xed\xa0\xbd", status=503, content_type="text/plain"))
    assert probe.detail.startswith("down\ufffd \ufffd")
    assert "\x00" not in probe.detail
    probe.detail.encode()
