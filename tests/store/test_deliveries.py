"""Every state that a post can be in, and every point at which its sender can die."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.store.claims import Channel, Claim
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.news import want_edits
from app.store.parked import ParkedDeliveries
from app.store.partitions import month_of

pytestmark = pytest.mark.anyio
SLACK = Channel("slack", "C1")


class Outbox:
    """A store with one announced incident."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.deliveries = Deliveries(store)

    async def incident(self, severity: int = 2) -> UUID:
        incident_id = uuid7()
        now = datetime.now(UTC)
        async with self.store.transaction() as transaction:
            await transaction.execute(
                """
                insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace,
                  workload, title, headline, reported, subjects)
                values (%(id)s, %(month)s, 'firing', %(severity)s, %(now)s, 'A', '', '', '', 'A', 'A', '[]', '[]')
                """,
                id=incident_id,
                month=month_of(now),
                severity=severity,
                now=now,
            )
        return incident_id

    async def head(self, severity: int = 2) -> UUID:
        incident_id = await self.incident(severity)
        await self.deliveries.announce(incident_id, [("slack", "C1", "head")])
        return incident_id

    async def claimed(self, channel: Channel = SLACK) -> Claim:
        claim = await self.deliveries.claim(channel)
        assert claim is not None
        return claim

    async def later(self, seconds: float) -> None:
        """Let time pass, as far as deliveries can tell."""
        async with self.store.transaction() as transaction:
            await transaction.execute(
                """
                update delivery set due_at = due_at - make_interval(secs => %(s)s),
                  lease_until = lease_until - make_interval(secs => %(s)s)
                """,
                s=seconds,
            )

    async def want_again(self, incident_id: UUID) -> None:
        async with self.store.transaction() as transaction:
            await transaction.execute(
                "update delivery set wanted = wanted + 1, state = case when state = 'shown' then 'due' else state end"
                " where incident_id = %(id)s",
                id=incident_id,
            )

    async def state(self, incident_id: UUID, part: str = "head") -> tuple[str, str | None]:
        async with self.store.transaction() as transaction:
            row = await transaction.one(
                "select state, reference from delivery where incident_id = %(id)s and part = %(part)s",
                id=incident_id,
                part=part,
            )
        assert row
        return row["state"], row["reference"]


@pytest.fixture
async def outbox(database_url: str) -> AsyncIterator[Outbox]:
    store = Store(database_url)
    yield Outbox(store)
    await store.aclose()


async def test_announcing_twice_wants_the_head_once(outbox: Outbox) -> None:
    incident_id = await outbox.incident()
    wanted = [("slack", "C1", "head")]
    first = await asyncio.gather(*(outbox.deliveries.announce(incident_id, wanted) for _ in range(5)))
    assert sorted(one.first for one in first) == [False, False, False, False, True]
    assert await outbox.deliveries.due_channels() == [SLACK]
    await outbox.claimed()
    assert await outbox.deliveries.claim(SLACK) is None


async def test_a_claim_is_nobody_elses(outbox: Outbox) -> None:
    await outbox.head()
    claims = await asyncio.gather(*(outbox.deliveries.claim(SLACK) for _ in range(5)))
    assert len([claim for claim in claims if claim]) == 1


async def test_what_was_recorded_is_shown_and_not_due(outbox: Outbox) -> None:
    incident_id = await outbox.head()
    claim = await outbox.claimed()
    assert await outbox.deliveries.record(claim, "C1/1", "digest")
    assert await outbox.state(incident_id) == ("shown", "C1/1")
    assert await outbox.deliveries.due_channels() == []


async def test_news_during_the_send_makes_it_due_again(outbox: Outbox) -> None:
    incident_id = await outbox.head()
    claim = await outbox.claimed()
    await outbox.want_again(incident_id)
    await outbox.deliveries.record(claim, "C1/1", "digest")
    assert await outbox.state(incident_id) == ("due", "C1/1")
    again = await outbox.claimed()
    assert (again.reference, again.unknown, again.wanted) == ("C1/1", False, 2)


async def test_a_sender_that_dies_leaves_an_unknown_outcome_with_the_same_nonce(outbox: Outbox) -> None:
    await outbox.head()
    dead = await outbox.claimed()
    assert await outbox.deliveries.claim(SLACK) is None
    await outbox.later(31)
    heir = await outbox.claimed()
    assert heir.unknown
    assert heir.nonce == dead.nonce
    assert heir.lease != dead.lease


async def test_the_dead_senders_late_record_is_refused(outbox: Outbox) -> None:
    incident_id = await outbox.head()
    slow = await outbox.claimed()
    await outbox.later(31)
    heir = await outbox.claimed()
    assert await outbox.deliveries.record(heir, "C1/2", "digest")
    assert not await outbox.deliveries.record(slow, "C1/1", "digest")
    assert await outbox.deliveries.reference(slow) == "C1/2"
    assert await outbox.state(incident_id) == ("shown", "C1/2")


