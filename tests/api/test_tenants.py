"""A token for some namespaces: what lies elsewhere is not there for it, on any route."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.domain.evidence import Evidence
from app.domain.incident import Incident, Recollection
from app.store.codec import Summary
from app.store.enrichment import Conclusion, Enrichments
from tests.api.running import INCIDENTS, WEBHOOK, House, house, problem
from tests.ingest.bodies import wire_alert, wire_body
from tests.scenarios.across import FOREIGN, across, evidence
from tests.web.stages import another_id

pytestmark = pytest.mark.anyio
ALL, SHOP, CART = ("read-" + name for name in ("everything", "shop", "cart"))
TOKENS = {"SITREP_API_TOKENS": f"{ALL}, {SHOP} @shop, {CART} @shop @cart", "SITREP_STORM": "off"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def about(*workloads: tuple[str, str], key: str) -> dict[str, Any]:
    """A body of one alert for each (namespace, deployment)."""
    alerts = [
        wire_alert(
            labels={"alertname": "ErrorsHigh", "namespace": namespace, "deployment": name, "severity": "critical"},
            fingerprint=f"{namespace}{name}",
        )
        for namespace, name in workloads
    ]
    return wire_body(*alerts, groupKey=key)


@pytest.fixture
async def town(database_url: str, anyio_backend: str) -> AsyncIterator[tuple[House, dict[str, str]]]:
    """An incident of each sort by name, and how to ask for them."""
    del anyio_backend
    bodies = {
        "shop": about(("shop", "checkout"), key="shop"),
        "cart": about(("cart", "basket"), key="cart"),
        "pay": about(("pay", "ledger"), key="pay"),
        "both": about(("shop", "front"), ("pay", "vault"), key="both"),
        "node": wire_body(wire_alert(labels={"alertname": "NodeDown", "node": "node-3"}), groupKey="node"),
    }
    async with house(database_url, TOKENS) as running:
        yield running, {name: await running.opened(body) for name, body in bodies.items()}


async def listed(client: httpx.AsyncClient, known: dict[str, str], token: str, **query: str) -> set[str]:
    """The names of what all pages hold."""
    names, found, cursor = {identifier: name for name, identifier in known.items()}, [], None
    while True:
        given = {**query, "limit": "1", **({"cursor": cursor} if cursor else {})}
        page = (await client.get(INCIDENTS, params=given, headers=bearer(token))).json()
        assert len(page["items"]) == 1 or page["next_cursor"] is None
        found += [names[item["id"]] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len(found) == len(set(found))
            return set(found)


async def test_lists_and_full_text_hold_what_the_token_is_for(town: tuple[House, dict[str, str]]) -> None:
    running, known = town
    expected = {ALL: set(known), SHOP: {"shop"}, CART: {"shop", "cart"}}
    for token, names in expected.items():
        assert await listed(running.http, known, token) == names
        assert await listed(running.http, known, token, q="ErrorsHigh") == names - {"node"}
        assert await listed(running.http, known, token, namespace="pay") == names & {"pay"}
        assert await listed(running.http, known, token, q="ledger") == names & {"pay"}


async def test_every_route_of_an_incident_elsewhere_answers_as_if_there_were_none(
    town: tuple[House, dict[str, str]],
) -> None:
    running, known = town
    resolution = {"cause": "", "root_cause": "x", "fix": "", "notes": ""}
    routes = [
        ("GET", ""),
        ("GET", "/evidence"),
        ("GET", "/timeline"),
        ("GET", "/similar"),
        ("PUT", "/resolution"),
        ("POST", "/ask-again"),
    ]
    spelled = {path for path in running.app.openapi()["paths"] if path.startswith(f"{INCIDENTS}/{{")}
    assert spelled == {f"{INCIDENTS}/{{incident_id}}{route}" for _, route in routes}, "a new route needs its line here"

    async def ask(method: str, identifier: str, route: str) -> httpx.Response:
        body = resolution if method == "PUT" else None
        return await running.http.request(method, f"{INCIDENTS}/{identifier}{route}", json=body, headers=bearer(SHOP))

    for method, route in routes:
        for identifier in (known["pay"], known["both"], known["node"], another_id()):
            told = problem(await ask(method, identifier, route), 404)
            assert told["detail"] == f"there is no incident {identifier}"
        assert (await ask(method, known["shop"], route)).status_code < 300, route
    rows = await running.rows("select id::text, resolution from incident where resolution is not null")
    assert [row["id"] for row in rows] == [known["shop"]]


async def test_a_plain_token_and_a_limited_one_stand_side_by_side(town: tuple[House, dict[str, str]]) -> None:
    running, known = town
    for name, identifier in known.items():
        for token, may in ((ALL, True), (SHOP, name == "shop"), (CART, name in {"shop", "cart"})):
            answer = await running.http.get(f"{INCIDENTS}/{identifier}", headers=bearer(token))
            assert answer.status_code == (200 if may else 404), (name, token)
    for header in (f"{SHOP} @shop", f"{SHOP} @pay", "@shop", "shop", ""):
        assert (await running.http.get(INCIDENTS, headers={"Authorization": f"Bearer {header}"})).status_code == 401


async def test_an_incident_that_spreads_is_no_longer_there(town: tuple[House, dict[str, str]]) -> None:
    running, known = town
    where = f"{INCIDENTS}/{known['shop']}"
    assert (await running.http.get(where, headers=bearer(SHOP))).status_code == 200
    await running.http.post(WEBHOOK, json=about(("shop", "checkout"), ("pay", "ledger"), key="shop"))
    problem(await running.http.get(where, headers=bearer(SHOP)), 404)
    assert await listed(running.http, known, SHOP) == set()


async def judged_as(running: House, identifier: str, case: Incident, seen: Evidence) -> None:
    """The judgement of `case` over an incident whose subjects are its own."""
    assert case.assessment
    enrichments = Enrichments(running.app.state.context.store)
    work = await enrichments.begin(identifier)  # type: ignore[arg-type] # PostgreSQL takes it as text
    assert work
    assert await enrichments.conclude(work, Conclusion(Summary(case.assessment, Recollection()), seen, "complete"))


@pytest.mark.parametrize("token", [SHOP, ALL])
async def test_of_its_own_incident_a_token_hears_nothing_of_other_namespaces(
    town: tuple[House, dict[str, str]], token: str
) -> None:
    running, known = town
    case = across()
    assert case.assessment
    own = replace(case, assessment=replace(case.assessment, subjects=(case.subjects[1],)))
    await judged_as(running, known["shop"], own, evidence())
    texts = []
    for route in ("", "/evidence", "/timeline", "/similar"):
        answer = await running.http.get(f"{INCIDENTS}/{known['shop']}{route}", headers=bearer(token))
        assert answer.status_code == 200
        texts.append(answer.text)
    page = await running.http.get(f"/incidents/{known['shop']}", headers=bearer(token))
    assert page.status_code == 200
    texts.append(page.text)
    leaked = [word for word in FOREIGN for text in texts if f"{word}" in text.replace("payload", "")]
    assert bool(leaked) is (token == ALL), leaked


async def test_pages_are_those_of_the_token(town: tuple[House, dict[str, str]]) -> None:
    running, known = town
    front = (await running.http.get("/", headers=bearer(SHOP))).text
    assert known["shop"] in front
    assert known["pay"] not in front
    assert known["both"] not in front
    assert (await running.http.get(f"/incidents/{known['both']}", headers=bearer(SHOP))).status_code == 404
    assert (await running.http.get(f"/incidents/{known['both']}", headers=bearer(ALL))).status_code == 200


async def test_what_was_refused_is_shown_to_those_alone_who_see_everything(town: tuple[House, dict[str, str]]) -> None:
    running, _ = town
    assert (await running.post(b"no alert at all")).status_code == 400
    assert "Refused lately" in (await running.http.get("/", headers=bearer(ALL))).text
    assert "Refused lately" not in (await running.http.get("/", headers=bearer(SHOP))).text
