"""What a sender is answered, and what is kept of what it sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import make_url

from app import telemetry
from app.store.engine import libpq_url
from tests.api.running import WEBHOOK, House, problem
from tests.ingest.bodies import wire_alert, wire_body

pytestmark = pytest.mark.anyio
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


async def test_an_accepted_body_names_its_incident_and_where_to_see_it(sitrep: House) -> None:
    answer = await sitrep.post(wire_body(wire_alert(), wire_alert(labels={"alertname": "B"})))
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    accepted = answer.json()
    [incident] = accepted["incidents"]
    assert accepted == {"incidents": [incident], "alerts": 2, "rejected": []}
    assert incident["url"] == f"http://127.0.0.1:8080/incidents/{incident['id']}"
    record = await sitrep.record(incident["id"])
    assert record["title"] == "KubePodCrashLooping shop/checkout"
    assert record["enrichment"] == "pending"
    assert len(record["alerts"]) == 2
    assert [row["lock"] for row in await sitrep.rows("select lock from procrastinate_jobs")] == [incident["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe\x00", ""),
        (b'{"version":"4","alerts":[', ""),
        (b"[" * 200_000, ""),
        (b'{"version":"4","alerts":' + b"[" * 200_000 + b"]" * 200_000 + b"}", ""),
        ({"version": "4"}, "alerts"),
        ({"alerts": []}, "version"),
        ({"version": "4", "alerts": {}}, "alerts"),
        ({"version": "4", "alerts": "firing"}, "alerts"),
        (wire_body(groupKey=7), "groupKey"),
        (wire_body(receiver=["a"]), "receiver"),
        (wire_body(groupLabels={"a": {}}), "groupLabels.a"),
        (wire_body(wire_alert(labels="none")), "alerts[0].labels"),
        (wire_body(wire_alert(labels={"a": 1})), "alerts[0].labels.a"),
        (wire_body(wire_alert(startsAt="yesterday")), "alerts[0].startsAt"),
        (wire_body(wire_alert(status="burning")), "alerts[0].status"),
    ],
)
async def test_what_is_no_payload_is_refused_by_the_field_and_kept_once(
    sitrep: House, body: object, field: str
) -> None:
    first = problem(await sitrep.post(body), 400)
    assert first["field"] == field
    assert first["detail"].startswith(field)
    problem(await sitrep.post(body), 400)
    rows = await sitrep.rows("select reason, seen, length(body) as bytes from rejected")
    assert [(row["reason"][:500], row["seen"]) for row in rows] == [(first["detail"][:500], 2)]
    assert rows[0]["bytes"] <= 16 * 1024
    assert await sitrep.rows("select id from incident") == []


async def test_a_refused_body_is_redacted_counted_and_shown_on_the_first_page(sitrep: House) -> None:
    before = telemetry.REJECTED.labels("alertmanager")._value.get()
    for body in (f'{{"token": "{SECRET}"}}', "<script>alert(1)</script>"):
        for _ in range(3):
            problem(await sitrep.post(body.encode()), 400)
    assert telemetry.REJECTED.labels("alertmanager")._value.get() == before + 6
    rows = await sitrep.rows("select seen, convert_from(body, 'utf8') as body from rejected order by received_at")
    assert [row["seen"] for row in rows] == [3, 3]
    assert SECRET not in rows[0]["body"]
    page = (await sitrep.http.get("/")).text
    assert "Refused lately (2)" in page
    assert "not JSON" in page
    assert SECRET not in page
    assert "<script" not in page


async def test_one_bad_alert_costs_only_itself(sitrep: House) -> None:
    bad = wire_alert(labels={"alertname": 7})
    answer = await sitrep.post(wire_body(wire_alert(), bad, wire_alert(labels={"alertname": "C"})))
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["alerts"] == 2
    assert accepted["rejected"] == ["alerts[1].labels.alertname: Input should be a valid string"]
    assert len((await sitrep.record(accepted["incidents"][0]["id"]))["alerts"]) == 2
    [row] = await sitrep.rows("select reason, seen from rejected")
    assert row == {"reason": accepted["rejected"][0], "seen": 1}
    assert "alerts[1].labels.alertname" in (await sitrep.http.get("/")).text


async def test_a_thousand_bad_alerts_are_kept_in_bounds(sitrep: House) -> None:
    answer = await sitrep.post(wire_body(wire_alert(), *({"labels": number} for number in range(1_000))))
    assert answer.status_code == 202
    assert len(answer.json()["rejected"]) == 20
    assert len(await sitrep.rows("select id from rejected")) == 101


async def test_the_watchdog_opens_nothing_and_is_our_heartbeat(sitrep: House) -> None:
    before = telemetry.WATCHDOG_LAST_SEEN._value.get()
    answer = await sitrep.post(wire_body(wire_alert(labels={"alertname": "Watchdog", "severity": "none"})))
    assert answer.status_code == 202
    assert answer.json() == {"incidents": [], "alerts": 1, "rejected": []}
    assert await sitrep.rows("select id from incident") == []
    [row] = await sitrep.rows("select name, seen_at from heartbeat")
    assert row["name"] == "watchdog"
    assert abs((datetime.now(UTC) - row["seen_at"]).total_seconds()) < 30
    assert telemetry.WATCHDOG_LAST_SEEN._value.get() > before


async def test_a_watchdog_that_ended_is_no_heartbeat(sitrep: House) -> None:
    await sitrep.post(wire_body(wire_alert(labels={"alertname": "Watchdog"}, status="resolved")))
    assert await sitrep.rows("select name from heartbeat") == []


async def test_an_ignored_alert_beside_another_is_left_out(sitrep: House) -> None:
    inhibitor = wire_alert(labels={"alertname": "InfoInhibitor"})
    identifier = await sitrep.opened(wire_body(inhibitor, wire_alert()))
    assert [a["labels"]["alertname"] for a in (await sitrep.record(identifier))["alerts"]] == ["KubePodCrashLooping"]


async def test_the_address_may_name_the_cluster(sitrep: House) -> None:
    answer = await sitrep.post(wire_body(), f"{WEBHOOK}?cluster=west")
    record = await sitrep.record(answer.json()["incidents"][0]["id"])
    assert record["subjects"][0]["cluster"] == "west"
    for bad in ("%00", "a%00b", "x" * 201):
        assert problem(await sitrep.post(wire_body(), f"{WEBHOOK}?cluster={bad}"), 422)["field"] == "query.cluster"


async def test_grafana_may_post_and_put(sitrep: House) -> None:
    grafana = "/api/v1/webhooks/grafana"
    body = wire_body(wire_alert(valueString="[ var='A' value=1 ]"), orgId=1, title="x", state="alerting")
    posted = await sitrep.post(body, grafana)
    assert posted.status_code == 202
    put = await sitrep.http.put(grafana, json=body)
    assert put.json() == posted.json()


@asynccontextmanager
async def outage(database_url: str) -> AsyncIterator[None]:
    """The server takes no connection to this database, and has dropped those that were open."""
    name = make_url(database_url).database
    server = libpq_url(str(make_url(database_url).set(database="postgres").render_as_string(hide_password=False)))
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
        await connection.execute(f"alter database {name} allow_connections false".encode())
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield
        await connection.execute(f"alter database {name} allow_connections true".encode())


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b"x" * 65_536


async def test_a_body_over_the_limit_is_a_problem_document_however_it_is_sent(sitrep: House) -> None:
    twenty = 20 * 1024 * 1024
    problem(await sitrep.post(b"x" * twenty), 413)
    problem(await sitrep.http.post(WEBHOOK, content=chunks(twenty)), 413)
    claimed = {"Content-Length": str(twenty)}
    problem(await sitrep.http.post(WEBHOOK, content=chunks(10), headers=claimed), 413)
    assert (await sitrep.post(wire_body())).status_code == 202


async def test_a_body_that_trickles_is_given_up(sitrep: House) -> None:
    sitrep.app.state.context = replace(sitrep.app.state.context, body_deadline_seconds=0.2)

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    problem(await sitrep.http.post(WEBHOOK, content=trickle()), 408)


async def test_a_database_that_is_away_is_503_and_nothing_is_kept(sitrep: House) -> None:
    await sitrep.opened(wire_body())
    async with outage(sitrep.database_url):
        for answer in (
            await sitrep.post(wire_body(groupKey="another")),
            await sitrep.post(b"not json"),
            await sitrep.post(wire_body(wire_alert(labels={"alertname": "Watchdog"}))),
            await sitrep.http.get("/api/v1/incidents"),
            await sitrep.http.get("/readyz"),
        ):
            document = problem(answer, 503)
            assert "database" in document["detail"]
            assert "test_" not in document["detail"]
        assert (await sitrep.post(wire_body())).headers["retry-after"]
        assert (await sitrep.http.get("/healthz")).status_code == 200
    assert len(await sitrep.rows("select id from incident")) == 1
    assert await sitrep.rows("select id from rejected") == []
    assert await sitrep.rows("select name from heartbeat") == []
    assert (await sitrep.http.get("/readyz")).status_code == 200
    assert (await sitrep.post(wire_body(groupKey="another"))).status_code == 202


async def test_a_group_of_several_clusters_is_one_incident_a_cluster_and_each_resolves(sitrep: House) -> None:
    def alerts(status: str) -> list[dict[str, object]]:
        ended = {"endsAt": datetime.now(UTC).isoformat()} if status == "resolved" else {}
        labels = {"alertname": "Down", "namespace": "shop"}
        return [wire_alert(labels=labels | {"cluster": name}, status=status, **ended) for name in ("eu", "us")]

    first = (await sitrep.post(wire_body(alerts("firing")[0]))).json()["incidents"]
    both = (await sitrep.post(wire_body(*alerts("firing")))).json()["incidents"]
    assert len(both) == 2
    assert first[0]["id"] == both[0]["id"]
    await sitrep.post(wire_body(*alerts("resolved"), status="resolved"))
    assert {(await sitrep.record(incident["id"]))["state"] for incident in both} == {"resolved"}
