"""Groups become incidents: opening, repeating, joining, resolving, reopening; on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.domain.alert import AlertStatus, Severity
from app.store.acceptance import Acceptance
from app.store.claims import Channel
from app.store.engine import Transaction
from app.store.post import Post
from app.store.queue import Wish
from tests.store.house import CHECKOUT, PAYMENTS, House, alert, at, group

pytestmark = pytest.mark.anyio


async def test_a_new_group_opens_an_incident_with_its_alerts_and_one_job(house: House) -> None:
    incident_id = await house.post(alert("Crash"), alert("Slow", severity="critical"), minute=1)
    incident = await house.get(incident_id)
    assert incident.state is AlertStatus.FIRING
    assert incident.severity is Severity.CRITICAL
    assert incident.title == "Slow shop/checkout"
    assert {a.name for a in incident.alerts} == {"Crash", "Slow"}
    assert [e.kind for e in incident.timeline] == ["alert.firing", "alert.firing"]
    assert await house.jobs(incident_id) == 1


async def test_the_same_body_again_changes_nothing(house: House) -> None:
    first = await house.post(alert(), minute=1)
    again = await house.post(alert(), minute=1.5)
    assert again == first
    assert await house.revisions(first) == (1, 0)
    assert await house.jobs(first) == 1


async def test_an_alert_that_joins_raises_the_wanted_revision_and_no_second_job(house: House) -> None:
    first = await house.post(alert(), minute=1)
    again = await house.post(alert(), alert("Slow", starts=2), minute=3)
    assert again == first
    assert await house.revisions(first) == (2, 0)
    assert await house.jobs(first) == 1


async def test_a_partly_resolved_group_stays_firing(house: House) -> None:
    first = await house.post(alert(), alert("Slow"), minute=1)
    await house.post(alert(ends=4), alert("Slow"), minute=5)
    incident = await house.get(first)
    assert incident.state is AlertStatus.FIRING
    assert incident.resolved_at is None


async def test_resolve_closes_with_the_time_of_the_last_end(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.post(alert(ends=4), minute=5)
    incident = await house.get(first)
    assert incident.state is AlertStatus.RESOLVED
    assert incident.resolved_at == at(4)
    assert [e.kind for e in incident.timeline] == ["alert.firing", "alert.resolved"]


async def test_a_resolved_body_that_was_truncated_concludes_nothing(house: House) -> None:
    first = await house.post(alert(), alert("Slow"), minute=1)
    await house.post(alert(ends=4), minute=5, truncated=1)
    assert (await house.get(first)).state is AlertStatus.FIRING


async def test_a_refire_within_the_hour_reopens_the_same_incident(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    await house.post(alert(ends=4), minute=5)
    again = await house.post(alert(starts=20), minute=21)
    assert again == first
    incident = await house.get(first)
    assert incident.state is AlertStatus.FIRING
    assert incident.resolved_at is None
    assert await house.news(first) == ["news.refire"]


async def test_a_refire_after_more_than_an_hour_is_a_new_incident(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.post(alert(ends=4), minute=5)
    again = await house.post(alert(starts=70), minute=71)
    assert again != first
    assert (await house.get(first)).state is AlertStatus.RESOLVED
    assert (await house.get(again)).state is AlertStatus.FIRING


async def test_a_critical_alert_that_joins_an_old_warning_group_is_news(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    await house.post(alert(), alert("Down", starts=20, severity="critical"), minute=21)
    incident = await house.get(first)
    assert incident.severity is Severity.CRITICAL
    assert await house.news(first) == ["news.severity"]
    assert [(d.part, d.state) for d in incident.deliveries] == [("head", "due"), ("news:broadcast:1", "due")]


async def test_a_subject_that_joins_is_news_and_what_comes_soon_after_waits_in_the_same_reply(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    await house.post(alert(), alert("Slow"), minute=2, subjects=(CHECKOUT, PAYMENTS))
    await house.post(alert(), alert("Slow"), alert("Down", severity="critical"), minute=3)
    assert await house.news(first) == ["news.joined", "news.severity"]
    replies = [d.part for d in (await house.get(first)).deliveries if d.part.startswith("news:")]
    assert replies == ["news:broadcast:1"]


async def test_a_repeat_after_hours_is_news_and_a_replicas_duplicate_is_not(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    await house.post(alert(), minute=1.2)
    assert await house.news(first) == []
    await house.post(alert(), minute=241)
    assert await house.news(first) == ["news.repeat"]


async def test_nothing_is_news_before_the_head_is_out(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.post(alert(), alert("Down", severity="critical"), minute=1.1)
    assert await house.news(first) == []


async def test_a_body_that_is_resolved_from_the_start_is_kept_and_wakes_nobody(house: House) -> None:
    first = await house.post(alert(ends=4), minute=5)
    incident = await house.get(first)
    assert incident.state is AlertStatus.RESOLVED
    assert incident.announced_at is not None
    assert await house.incidents.unannounced(0) == []


async def test_an_alert_that_begins_anew_in_an_open_incident_is_told(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    assert await house.post(alert(starts=600), minute=601) == first
    assert await house.news(first) == ["news.refire"]


async def test_a_restart_is_told_once_however_much_changes_later(house: House) -> None:
    first = await house.post(alert(), alert("Slow"), minute=1)
    await house.announce(first)
    await house.post(alert(starts=14), alert("Slow"), minute=15)
    await house.post(alert(starts=14), alert("Slow", ends=40), minute=41)
    await house.post(alert(starts=14), alert("Other", starts=60), minute=61)
    assert await house.news(first) == ["news.refire"]


async def test_what_was_parked_is_tried_again_at_the_next_webhook(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    async with house.store.transaction() as transaction:
        await transaction.execute("update delivery set state = 'parked', error = 'invalid_auth'")
    await house.post(alert(), minute=1.1)
    assert [d.state for d in (await house.get(first)).deliveries] == ["due"]


async def test_an_incident_that_nobody_was_told_of_is_announced_at_once_when_it_rises(house: House) -> None:
    first = await house.post(alert(severity="info"), minute=1)
    await house.deliveries.announce(first, [])
    assert await house.incidents.unannounced(0) == []
    await house.post(alert(severity="info"), alert("Down", severity="critical"), minute=5)
    assert await house.incidents.unannounced(0) == [first]


async def test_subjects_that_analysis_renamed_do_not_join_again(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    async with house.store.transaction() as transaction:
        renamed = '[{"cluster": "prod", "namespace": "shop", "kind": "CronJob", "name": "backup"}]'
        await transaction.execute("update incident set subjects = %(s)s::jsonb", s=renamed)
    await house.post(alert(), alert("Slow"), minute=3)
    assert await house.news(first) == []


async def test_writers_of_an_incident_and_its_outbox_do_not_wait_for_each_other_in_a_circle(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.deliveries.announce(first, [("slack", "C1", "head"), ("slack", "C1", "details")])
    for turn in range(12):
        claim = await house.deliveries.claim(Channel("slack", "C1"))
        assert claim
        await asyncio.gather(
            house.deliveries.record(claim, "C1/1", f"digest {turn}"),
            house.post(alert(), alert(f"Other{turn}", starts=turn), minute=turn + 2),
        )


async def test_two_clusters_share_a_group_key_and_no_incident(house: House) -> None:
    body = group(alert())
    first = await house.acceptance.accept(Post(body, (CHECKOUT,), at(1)))
    other = replace(body, cluster="staging")
    second = await house.acceptance.accept(Post(other, (replace(CHECKOUT, cluster="staging"),), at(1)))
    assert first != second


async def test_nothing_is_kept_when_the_job_cannot_be_enqueued(house: House) -> None:
    async def refuse(transaction: Transaction, incident_id: UUID, wish: Wish) -> None:
        del transaction, incident_id, wish
        raise ConnectionError("the queue is away")

    acceptance = Acceptance(house.store, refuse, timedelta(minutes=60))
    body = group(alert())
    with pytest.raises(Exception, match="the queue is away"):
        await acceptance.accept(Post(body, (CHECKOUT,), at(1)))
    assert await house.incidents.unannounced(0) == []
    async with house.store.transaction() as transaction:
        assert await transaction.all("select * from alert_group") == []


async def test_a_replica_whose_clock_is_ahead_delays_no_first_word(house: House) -> None:
    ahead = (datetime.now(UTC) - at(0)).total_seconds() / 60 + 60
    first = await house.post(alert(), minute=ahead)
    assert (await house.get(first)).received_at <= datetime.now(UTC)
    assert await house.incidents.unannounced(0) == [first]
    assert (await house.get(first)).timings["accepted_ms"] == 0
