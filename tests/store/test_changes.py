"""What is watched becomes changes, once each; what nobody did does not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.domain.change import Change, FieldDiff
from app.domain.subject import Subject
from app.domain.watched import Field, Gone, Sight, Watched, Whole
from app.store.changes import Changes, Told
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Lease, Leases
from app.store.watching import MOST_RECENT_CHANGES, Scope, Watching
from tests.store.house import CHECKOUT, PAYMENTS, T0, at

pytestmark = pytest.mark.anyio
DEPLOYMENTS = Scope("prod", "Deployment")
NODES = Scope("prod", "Node")


class Journal:
    """A journal whose lease is ours, and a clock that the test turns."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self.store = store
        self.lease = lease
        self.watching = Watching(store)
        self.changes = Changes(store)

    async def see(self, *items: Watched | Gone, scope: Scope = DEPLOYMENTS) -> int | None:
        return await self.watching.take_in(self.lease, scope, items)

    async def all_is(self, *items: Watched, scope: Scope = DEPLOYMENTS, minute: float = 0) -> int | None:
        """A whole list."""
        await self.see(*items, scope=scope)
        sight: Sight = Whole(frozenset(item.subject for item in items), at(minute))
        return await self.watching.take_in(self.lease, scope, sight)

    async def told(self, namespace: str = "shop", since: datetime = T0 - timedelta(days=1)) -> list[Change]:
        """Oldest first."""
        return (await self.changes.around({"prod"}, namespace, (since, T0 + timedelta(days=1))))[::-1]


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Journal]:
    store = Store(database_url)
    lease = await Leases(store, uuid7()).take("journal", 60)
    assert lease
    yield Journal(store, lease)
    await store.aclose()


def sight(subject: Subject = CHECKOUT, minute: float = 0, **fields: str) -> Watched:
    return Watched(subject, f"uid-{subject.name}", {name: Field(value) for name, value in fields.items()}, at(minute))


async def test_what_was_there_at_first_is_no_change_and_what_differs_later_is(journal: Journal) -> None:
    assert await journal.all_is(sight(image="a:1", replicas="2")) == 0
    assert await journal.see(replace(sight(minute=3, image="a:2", replicas="2"), actor="helm")) == 1
    (change,) = await journal.told()
    assert (change.subject, change.change, change.at, change.actor) == (CHECKOUT, "rollout", at(3), "helm")
    assert change.diff == (FieldDiff("image", "a:1", "a:2"),)
    assert change.summary == "rollout: image a:1 → a:2"


async def test_the_same_sight_again_is_no_change(journal: Journal) -> None:
    await journal.all_is(sight(image="a:1"))
    assert await journal.see(sight(minute=1, image="a:2")) == 1
    assert await journal.see(sight(minute=2, image="a:2")) == 0
    assert await journal.all_is(sight(image="a:2")) == 0


async def test_what_happened_while_nobody_watched_is_seen_at_the_next_list_with_its_time(journal: Journal) -> None:
    await journal.all_is(sight(image="a:1"), sight(PAYMENTS, image="p:1"))
    later = replace(sight(minute=60, image="a:2"), edited_at=at(20), actor="kubectl")
    assert await journal.all_is(later, minute=60) == 1
    first, second = await journal.told()
    assert (first.at, first.summary) == (at(20), "rollout: image a:1 → a:2")
    assert (second.subject, second.summary, second.at) == (PAYMENTS, "rollout: deleted", at(60))


async def test_what_appears_after_the_first_list_was_created(journal: Journal) -> None:
    await journal.all_is(sight(image="a:1"))
    await journal.see(replace(sight(PAYMENTS, minute=9, image="p:1"), created_at=at(8.5)))
    (change,) = await journal.told()
    assert (change.summary, change.at) == ("rollout: created", at(8.5))


async def test_what_appears_before_the_first_list_is_whole_was_there(journal: Journal) -> None:
    await journal.see(sight(image="a:1"))
    await journal.see(sight(PAYMENTS, image="p:1"))
    assert await journal.told() == []


async def test_a_secret_value_that_changed_is_named_and_nothing_of_it_is_kept(journal: Journal) -> None:
    path = "containers[app].env[DB_PASSWORD]"
    before = replace(sight(), fields={path: Field("(not shown)", "mark-1")})
    await journal.all_is(before)
    await journal.see(replace(before, fields={path: Field("(not shown)", "mark-2")}, at=at(2)))
    (change,) = await journal.told()
    assert change.summary == "rollout: env DB_PASSWORD changed"
    assert change.diff == (FieldDiff(path, "(not shown)", "(not shown)"),)


