"""An incident whose details were dropped is still there, says what is left of it, and takes what a person found."""

import pytest

from app.store.engine import Store
from tests.api.running import INCIDENTS, House, house, problem
from tests.scenarios import incidents as cases
from tests.web.stages import judged

pytestmark = pytest.mark.anyio
GAP = {
    "source": "sitrep",
    "question": "alerts, timeline and evidence",
    "reason": "ended longer ago than is kept, and dropped since",
}


async def dropped(running: House) -> str:
    """An incident as retention leaves it."""
    identifier = await judged(running, cases.oom_after_rollout())
    store: Store = running.app.state.context.store
    async with store.transaction() as transaction:
        for table in ("alert", "record", "timeline", "group_episode", "delivery", "story_key"):
            await transaction.execute(f"delete from {table}")  # noqa: S608
        await transaction.execute(
            """
            update incident set state = 'resolved', resolved_at = now(), announced_at = now(), first_notified_at = now()
            """
        )
    return identifier


async def test_rest_shows_the_compact_record_and_names_what_is_gone(sitrep: House) -> None:
    identifier = await dropped(sitrep)
    record = await sitrep.record(identifier)
    assert record["title"] == "KubePodCrashLooping shop/checkout"
    assert record["headline"].startswith("checkout is crash looping")
    assert record["gaps"] == [GAP]
    for name in ("alerts", "groups", "hypotheses", "findings", "changes", "deliveries"):
        assert record[name] == [], name
    evidence = (await sitrep.http.get(f"{INCIDENTS}/{identifier}/evidence")).json()
    assert (evidence["items"], evidence["gaps"]) == ([], [GAP])
    assert (await sitrep.http.get(f"{INCIDENTS}/{identifier}/timeline")).json() == {"items": []}
    assert (await sitrep.http.get(f"{INCIDENTS}/{identifier}/similar")).json() == {"items": []}
    found = {"cause": "memory.limit_too_low", "root_cause": "limit halved", "fix": "rolled back", "notes": ""}
    assert (await sitrep.http.put(f"{INCIDENTS}/{identifier}/resolution", json=found)).status_code == 200
    assert (await sitrep.record(identifier))["resolution"] == found
    again = problem(await sitrep.http.post(f"{INCIDENTS}/{identifier}/ask-again"), 404)
    assert "only a short record is kept" in again["detail"]
    listed = (await sitrep.http.get(INCIDENTS, params={"q": "crash looping"})).json()["items"]
    assert [item["id"] for item in listed] == [identifier]


async def test_the_page_says_that_it_is_what_is_kept(database_url: str) -> None:
    async with house(database_url) as running:
        identifier = await dropped(running)
        page = await running.http.get(f"/incidents/{identifier}")
    assert page.status_code == 200
    assert "This is what is kept of an old incident" in page.text
    assert "People were first told at" in page.text
    assert "dropped since" in page.text
    for untrue in ("Nobody", "Nothing is known yet", "renews itself", "Alerts (0)", "Timeline", "http-equiv"):
        assert untrue not in page.text, untrue
