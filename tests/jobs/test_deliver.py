"""The sender: one send a channel and second, and what it makes of each outcome."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.domain.incident import Incident
from app.jobs.deliver import Sender
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import CANNOT_SEARCH_CODE, Letter, Target
from app.store.claims import Channel
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.incidents import Incidents
from app.store.leases import Leases
from app.store.parked import ParkedDeliveries
from app.store.partitions import month_of

pytestmark = pytest.mark.anyio
WALL = Channel("wall", "W1")
LOST = DeliveryError("no answer in 8 s", retryable=True, unknown=True)


@dataclass
class Wall:
    """A notifier that keeps what it is sent; `troubles` are raised one after the other, after or before keeping."""

    name: str = "wall"
    news: bool = True
    troubles: deque[DeliveryError] = field(default_factory=deque)
    keeps_lost: bool = True
    searchable: bool = True
    letters: list[Letter] = field(default_factory=list)
    standing: dict[str, UUID] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    pause_seconds: float = 0.0

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        del incident
        return (Target("W1", "head"),)

    def tells(self, part: str) -> bool:
        return self.news or not part.startswith("news:")

    def digest(self, letter: Letter) -> str:
        return letter.incident.headline

    async def send(self, letter: Letter) -> str:
        await asyncio.sleep(self.pause_seconds)
        self.letters.append(letter)
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble and not (trouble.unknown and self.keeps_lost):
            raise trouble
        reference = letter.reference or f"W1/{len(self.standing) + 1}"
        self.standing[reference] = letter.nonce
        if trouble:
            raise trouble
        return reference

    async def find(self, letter: Letter) -> str | None:
        if not self.searchable:
            raise DeliveryError("no scope", retryable=False, code=CANNOT_SEARCH_CODE)
        return next((at for at, nonce in self.standing.items() if nonce == letter.nonce), None)

    async def withdraw(self, target: str, reference: str) -> None:
        del target
        self.withdrawn.append(reference)

    async def check(self) -> Diagnosis:
        return Diagnosis(self.name, healthy=True, statement="a wall")

    async def aclose(self) -> None:
        return None


class House:
    """One incident with a head that is due, and a sender that the test lets run."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.wall = Wall()
        self.deliveries = Deliveries(store)
        self.incident_id = uuid7()

    def sender(self) -> Sender:
        leases = Leases(self.store, uuid7())
        return Sender(Incidents(self.store), self.deliveries, Dispatcher([self.wall]), leases)

    async def open(self) -> None:
        now = datetime.now(UTC)
        async with self.store.transaction() as transaction:
            await transaction.execute(
                """
                insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace,
                  workload, title, headline, reported, subjects)
                values (%(id)s, %(month)s, 'firing', 3, %(now)s, 'A', '', '', '', 'A', 'first', '[]', '[]')
                """,
                id=self.incident_id,
                month=month_of(now),
                now=now,
            )
        await self.deliveries.announce(self.incident_id, [("wall", "W1", "head")])

    async def change(self, headline: str) -> None:
        async with self.store.transaction() as transaction:
            await transaction.execute("update incident set headline = %(h)s", h=headline)
            await transaction.execute(
                "update delivery set wanted = wanted + 1, state = case state when 'shown' then 'due' else state end"
            )

    async def round(self, sender: Sender | None = None) -> None:
        """Let what is due be sent, as if the channel had rested long enough."""
        await self.later(1000)
        await self.once(sender)

    async def once(self, sender: Sender | None = None) -> None:
        one = sender or self.sender()
        await one.start_due()
        await one.aclose()

    async def later(self, seconds: float) -> None:
        async with self.store.transaction() as transaction:
            await transaction.execute("update lease set until = until - make_interval(secs => %(s)s)", s=seconds)
            await transaction.execute("update delivery set due_at = due_at - make_interval(secs => %(s)s)", s=seconds)

    async def state(self) -> tuple[str, str | None]:
        (delivery,) = (await Incidents(self.store).get(self.incident_id)).deliveries
        return delivery.state, delivery.reference


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    store = Store(database_url)
    house = House(store)
    await house.open()
    yield house
    await store.aclose()


async def test_it_is_sent_once_and_edited_in_place(house: House) -> None:
    await house.round()
    await house.round()
    await house.change("second")
    await house.round()
    assert [(letter.reference, letter.incident.headline) for letter in house.wall.letters] == [
        (None, "first"),
        ("W1/1", "second"),
    ]
    assert await house.state() == ("shown", "W1/1")


async def test_an_edit_that_would_show_the_same_is_not_sent(house: House) -> None:
    await house.round()
    await house.change("first")
    await house.round()
    assert len(house.wall.letters) == 1
    assert await house.state() == ("shown", "W1/1")


