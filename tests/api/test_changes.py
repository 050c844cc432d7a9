"""What CI jobs and people report is kept once, redacted, and only from those who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.store.changes import Changes
from tests.api.running import House, house, problem

pytestmark = pytest.mark.anyio
CHANGES = "/api/v1/changes"
DEPLOY: dict[str, Any] = {
    "summary": "checkout 1.4.2 deployed",
    "kind": "deploy",
    "subject": {"namespace": "shop", "kind": "Deployment", "name": "checkout"},
    "diff": [{"path": "image", "old": "1.4.1", "new": "1.4.2"}],
    "id": "build-17",
}
EVENT: dict[str, Any] = {
    "routing_key": "wh-token",
    "payload": {
        "summary": "Build 17 of checkout succeeded",
        "source": "ci.example",
        "timestamp": "2026-10-21T02:00:00Z",
        "custom_details": {"namespace": "shop", "service": "checkout", "build": 17},
    },
    "links": [{"href": "https://ci.example/17"}],
}
TOKENS = {"SITREP_WEBHOOK_TOKENS": "other,wh-token"}


async def kept(running: House) -> list[dict[str, Any]]:
    return await running.rows("select * from change order by seen_at, id")


async def test_a_change_is_kept_and_found_beside_the_next_incident(sitrep: House) -> None:
    before = datetime.now(UTC)
    answer = await sitrep.post(DEPLOY, CHANGES)
    assert (answer.status_code, answer.json()) == (202, {"known": False})
    window = (before - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1))
    store = sitrep.app.state.context.store
    (change,) = await Changes(store).around({"default"}, "shop", window)
    assert (change.summary, change.change) == ("deploy: checkout 1.4.2 deployed", "deploy")
    assert str(change.subject) == "shop/checkout"
    assert change.diff[0].new == "1.4.2"


async def test_reported_again_under_its_id_it_is_kept_once(sitrep: House) -> None:
    await sitrep.post(DEPLOY, CHANGES)
    again = await sitrep.post({**DEPLOY, "summary": "another word"}, CHANGES)
    assert (again.status_code, again.json()) == (202, {"known": True})
    assert len(await kept(sitrep)) == 1


async def test_a_pagerduty_change_event_is_taken_as_ci_jobs_send_it(sitrep: House) -> None:
    for _ in range(2):
        assert (await sitrep.post(EVENT, CHANGES)).status_code == 202
    (row,) = await kept(sitrep)
    assert (row["namespace"], row["name"], row["change"]) == ("shop", "checkout", "deploy")
    assert row["at"] == datetime(2026, 10, 21, 2, tzinfo=UTC)
    assert row["summary"] == "deploy: Build 17 of checkout succeeded"


async def test_secrets_are_taken_out_before_anything_is_kept(sitrep: House) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    diff = [{"path": "env.DB_PASSWORD", "old": "hunter" + "2hunter", "new": secret}]
    await sitrep.post({**DEPLOY, "summary": f"rotated {secret}", "diff": diff}, CHANGES)
    (row,) = await kept(sitrep)
    assert secret not in str(row)
    assert "hunter" + "2" not in str(row)
    assert "[REDACTED" in row["summary"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"[" * 100_000, ""),
        ({**DEPLOY, "summary": ""}, "summary"),
        ({**DEPLOY, "summary": 7}, "summary"),
        ({**DEPLOY, "kind": "a;b"}, "kind"),
        ({**DEPLOY, "subject": "checkout"}, "subject"),
        ({**DEPLOY, "subject": {"name": "x" * 300}}, "subject.name"),
        ({**DEPLOY, "at": "yesterday"}, "at"),
        ({**DEPLOY, "at": "2999-01-01T00:00:00Z"}, "at"),
        ({**DEPLOY, "diff": [{"old": "a"}]}, "diff[0].path"),
        ({**DEPLOY, "diff": [{"path": "p"}] * 61}, "diff"),
        ({"payload": {"source": "ci"}}, "payload.summary"),
        ({"payload": {"summary": "s", "timestamp": "soon"}}, "payload.timestamp"),
        ({"payload": "deployed"}, "payload"),
        (b'{"summary":"' + b"x" * 300_000 + b'"}', ""),
    ],
)
async def test_what_is_no_change_is_refused_and_says_where(sitrep: House, body: object, field: str) -> None:
    document = problem(await sitrep.post(body, CHANGES), 400)
    assert document.get("field", "") == field
    assert await kept(sitrep) == []


async def test_what_cannot_be_stored_is_replaced(sitrep: House) -> None:
    body = b'{"summary":"a\\u0000b\\ud800c","kind":"flag","subject":{"name":"x\\u0000"}}'
    assert (await sitrep.post(body, CHANGES)).status_code == 202
    (row,) = await kept(sitrep)
    assert row["summary"] == "flag: a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (DEPLOY, {}, 401),
        (DEPLOY, {"Authorization": "Bearer wrong"}, 401),
        (DEPLOY, {"Authorization": "Bearer wh-token"}, 202),
        (EVENT, {}, 202),
        ({**EVENT, "routing_key": "wrong"}, {}, 401),
        ({**EVENT, "routing_key": ""}, {}, 401),
    ],
)
async def test_only_who_has_a_webhook_token_may_report(
    database_url: str, body: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    async with house(database_url, TOKENS) as running:
        assert (await running.http.post(CHANGES, json=body, headers=headers)).status_code == status
        assert len(await kept(running)) == (status == 202)


async def test_without_tokens_only_this_machine_may_report(sitrep: House) -> None:
    async with sitrep.caller("10.1.2.3") as stranger:
        assert (await stranger.post(CHANGES, json=EVENT)).status_code == 403
    assert await kept(sitrep) == []
