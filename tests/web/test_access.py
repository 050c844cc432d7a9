"""Who sees a page: by a link from a message, through a proxy, with a token, or from this machine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from app.domain.scope import Scope
from app.web.links import VALID_FOR, Links, Signed
from tests.api.running import House, house, problem
from tests.scenarios.across import across, evidence
from tests.web.stages import another_id, judged, opened

pytestmark = pytest.mark.anyio
READING = "read-" + "token"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def links(running: House) -> Links:
    found: Links = running.app.state.web.links
    return found


def signed(running: House, identifier: str, now: datetime | None = None) -> str:
    """Path and query of the link that a message would carry."""
    parts = urlsplit(links(running).sign(UUID(identifier), now))
    return f"{parts.path}?{parts.query}"


async def phone(running: House, path: str, **headers: str) -> httpx.Response:
    """What a phone somewhere gets: no token, a public name."""
    async with running.caller("203.0.113.9", "sitrep.example", **headers) as client:
        return await client.get(path)


async def test_a_signed_link_opens_its_incident_from_anywhere(sitrep: House) -> None:
    identifier = await opened(sitrep)
    answer = await phone(sitrep, signed(sitrep, identifier))
    assert answer.status_code == 200
    assert "KubePodCrashLooping" in answer.text
    assert 'href="/"' not in answer.text, "the list is not open to who came by a link"


async def test_a_link_that_was_changed_opens_nothing(sitrep: House) -> None:
    identifier, other = await opened(sitrep), await opened(sitrep, "Other")
    query = parse_qs(urlsplit(signed(sitrep, identifier)).query)
    [expires], [signature] = query["e"], query["s"]
    later, flipped = str(int(expires) + 1), signature[:-1] + ("A" if signature[-1] != "A" else "B")
    for place in (
        f"{identifier}",
        f"{identifier}?e={expires}",
        f"{identifier}?s={signature}",
        f"{identifier}?e={expires}&s=",
        f"{identifier}?e={later}&s={signature}",
        f"{identifier}?e={expires}&s={flipped}",
        f"{identifier}?e={expires}&s={signature}A",
        f"{identifier}?e={expires}&s={'A' * 10_000}",
        f"{identifier}?e=%D9%A1{expires[1:]}&s={signature}",
        f"{identifier}?e=-{expires}&s={signature}",
        f"{identifier}?e={'9' * 5_000}&s={signature}",
        f"{identifier}?e={expires}&s=%00%ff",
        f"{other}?e={expires}&s={signature}",
        f"{another_id()}?e={expires}&s={signature}",
        f"not-an-id?e={expires}&s={signature}",
    ):
        problem(await phone(sitrep, f"/incidents/{place}"), 403)


async def test_a_link_expires_after_a_week_and_is_the_same_within_a_day(sitrep: House) -> None:
    identifier = await opened(sitrep)
    now = datetime.now(UTC)
    assert (await phone(sitrep, signed(sitrep, identifier, now - VALID_FOR + timedelta(minutes=1)))).status_code == 200
    problem(await phone(sitrep, signed(sitrep, identifier, now - VALID_FOR - timedelta(days=1, minutes=1))), 403)
    noon = now.replace(hour=12)
    assert signed(sitrep, identifier, noon) == signed(sitrep, identifier, noon + timedelta(hours=3))


async def test_a_link_of_another_key_opens_nothing(sitrep: House) -> None:
    identifier = await opened(sitrep)
    parts = urlsplit(Links("", lambda: b"another key").sign(UUID(identifier)))
    problem(await phone(sitrep, f"{parts.path}?{parts.query}"), 403)


async def test_a_link_opens_nothing_but_its_page(sitrep: House) -> None:
    identifier = await opened(sitrep)
    query = urlsplit(signed(sitrep, identifier)).query
    problem(await phone(sitrep, f"/?{query}"), 403)
    problem(await phone(sitrep, f"/api/v1/incidents/{identifier}?{query}"), 403)


async def test_a_trusted_proxy_names_who_is_signed_in(database_url: str) -> None:
    trust = {"SITREP_TRUSTED_PROXY_HEADER": "X-Signed-In-As", "SITREP_TRUSTED_PROXIES": "203.0.113.0/24"}
    async with house(database_url, trust) as running:
        identifier = await opened(running)
        for path in ("/", f"/incidents/{identifier}"):
            assert (await phone(running, path, **{"X-Signed-In-As": "ada"})).status_code == 200
            problem(await phone(running, path, **{"X-Signed-In-As": ""}), 403)
            problem(await phone(running, path, **{"X-Other": "ada"}), 403)


async def test_a_browser_is_asked_for_a_token_once_one_is_set(database_url: str) -> None:
    async with house(database_url, {"SITREP_API_TOKENS": READING}) as running:
        identifier = another_id()
        refused = await phone(running, "/", **BROWSER)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert refused.headers["content-type"].startswith("text/html")
        assert (await phone(running, f"/incidents/{identifier}?e=1&s=x", **BROWSER)).status_code == 403
        async with running.caller("203.0.113.9", "sitrep.example") as client:
            assert (await client.get("/", auth=("anyone", READING))).status_code == 200
            assert (await client.get("/", auth=("anyone", "wrong"))).status_code == 401


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/incidents/{unknown}", 404, "no incident"),
        ("/incidents/nonsense", 404, "no such incident"),
        ("/nothing/here", 404, "Nothing here"),
        ("/?cursor=nonsense", 400, "cursor"),
    ],
)
async def test_a_person_is_told_in_words_what_a_program_gets_as_json(
    sitrep: House, path: str, status: int, words: str
) -> None:
    path = path.replace("{unknown}", another_id())
    page = await sitrep.http.get(path, headers=BROWSER)
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert words in page.text
    problem(await sitrep.http.get(path), status)


async def test_the_api_answers_a_browser_too_in_json(sitrep: House) -> None:
    problem(await sitrep.http.get(f"/api/v1/incidents/{another_id()}", headers=BROWSER), 404)


async def test_a_person_who_is_refused_is_told_the_way_in(sitrep: House) -> None:
    identifier = await opened(sitrep)
    refused = await phone(sitrep, f"/incidents/{identifier}", **BROWSER)
    assert refused.status_code == 403
    assert "by the link in the newest message" in refused.text
    expired = await phone(sitrep, f"/incidents/{identifier}?e=1&s=x", **BROWSER)
    assert "has expired" in expired.text
    assert "KubePod" not in refused.text + expired.text


async def test_a_link_for_some_namespaces_shows_those_and_cannot_be_widened(sitrep: House) -> None:
    """A channel for `shop` passes its link on; whoever opens it learns no more than the channel was told."""
    case = across()
    identifier = await judged(sitrep, replace(case, gaps=()), evidence=evidence())
    for places, leaks in ((frozenset({"shop"}), False), (frozenset({"prod/shop", "cart"}), False), (None, True)):
        parts = urlsplit(links(sitrep).sign(UUID(identifier), scope=Scope(places)))
        page = await phone(sitrep, f"{parts.path}?{parts.query}")
        assert page.status_code == 200
        assert ("ledger" in page.text) is leaks, places
        assert ("our line" in page.text) is True
    query = parse_qs(urlsplit(links(sitrep).sign(UUID(identifier), scope=Scope(frozenset({"shop"})))).query)
    signed_part = f"e={query['e'][0]}&s={query['s'][0]}"
    for widened in ("", "&n=", "&n=shop%2Cpay", "&n=pay", "&n=shop&n=pay"):
        assert (await phone(sitrep, f"/incidents/{identifier}?{signed_part}{widened}")).status_code == 403, widened
    everything = parse_qs(urlsplit(signed(sitrep, identifier)).query)
    narrowed = f"/incidents/{identifier}?e={everything['e'][0]}&s={everything['s'][0]}&n=shop"
    assert (await phone(sitrep, narrowed)).status_code == 403


async def test_what_a_limited_link_leads_on_to_is_as_limited(sitrep: House) -> None:
    first, second = await opened(sitrep), await opened(sitrep, "Other")
    parts = parse_qs(urlsplit(links(sitrep).sign(UUID(first), scope=Scope(frozenset({"shop"})))).query)
    on = links(sitrep).alongside(UUID(second), Signed(parts["e"][0], parts["s"][0], parts["n"][0]))
    assert "&n=shop&" in on
    assert (await phone(sitrep, on)).status_code == 200
    assert (await phone(sitrep, on.replace("&n=shop", ""))).status_code == 403