async def test_replicas_that_an_autoscaler_set_are_nobodys_change(journal: Journal) -> None:
    await journal.all_is(sight(replicas="2", image="a:1"))
    scaled = replace(sight(minute=1, replicas="5", image="a:1"), unmeant=frozenset({"replicas"}))
    assert await journal.see(scaled) == 0
    assert await journal.see(replace(sight(minute=2, replicas="0", image="a:1"), actor="kubectl")) == 1
    (change,) = await journal.told()
    assert change.summary == "scale: replicas 5 → 0"


async def test_where_nobody_says_who_scaled_an_autoscaler_is_believed_to_but_never_to_nothing(
    journal: Journal,
) -> None:
    autoscaler = Subject("prod", "shop", "HorizontalPodAutoscaler", "checkout")
    target = '{"apiVersion":"apps/v1","kind":"Deployment","name":"checkout"}'
    await journal.all_is(sight(autoscaler, scaleTargetRef=target), scope=Scope("prod", autoscaler.kind))
    await journal.all_is(sight(replicas="2"), sight(PAYMENTS, replicas="2"))
    assert await journal.see(sight(minute=1, replicas="5")) == 0
    assert await journal.see(sight(PAYMENTS, minute=1, replicas="5")) == 1
    assert await journal.see(sight(minute=2, replicas="0")) == 1


async def test_a_cordon_is_told_in_words_and_to_every_namespace(journal: Journal) -> None:
    node = Subject("prod", "", "Node", "node-3")
    await journal.all_is(sight(node, kubeletVersion="v1"), scope=NODES)
    await journal.see(sight(node, minute=1, kubeletVersion="v1", unschedulable="true"), scope=NODES)
    await journal.see(sight(node, minute=2, kubeletVersion="v2"), scope=NODES)
    assert [change.summary for change in await journal.told()] == [
        "node node-3: cordoned",
        "node node-3: kubeletVersion v1 → v2; uncordoned",
    ]


async def test_what_changes_all_the_time_is_no_cause_until_it_has_calmed_down(journal: Journal) -> None:
    status = Subject("prod", "shop", "ConfigMap", "autoscaler-status")
    scope = Scope("prod", "ConfigMap")
    await journal.all_is(sight(status, probe="0"), scope=scope)
    for number in range(1, 40):
        await journal.see(sight(status, minute=number / 6, probe=str(number)), scope=scope)
    assert len(await journal.told()) <= MOST_RECENT_CHANGES + 2
    before = len(await journal.told())
    assert await journal.see(sight(status, minute=200, probe="calm"), scope=scope) == 1
    assert len(await journal.told()) == before + 1


async def test_who_lost_the_lease_writes_nothing(journal: Journal) -> None:
    await journal.all_is(sight(image="a:1"))
    async with journal.store.transaction() as transaction:
        await transaction.execute("update lease set token = token + 1, holder = %(id)s", id=uuid7())
    assert await journal.see(sight(minute=1, image="a:2")) is None
    assert await journal.told() == []


async def test_two_who_see_the_same_at_once_tell_it_once(journal: Journal) -> None:
    await journal.all_is(sight(image="a:1"))
    seen = sight(minute=1, image="a:2")
    found = await asyncio.gather(*(journal.see(seen) for _ in range(8)))
    assert sorted(one or 0 for one in found) == [0] * 7 + [1]


async def test_a_namespaces_list_leaves_the_others_alone(journal: Journal) -> None:
    elsewhere = replace(CHECKOUT, namespace="cart")
    await journal.all_is(sight(), scope=Scope("prod", "Deployment", "shop"))
    await journal.all_is(sight(elsewhere), scope=Scope("prod", "Deployment", "cart"))
    assert await journal.all_is(scope=Scope("prod", "Deployment", "shop")) == 1
    assert [change.subject for change in await journal.told()] == [CHECKOUT]
    assert await journal.told("cart") == []


async def test_what_is_reported_twice_is_kept_once(journal: Journal) -> None:
    change = Change("c", CHECKOUT, at(1), "deploy", "deployed 1.4.2", (), "ci")
    assert await journal.changes.tell([Told(change, "ci", "build-17"), Told(change, "ci")]) == 2
    assert await journal.changes.tell([Told(change, "ci", "build-17")]) == 0
    assert [one.summary for one in await journal.told()] == ["deployed 1.4.2"] * 2


async def test_a_hostile_name_is_kept_as_text(journal: Journal) -> None:
    hostile = Subject("prod", "shop", "ConfigMap", "x'; drop table change; --\x00")
    scope = Scope("prod", "ConfigMap")
    await journal.all_is(scope=scope)
    assert await journal.see(sight(replace(hostile, name="ok"), minute=1, **{"data[\x00]": "\x00"}), scope=scope) == 1
    assert await journal.changes.tell([Told(Change("c", hostile, at(2), "config", "a\x00b"), "ci")]) == 1
    assert len(await journal.told()) == 2
