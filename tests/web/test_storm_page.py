"""The page of a storm leads to what it swept in, and each of those back to it."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.analyze.storm import describe_storm
from app.domain.evidence import Evidence
from app.domain.incident import Recollection
from app.store.codec import Summary
from app.store.deliveries import Deliveries
from app.store.enrichment import Conclusion, Enrichments
from app.store.storms import Storms
from tests.api.running import INCIDENTS, House, house
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sitrep(database_url: str) -> AsyncIterator[House]:
    async with house(database_url) as running:
        yield running


async def swept_in(running: House, count: int) -> list[str]:
    """Workloads of one node that fail at once; the markup in a label is somebody's joke."""
    found = []
    for number in range(count):
        labels = {"alertname": "NotReady<b>", "namespace": "shop", "deployment": f"app-{number}", "node": "node-7"}
        found.append(await running.opened(wire_body(wire_alert(labels=labels), groupKey=f"group {number}")))
    return found


async def test_a_storm_lists_its_children_and_they_lead_back(sitrep: House) -> None:
    children = await swept_in(sitrep, 5)
    store = sitrep.app.state.context.store
    parent_id = (await Deliveries(store).announce(UUID(children[0]), [])).parent_id
    assert parent_id
    storm = await Storms(store).read(parent_id)
    work = await Enrichments(store).begin(parent_id, storm=True)
    assert work
    conclusion = Conclusion(Summary(describe_storm(storm), Recollection()), Evidence(), "complete")
    assert await Enrichments(store).conclude(work, conclusion)

    page = (await sitrep.http.get(f"/incidents/{parent_id}")).text
    assert "5 workloads failing together" in page
    assert [child for child in children if f"/incidents/{child}" not in page] == []
    assert "NotReady<b>" not in page
    of_child = (await sitrep.http.get(f"/incidents/{children[2]}")).text
    assert re.search(rf'<a href="/incidents/{parent_id}">[^<]*5 workloads failing together', of_child)

    record = (await sitrep.http.get(f"{INCIDENTS}/{parent_id}")).json()
    assert set(record["children"]) == set(children)
    assert (await sitrep.http.get(f"{INCIDENTS}/{children[0]}")).json()["parent_id"] == str(parent_id)
    found = (await sitrep.http.get(INCIDENTS, params={"q": "app-3"})).json()["items"]
    assert {children[3], str(parent_id)} <= {item["id"] for item in found}
