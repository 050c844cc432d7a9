"""A change that is made while Sitrep watches stands on the next incident there, also after Sitrep was killed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.store.engine import Store
from app.store.watching import Watching
from tests.end_to_end.stage import Stage, stage
from tests.gather.cluster import body
from tests.processes import sitrep

pytestmark = pytest.mark.anyio
SECRET = "hunter" + "2hunter2"


def settings_map(level: str, password: str) -> dict[str, Any]:
    return body("ConfigMap", "checkout-settings", data={"LEVEL": level, "PASSWORD": password})


async def watched(database_url: str, holds: Callable[[int, int], bool]) -> None:
    """Until the number of whole lists and of changes are as the test wants them."""
    store = Store(database_url)
    try:
        async with asyncio.timeout(30):
            while True:
                lists = sum(bool(state.since) for state in await Watching(store).states("default"))
                async with store.transaction() as transaction:
                    row = await transaction.one("select count(*) as changes from change")
                if row and holds(lists, row["changes"]):
                    return
                await asyncio.sleep(0.1)
    finally:
        await store.aclose()


async def changes_of(on: Stage, case: str) -> list[dict[str, Any]]:
    record = await on.complete(await on.post(case))
    assert SECRET not in str(record)
    found: list[dict[str, Any]] = record["changes"]
    return found


async def test_a_change_stands_on_the_next_incident_there(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        on.stand_ins.kubernetes.put(settings_map("info", SECRET))
        await watched(database_url, lambda lists, _: lists >= 14)
        on.stand_ins.kubernetes.put(settings_map("debug", SECRET + "x"))
        await watched(database_url, lambda _, changes: changes >= 1)
        found = await changes_of(on, "a")
        (change,) = [one for one in found if one["kind"] == "config"]
        assert {diff["path"] for diff in change["diff"]} == {"data[LEVEL]", "data[PASSWORD]"}
        assert change["subject"]["name"] == "checkout-settings"
        assert any(one["kind"] == "rollout" for one in found)
        caller = on.body("of its caller")
        labels = {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "frontend", "severity": "critical"}
        caller["alerts"] = [{**caller["alerts"][0], "labels": labels, "fingerprint": "f" * 16}]
        record = await on.complete(await on.send(caller))
        assert [subject["name"] for subject in record["subjects"]] == ["frontend"]
        assert change["summary"] in [one["summary"] for one in record["changes"]]
        assert "is called by it" in {entry["relation"] for entry in record["blast_radius"]}
        assert not any(SECRET in message.body for message in on.slack.messages)
        assert on.stand_ins.kubernetes.writes == []


async def test_what_is_reported_stands_on_the_next_incident_there(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        told = {"summary": "new-cart on for 10 %", "kind": "flag", "subject": {"namespace": "shop", "name": "checkout"}}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{on.house.url}/api/v1/changes", json=told) as answer,
        ):
            assert answer.status == 202
        assert "flag: new-cart on for 10 %" in [one["summary"] for one in await changes_of(on, "b")]


async def test_what_changed_while_sitrep_was_away_stands_there_too(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        on.stand_ins.kubernetes.put(settings_map("info", SECRET))
        await watched(database_url, lambda lists, _: lists >= 14)
        on.house.kill()
        on.stand_ins.kubernetes.put(settings_map("debug", SECRET))
        async with sitrep(tmp_path / "heir.log", on.settings) as heir:
            await watched(database_url, lambda _, changes: changes >= 1)
            assert "config" in [one["kind"] for one in await changes_of(replace(on, house=heir), "c")]