async def test_an_unknown_outcome_is_looked_for_twice_before_it_is_posted_again(outbox: Outbox) -> None:
    await outbox.head()
    claim = await outbox.claimed()
    await outbox.deliveries.leave_unknown(claim, "timed out after it was sent", 0)
    first = await outbox.claimed()
    assert (first.unknown, first.searches) == (True, 0)
    await outbox.deliveries.search_again(first)
    assert await outbox.deliveries.claim(SLACK) is None
    await outbox.later(16)
    second = await outbox.claimed()
    assert (second.unknown, second.searches) == (True, 1)
    await outbox.deliveries.post_again(second, may_repeat=False)
    third = await outbox.claimed()
    assert (third.unknown, third.nonce, third.may_repeat) == (False, claim.nonce, False)


async def test_a_channel_that_cannot_be_searched_gets_a_post_that_says_it_may_repeat(outbox: Outbox) -> None:
    await outbox.head()
    await outbox.deliveries.leave_unknown(await outbox.claimed(), "timed out", 0)
    await outbox.deliveries.post_again(await outbox.claimed(), may_repeat=True)
    assert (await outbox.claimed()).may_repeat


async def test_a_retry_waits_for_its_time(outbox: Outbox) -> None:
    await outbox.head()
    await outbox.deliveries.retry(await outbox.claimed(), "rate limited", 30)
    assert await outbox.deliveries.due_channels() == []
    await outbox.later(31)
    again = await outbox.claimed()
    assert (again.attempts, again.unknown) == (2, False)


async def test_a_head_that_is_gone_is_posted_anew_and_its_details_with_it(outbox: Outbox) -> None:
    incident_id = await outbox.head()
    await outbox.deliveries.record(await outbox.claimed(), "C1/1", "digest")
    await outbox.deliveries.announce(incident_id, [("slack", "C1", "details")])
    details = await outbox.claimed()
    assert (details.part, details.head_reference) == ("details", "C1/1")
    await outbox.deliveries.record(details, "C1/2", "digest")
    await outbox.want_again(incident_id)
    head = await outbox.claimed()
    assert head.part == "head"
    await outbox.deliveries.forget(head, "message_not_found")
    anew = await outbox.claimed()
    assert (anew.part, anew.reference) == ("head", None)
    assert anew.nonce != head.nonce
    assert await outbox.deliveries.claim(SLACK) is None, "the details wait for the new head"
    await outbox.deliveries.record(anew, "C1/3", "digest")
    assert (await outbox.claimed()).head_reference == "C1/3"


async def test_parked_is_kept_counted_and_not_tried_again(outbox: Outbox) -> None:
    incident_id = await outbox.head()
    await outbox.deliveries.park(await outbox.claimed(), "channel_not_found")
    assert await outbox.state(incident_id) == ("parked", None)
    assert await outbox.deliveries.due_channels() == []
    assert await ParkedDeliveries(outbox.store).counts() == {"slack": 1}
    assert await ParkedDeliveries(outbox.store).reasons() == [("slack", "channel_not_found", 1)]


async def test_first_messages_go_before_edits_and_severe_incidents_before_others(outbox: Outbox) -> None:
    shown = await outbox.head(severity=3)
    await outbox.deliveries.record(await outbox.claimed(), "C1/1", "digest")
    await outbox.want_again(shown)
    warning = await outbox.head(severity=2)
    critical = await outbox.head(severity=3)
    order = [(await outbox.claimed()).incident_id for _ in range(3)]
    assert order == [critical, warning, shown]


async def test_one_holder_of_a_channel_and_takeover_when_it_dies(outbox: Outbox) -> None:
    mine, theirs = Leases(outbox.store, uuid7()), Leases(outbox.store, uuid7())
    lease = await mine.take("channel:slack:C1", 0.2)
    assert lease is not None
    assert await theirs.take("channel:slack:C1", 1) is None
    await asyncio.sleep(0.3)
    taken = await theirs.take("channel:slack:C1", 1)
    assert taken is not None
    assert taken.token > lease.token
    await mine.rest(lease, 0)
    assert await mine.take("channel:slack:C1", 1) is None, "a lease that was lost cannot be put to rest"


async def test_a_channel_rests_for_everybody_after_a_send(outbox: Outbox) -> None:
    leases = Leases(outbox.store, uuid7())
    lease = await leases.take("channel:slack:C1", 30)
    assert lease is not None
    await leases.rest(lease, 0.4)
    assert await leases.take("channel:slack:C1", 30) is None
    await asyncio.sleep(0.5)
    assert await leases.take("channel:slack:C1", 30) is not None


async def test_an_incident_that_is_announced_while_a_webhook_tells_more_of_it_locks_nobody_out(outbox: Outbox) -> None:
    incident_id = await outbox.incident()
    wanted = [("slack", "C1", "head"), ("pagerduty", "key", "note")]
    await outbox.deliveries.announce(incident_id, wanted)
    async with outbox.store.transaction() as webhook:
        await webhook.execute("select 1 from incident where id = %(id)s for no key update", id=incident_id)
        await webhook.execute(
            "update delivery set error = null where incident_id = %(id)s and part = 'note'", id=incident_id
        )
        announcing = asyncio.create_task(outbox.deliveries.announce(incident_id, wanted))
        await asyncio.sleep(0.2)
        await want_edits(webhook, incident_id)
    assert not (await announcing).first
