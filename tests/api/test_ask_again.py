"""Asking again over REST, and where it shows that an incident was given up."""

import asyncio
import base64
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.store.engine import Store
from tests.api.running import INCIDENTS, House, house, problem
from tests.ingest.bodies import wire_alert, wire_body
from tests.web.stages import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sitrep(database_url: str) -> AsyncIterator[House]:
    async with house(database_url) as running:
        yield running


async def give_up(running: House, identifier: str) -> None:
    store: Store = running.app.state.context.store
    async with store.transaction() as transaction:
        await transaction.execute(
            "update incident set parked = 'enrichment failed 5 times', attempts = 5 where id = %(id)s", id=identifier
        )
        await transaction.execute("delete from procrastinate_jobs")


async def test_a_given_up_incident_says_so_in_its_record_in_the_list_and_on_the_pages(sitrep: House) -> None:
    elsewhere = wire_alert(labels={"alertname": "KubePodNotReady", "namespace": "pay", "deployment": "ledger"})
    identifier, well = await opened(sitrep), await sitrep.opened(wire_body(elsewhere, groupKey="elsewhere"))
    await give_up(sitrep, identifier)
    assert (await sitrep.record(identifier))["parked"] == "enrichment failed 5 times"
    assert (await sitrep.record(well))["parked"] is None
    listed = (await sitrep.http.get(INCIDENTS)).json()["items"]
    assert {item["id"]: item["parked"] for item in listed} == {identifier: "enrichment failed 5 times", well: None}
    page = (await sitrep.http.get(f"/incidents/{identifier}")).text
    assert "enrichment failed 5 times" in page
    assert f"sitrep incidents ask {identifier}" in page
    assert "http-equiv" not in page, "there is nothing to wait for"
    assert "given up" in (await sitrep.http.get("/")).text


async def test_asking_again_takes_it_up_and_tells_who_asked(sitrep: House) -> None:
    identifier = await opened(sitrep)
    await give_up(sitrep, identifier)
    user = base64.b64encode(b"ada:whatever").decode()
    answer = await sitrep.http.post(f"{INCIDENTS}/{identifier}/ask-again", headers={"Authorization": f"Basic {user}"})
    assert answer.status_code == 202
    assert answer.json() == {"id": identifier, "url": (await sitrep.record(identifier))["url"]}
    assert (await sitrep.record(identifier))["parked"] is None
    timeline = (await sitrep.http.get(f"{INCIDENTS}/{identifier}/timeline")).json()["items"]
    assert ("enrichment.asked", "asked again by ada") in [(line["kind"], line["text"]) for line in timeline]
    [job] = await sitrep.rows("select lock, priority from procrastinate_jobs")
    assert job["lock"] == identifier


async def test_nobody_can_ask_for_an_incident_that_is_not_there(sitrep: House) -> None:
    problem(await sitrep.http.post(f"{INCIDENTS}/{uuid4()}/ask-again"), 404)
    problem(await sitrep.http.post(f"{INCIDENTS}/nothing/ask-again"), 422)


async def test_asking_needs_the_api_token(database_url: str) -> None:
    async with house(database_url, {"SITREP_API_TOKENS": "read-me"}) as running:
        identifier = await opened(running)
        place = f"{INCIDENTS}/{identifier}/ask-again"
        problem(await running.http.post(place), 401)
        good = await running.http.post(place, headers={"Authorization": "Bearer read-me"})
        assert good.status_code == 202


async def test_a_page_of_another_site_cannot_ask(sitrep: House) -> None:
    identifier = await opened(sitrep)
    place = f"{INCIDENTS}/{identifier}/ask-again"
    problem(await sitrep.http.post(place, headers={"Origin": "https://evil.example"}), 403)


async def test_the_given_up_are_counted_and_gone_from_the_count_when_asked_again(database_url: str) -> None:
    async with house(database_url, role="all") as running:
        identifier = await opened(running)
        async with asyncio.timeout(30):
            while (await running.record(identifier))["enrichment"] != "complete":
                await asyncio.sleep(0.1)
            await give_up(running, identifier)
            while "sitrep_incidents_parked 1.0" not in (await running.http.get("/metrics")).text:
                await asyncio.sleep(0.2)
            await running.http.post(f"{INCIDENTS}/{identifier}/ask-again")
            while "sitrep_incidents_parked 0.0" not in (await running.http.get("/metrics")).text:
                await asyncio.sleep(0.2)