async def test_after_a_lost_answer_the_message_is_found_and_edited_not_posted_again(house: House) -> None:
    house.wall.troubles.append(LOST)
    await house.round()
    await house.round()
    await house.round()
    assert list(house.wall.standing) == ["W1/1"]
    assert await house.state() == ("shown", "W1/1")


async def test_what_really_was_lost_is_posted_after_two_looks(house: House) -> None:
    house.wall.troubles.append(LOST)
    house.wall.keeps_lost = False
    for _ in range(4):
        await house.round()
    assert len(house.wall.letters) == 2
    assert house.wall.letters[0].nonce == house.wall.letters[1].nonce
    assert await house.state() == ("shown", "W1/1")


async def test_where_nobody_can_look_it_is_posted_again_and_says_so(house: House) -> None:
    house.wall.troubles.append(LOST)
    house.wall.searchable = False
    for _ in range(3):
        await house.round()
    assert [letter.may_repeat for letter in house.wall.letters] == [False, True]


async def test_posts_that_nobody_can_look_for_are_repeated_ever_more_rarely(house: House) -> None:
    house.wall.searchable = False
    house.wall.troubles.extend([LOST] * 6)
    waits = []
    for _ in range(6):
        await house.round()
        await house.round()
        async with house.store.transaction() as transaction:
            row = await transaction.one("select extract(epoch from due_at - now())::float as wait from delivery")
        assert row
        waits.append(round(row["wait"]))
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]


async def test_a_rate_limit_waits_as_long_as_it_says(house: House) -> None:
    house.wall.troubles.append(DeliveryError("rate limited", retryable=True, retry_after_seconds=30))
    await house.round()
    assert await house.state() == ("due", None)
    assert await house.deliveries.due_channels() == []
    await house.round()
    assert await house.state() == ("shown", "W1/1")


async def test_a_rate_limit_silences_the_whole_channel_for_everybody_and_no_other(house: House) -> None:
    await house.deliveries.announce(house.incident_id, [("wall", "W1", "note")])
    house.wall.troubles.append(DeliveryError("rate limited", retryable=True, retry_after_seconds=30))
    await house.round()
    await house.deliveries.announce(house.incident_id, [("wall", "W2", "note")])
    await house.later(25)
    for _ in range(2):
        await house.once()
    assert [letter.target for letter in house.wall.letters] == ["W1", "W2"]
    for _ in range(3):
        await house.later(6)
        await house.once()
    assert {(letter.target, letter.part) for letter in house.wall.letters[2:]} == {("W1", "head"), ("W1", "note")}


async def test_a_message_that_is_gone_is_posted_anew_with_a_new_nonce(house: House) -> None:
    await house.round()
    await house.change("second")
    house.wall.troubles.append(DeliveryError("message_not_found", retryable=True, gone=True))
    await house.round()
    await house.round()
    first, _, anew = house.wall.letters
    assert (anew.reference, anew.incident.headline) == (None, "second")
    assert anew.nonce != first.nonce


async def test_what_is_hopeless_is_parked_with_its_reason(house: House) -> None:
    house.wall.troubles.append(DeliveryError("channel_not_found", retryable=False, code="channel_not_found"))
    await house.round()
    await house.round()
    assert await house.state() == ("parked", None)
    assert await ParkedDeliveries(house.store).reasons() == [("wall", "channel_not_found", 1)]
    assert len(house.wall.letters) == 1


async def test_two_senders_never_speak_in_one_channel_at_once(house: House) -> None:
    house.wall.pause_seconds = 0.3
    await asyncio.gather(*(house.once(house.sender()) for _ in range(4)))
    assert len(house.wall.letters) == 1


async def test_a_channel_is_used_once_a_second(house: House) -> None:
    sender = house.sender()
    await sender.start_due()
    await sender.aclose()
    await house.change("second")
    await sender.start_due()
    await sender.aclose()
    assert len(house.wall.letters) == 1
    await asyncio.sleep(1.1)
    await sender.start_due()
    await sender.aclose()
    assert len(house.wall.letters) == 2


async def test_a_sender_whose_lease_ended_withdraws_its_second_message(house: House) -> None:
    house.wall.pause_seconds = 0.5
    slow = asyncio.create_task(house.round())
    await asyncio.sleep(0.3)
    async with house.store.transaction() as transaction:
        await transaction.execute(
            "update delivery set lease = gen_random_uuid(), state = 'shown', shown = wanted, reference = 'W1/other'"
        )
    await slow
    assert house.wall.withdrawn == ["W1/1"]
    assert await house.state() == ("shown", "W1/other")


async def test_news_for_a_notifier_that_tells_none_is_dropped(house: House) -> None:
    house.wall.news = False
    await house.round()
    await house.deliveries.announce(house.incident_id, [("wall", "W1", "news:broadcast:1")])
    await house.round()
    assert [letter.part for letter in house.wall.letters] == ["head"]
    assert await house.deliveries.due_channels() == []
