"""What was accepted is enriched and told once, whatever dies in between; what is new is told anew."""

import asyncio
import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from tests.end_to_end.stage import Stage, stage
from tests.end_to_end.waiting import until
from tests.fakes.server import Trouble
from tests.processes import sitrep

pytestmark = pytest.mark.anyio


def libpq(database_url: str, database: str | None = None) -> str:
    url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    if database is None:
        return url
    before, _, after = url.partition("@/")
    return f"{before}@/{database}?{after.partition('?')[2]}"


async def told(on: Stage) -> None:
    await until(lambda: bool(on.slack.heads), f"a head\n{on.house.tail()}")
    await until(lambda: on.slack.heads[0].is_complete, f"the complete head\n{on.house.tail()}")


def broadcasts(on: Stage) -> list[str]:
    return [reply.body for reply in on.slack.replies(on.slack.heads[0].ts) if reply.broadcast]


async def test_a_process_killed_during_enrichment_is_replaced_and_tells_once(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        on.stand_ins.kubernetes.trouble = Trouble("hang")
        incident_id = await on.post("killed")
        await asyncio.sleep(2)
        on.house.kill()
        await on.house.process.wait()
        on.stand_ins.kubernetes.trouble = Trouble()
        async with sitrep(tmp_path / "heir.log", on.settings) as heir:
            on.house = heir
            record = await on.complete(incident_id)
            await told(on)
        assert record["hypotheses"][0]["cause"] == "memory.limit_too_low"
        assert len(on.slack.heads) == 1


async def test_a_slack_that_stores_the_message_and_loses_its_answer_shows_it_once(
    tmp_path: Path, database_url: str
) -> None:
    async with stage(tmp_path, database_url) as on:
        on.slack.lose_answers = 1
        await on.post("lost answer")
        await told(on)
        await until(lambda: bool(on.slack.replies(on.slack.heads[0].ts)), "the details")
        assert len(on.slack.heads) == 1


async def test_without_its_database_it_answers_503_keeps_nothing_and_recovers_by_itself(
    tmp_path: Path, database_url: str
) -> None:
    name = database_url.partition("@/")[2].partition("?")[0]
    async with stage(tmp_path, database_url) as on, aiohttp.ClientSession() as client:
        async with await psycopg.AsyncConnection.connect(libpq(database_url, "postgres"), autocommit=True) as admin:
            await admin.execute(f"alter database {name} allow_connections false".encode())
            await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            body = on.body("away")
            async with client.post(f"{on.house.url}/api/v1/webhooks/alertmanager", json=body) as answer:
                assert answer.status == 503
                assert answer.content_type == "application/problem+json"
            async with client.get(f"{on.house.url}/readyz") as answer:
                assert answer.status == 503
            async with client.get(f"{on.house.url}/healthz") as answer:
                assert answer.status == 200
            await admin.execute(f"alter database {name} allow_connections true".encode())
        record = await on.complete(await on.post("away"))
        assert record["enrichment"] == "complete"
        await told(on)
        assert len(on.slack.heads) == 1


async def test_sigterm_hands_back_what_it_was_doing_and_ends_with_0(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        on.stand_ins.kubernetes.trouble = Trouble("hang")
        incident_id = await on.post("stopped")
        await asyncio.sleep(1)
        assert await on.house.stop() == 0
        on.stand_ins.kubernetes.trouble = Trouble()
        async with sitrep(tmp_path / "heir.log", on.settings) as heir:
            on.house = heir
            await on.complete(incident_id)
            await told(on)
        assert len(on.slack.heads) == 1


def joined_by_critical(body: dict[str, Any]) -> dict[str, Any]:
    """The group with one more alert: critical, and about another workload."""
    fuller = copy.deepcopy(body)
    alert = copy.deepcopy(fuller["alerts"][0])
    alert["labels"] |= {"alertname": "KubeDeploymentReplicasMismatch", "deployment": "frontend", "severity": "critical"}
    del alert["labels"]["pod"]
    alert.pop("fingerprint", None)
    alert["startsAt"] = datetime.now(UTC).isoformat()
    fuller["alerts"].append(alert)
    return fuller


def as_warning(body: dict[str, Any]) -> dict[str, Any]:
    warning = copy.deepcopy(body)
    for alert in warning["alerts"]:
        alert["labels"]["severity"] = "warning"
        alert.pop("fingerprint", None)
    return warning


async def test_a_critical_alert_that_joins_an_old_warning_group_is_broadcast(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        body = as_warning(on.body("joins"))
        await on.send(body)
        await told(on)
        await on.send(joined_by_critical(body))
        await until(lambda: bool(broadcasts(on)), f"a broadcast\n{on.house.tail()}")
        assert "critical" in broadcasts(on)[0]
        assert "frontend" in broadcasts(on)[0]
        assert len(on.slack.heads) == 1
        await until(lambda: "🔴" in on.slack.heads[0].body, "the head shows the higher severity too")


async def test_a_refire_and_a_repeat_are_broadcast(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        body = on.body("again")
        incident_id = await on.send(body)
        await told(on)

        ended = copy.deepcopy(body)
        ended["status"] = "resolved"
        for alert in ended["alerts"]:
            alert |= {"status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
        await on.send(ended)
        await until(lambda: "🔴" not in on.slack.heads[0].body, f"the head says that it is over\n{on.house.tail()}")

        refired = copy.deepcopy(body)
        for alert in refired["alerts"]:
            alert["startsAt"] = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        assert await on.send(refired) == incident_id
        await until(lambda: len(broadcasts(on)) == 1, f"the re-fire is told\n{on.house.tail()}")
        assert "again" in broadcasts(on)[0]
        await until(lambda: "🔴" in on.slack.heads[0].body, "the head fires again")

        async with await psycopg.AsyncConnection.connect(libpq(database_url), autocommit=True) as admin:
            await admin.execute("update alert_group set posted_at = posted_at - interval '4 hours'")
            await admin.execute(
                "update delivery set created_at = created_at - interval '4 hours', due_at = due_at - interval '4 hours'"
            )
        assert await on.send(refired) == incident_id
        await until(lambda: len(broadcasts(on)) == 2, f"the repeat is told\n{on.house.tail()}")
        assert len(on.slack.heads) == 1
