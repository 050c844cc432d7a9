"""`sitrep doctor`: what is broken, and what to do about it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from app.doctor import examine
from app.domain.diagnosis import Diagnosis
from app.domain.watched import Whole
from app.settings import load_settings
from app.store.embedded import EmbeddedPostgres
from app.store.engine import Store
from app.store.heartbeats import WATCHDOG, Heartbeats
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.migrate import migrate
from app.store.partitions import month_of
from app.store.watching import Scope, Watching
from tests.addresses import NO_ADDRESSES, PASSWORD
from tests.fakes.elasticsearch import FakeElasticsearch
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.fakes.slack import FakeSlack
from tests.fakes.world import sources_of, world


@pytest.mark.anyio
async def test_doctor_names_what_is_broken_and_what_to_do(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording.named("checkout_oom", now=datetime.now(UTC))
    async with world(recording) as stand_ins, FakeSlack(channels=("C0ONCALL",)) as slack:
        known = sources_of(stand_ins, folder)
        monkeypatch.setenv("KUBECONFIG", known.pop("KUBECONFIG"))
        settings = load_settings(
            {
                **known,
                "SITREP_DATABASE_URL": database_url,
                "SITREP_SLACK_TOKEN": slack.token,
                "SITREP_SLACK_API_URL": slack.api_url,
                "SITREP_SLACK_CHANNEL": "C0WRONG",
            }
        )
        stand_ins.kubernetes.forbidden.add("events")
        stand_ins.prometheus.trouble = Trouble("html")
        found = {diagnosis.name: diagnosis for diagnosis in await examine(settings)}
    assert found["loki"].healthy
    assert "HTML" in found["prometheus"].statement
    assert "events" in found["kubernetes"].statement
    assert "C0WRONG" in found["slack"].statement
    assert "never seen" in found["watchdog"].statement
    for name in ("prometheus", "kubernetes", "slack", "watchdog"):
        assert not found[name].healthy
        assert found[name].fix, name
    assert found["database"].healthy
    assert "SITREP_PAGERDUTY_TOKEN" in found["pagerduty"].statement


async def examined(**settings: str) -> dict[str, Diagnosis]:
    """What the doctor says of a Sitrep without sources."""
    given = {"SITREP_KUBERNETES": "off", "SITREP_PROBES": "off", **settings}
    return {diagnosis.name: diagnosis for diagnosis in await examine(load_settings(given))}


@pytest.mark.anyio
async def test_doctor_names_a_missing_log_store_once_and_none_where_there_is_one() -> None:
    found = await examined()
    assert found["logs"].statement.startswith("off; set SITREP_LOKI_URL, SITREP_VICTORIALOGS_URL or ")
    async with FakeElasticsearch(Recording(now=datetime.now(UTC))) as logs:
        found = await examined(SITREP_ELASTICSEARCH_URL=logs.url, SITREP_ELASTICSEARCH_INDEX="gone")
    assert "logs" not in found
    assert "no such index [gone]" in found["elasticsearch"].statement
    assert not found["elasticsearch"].healthy


@pytest.mark.anyio
async def test_doctor_says_that_a_database_is_not_migrated(fresh_database: Callable[[], Awaitable[str]]) -> None:
    url = await fresh_database()
    found = await examined(SITREP_DATABASE_URL=url)
    assert not found["database"].healthy
    assert found["database"].statement == "the schema is not there"
    assert "sitrep migrate" in found["database"].fix
    await asyncio.to_thread(migrate, url, "0001")
    found = await examined(SITREP_DATABASE_URL=url)
    assert not found["database"].healthy
    assert "revision 0001" in found["database"].statement
    assert "sitrep migrate" in found["database"].fix


@pytest.mark.anyio
async def test_doctor_names_secrets_that_cannot_be_read(folder: Path, database_url: str) -> None:
    (folder / "empty").write_text("\n")
    (folder / "good").write_text("read-" + "token")
    found = await examined(
        SITREP_DATABASE_URL=database_url,
        SITREP_WEBHOOK_TOKENS_FILE=str(folder / "missing"),
        SITREP_LINK_SECRET_FILE=str(folder / "empty"),
        SITREP_SLACK_TOKEN_FILE=str(folder),
        SITREP_API_TOKENS_FILE=str(folder / "good"),
    )
    for name, said in (
        ("SITREP_WEBHOOK_TOKENS_FILE", str(folder / "missing")),
        ("SITREP_LINK_SECRET_FILE", "empty"),
        ("SITREP_SLACK_TOKEN_FILE", str(folder)),
    ):
        assert not found[name].healthy
        assert said in found[name].statement
        assert found[name].fix
    assert "SITREP_API_TOKENS_FILE" not in found


@pytest.mark.anyio
async def test_doctor_looks_into_the_embedded_database_while_it_runs(folder: Path) -> None:
    data_dir = folder / "data"
    found = await examined(SITREP_DATA_DIR=str(data_dir))
    assert found["database"].healthy
    assert "start" in found["database"].statement
    assert "watchdog" not in found
    server = EmbeddedPostgres(data_dir, durable=False)
    try:
        url = server.start()
        migrate(url)
        store = Store(url)
        await Heartbeats(store).beat(WATCHDOG)
        await store.aclose()
        found = await examined(SITREP_DATA_DIR=str(data_dir))
    finally:
        server.stop()
    assert found["database"].statement == "embedded, running"
    assert found["watchdog"].healthy
    assert found["deliveries"].healthy


async def delivery(store: Store, state: str, *, error: str | None = None, reference: str | None = None) -> UUID:
    """A PagerDuty note of an incident of its own in this state."""
    incident_id, now = uuid7(), datetime.now(UTC)
    async with store.transaction() as transaction:
        await transaction.execute(
            """
            insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace,
              workload, title, headline, reported, subjects)
            values (%(id)s, %(month)s, 'firing', 2, %(now)s, 'A', '', '', '', 'A', 'A', '[]', '[]')
            """,
            id=incident_id,
            month=month_of(now),
            now=now,
        )
        await transaction.execute(
            """
            insert into delivery (incident_id, notifier, target, part, state, error, reference, nonce)
            values (%(id)s, 'pagerduty', 'key', 'note', %(state)s, %(error)s, %(reference)s, gen_random_uuid())
            """,
            id=incident_id,
            state=state,
            error=error,
            reference=reference,
        )
    return incident_id


@pytest.mark.anyio
async def test_alerts_that_page_nobody_are_no_fault_but_that_none_ever_does_is(database_url: str) -> None:
    store = Store(database_url)
    try:
        missed = await delivery(store, "parked", error="no_pagerduty_incident: none has this key")
        found = await examined(SITREP_DATABASE_URL=database_url)
        assert found["deliveries"].healthy
        assert not found["pagerduty_notes"].healthy
        assert "one receiver" in found["pagerduty_notes"].fix
        await delivery(store, "shown", reference="PINC/PNOTE")
        found = await examined(SITREP_DATABASE_URL=database_url)
        assert found["pagerduty_notes"].healthy
        assert "1 " in found["pagerduty_notes"].statement
        async with store.transaction() as transaction:
            await transaction.execute(
                "update delivery set created_at = now() - interval '2 days', due_at = now() - interval '2 days'"
                " where incident_id = %(id)s",
                id=missed,
            )
        assert "pagerduty_notes" not in await examined(SITREP_DATABASE_URL=database_url)
    finally:
        await store.aclose()


@pytest.mark.anyio
async def test_doctor_names_incidents_that_could_not_be_looked_into(database_url: str) -> None:
    store = Store(database_url)
    try:
        await delivery(store, "shown")
        assert "incidents" not in await examined(SITREP_DATABASE_URL=database_url)
        async with store.transaction() as transaction:
            await transaction.execute("update incident set parked = 'enrichment failed 5 times, last with X'")
        found = await examined(SITREP_DATABASE_URL=database_url)
        assert not found["incidents"].healthy
        assert "last with X" in found["incidents"].statement
        assert "sitrep incidents ask" in found["incidents"].fix
    finally:
        await store.aclose()


@pytest.mark.anyio
async def test_doctor_names_what_is_not_watched_for_changes(database_url: str) -> None:
    async def said() -> str:
        found = await examined(SITREP_DATABASE_URL=database_url)
        return found["journal"].statement if "journal" in found else ""

    store = Store(database_url)
    try:
        assert await said() == ""
        lease = await Leases(store, uuid7()).take("journal:prod", 60)
        assert lease
        watching = Watching(store)
        for kind in ("Deployment", "ConfigMap"):
            await watching.take_in(lease, Scope("prod", kind), Whole(frozenset(), datetime.now(UTC)))
        async with store.transaction() as transaction:
            await transaction.execute("update watch_scope set since = now() - interval '2 days'")
        assert await said() == "2 kinds of objects are watched for changes"
        await watching.failed(Scope("prod", "ConfigMap"), "no permission to watch configmaps (403)")
        assert await said() == "not watched: ConfigMap (no permission to watch configmaps (403))"
        async with store.transaction() as transaction:
            await transaction.execute("update watch_scope set seen_at = now() - interval '1 h'")
        assert await said() == "nobody watches the cluster now"
    finally:
        await store.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("url", NO_ADDRESSES[1:])
async def test_doctor_names_an_address_of_no_database_without_the_password(url: str) -> None:
    found = await examined(SITREP_DATABASE_URL=url)
    assert not found["database"].healthy
    assert "SITREP_DATABASE_URL" in found["database"].fix
    assert PASSWORD not in repr(found)


@pytest.mark.anyio
async def test_a_broken_playbook_of_the_teams_is_named_with_file_line_and_what_is_used_meanwhile(folder: Path) -> None:
    (folder / "good.yaml").write_text("alerts: [PaymentsSlow]\n")
    assert "playbooks" not in await examined(SITREP_PLAYBOOKS_DIR=str(folder))
    (folder / "bad.yaml").write_text("alerts: [PaymentsSlow]\nfirst_checks:\n  - kubectl delete pod x\n")
    found = (await examined(SITREP_PLAYBOOKS_DIR=str(folder)))["playbooks"]
    assert not found.healthy
    assert found.statement.startswith(f"{folder / 'bad.yaml'}:3: only commands that read")
    assert found.fix == "until then its last good version is used, or ours"
