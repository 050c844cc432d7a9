"""What a whole Sitrep reads of logs is counted in the database, and over the budget it says so instead."""

from pathlib import Path

import pytest

from app.store.engine import Store
from tests.end_to_end.stage import stage

pytestmark = pytest.mark.anyio


async def counted(database_url: str) -> dict[str, int]:
    store = Store(database_url)
    async with store.transaction() as transaction:
        rows = await transaction.all("select key, bytes from log_bytes")
    await store.aclose()
    return {row["key"]: row["bytes"] for row in rows}


async def test_what_was_read_is_counted_for_the_incident_and_for_the_hour(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        incident_id = await on.post("counted")
        record = await on.complete(incident_id)
    assert not [gap for gap in record["gaps"] if gap["source"] == "loki"]
    rows = await counted(database_url)
    mine = rows.pop(f"incident {incident_id}")
    assert mine > 0
    assert all(key.startswith("hour ") for key in rows)
    assert sum(rows.values()) == mine


async def test_over_the_budget_the_log_store_is_not_asked_and_the_rest_is_told(
    tmp_path: Path, database_url: str
) -> None:
    async with stage(tmp_path, database_url, {"SITREP_LOG_BYTES_PER_HOUR": "10"}) as on:
        record = await on.complete(await on.post("dear"))
        assert on.stand_ins.loki.requests
        # Of payments, which checkout calls, the index says that there is nothing: to look there costs nothing.
        read = [query for query in on.stand_ins.loki.queries if "|~" in query and "payments-" not in query]
        assert read == []
    (reason, *_) = [gap["reason"] for gap in record["gaps"] if gap["source"] == "loki"]
    assert reason.startswith("not asked: ")
    assert reason.endswith(" would be read, 0 kB are left for this hour")
    assert record["hypotheses"][0]["cause"].startswith("memory."), "the others still tell enough"
    assert sum(bytes_read for key, bytes_read in (await counted(database_url)).items() if key.startswith("hour")) == 0
