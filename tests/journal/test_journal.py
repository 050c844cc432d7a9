"""A change of the cluster is in the journal within seconds, whoever keeps it, and on the next incident's evidence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.domain.change import Change
from app.domain.query import ChangesQuery
from app.domain.subject import Subject
from app.gather.sources.kubernetes import Connection, KubernetesSource
from app.journal.keeper import JournalKeeper
from app.journal.source import JournalSource
from app.settings import Settings
from app.store.changes import Changes
from app.store.engine import Store
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.watching import Watching
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.recording import Recording
from tests.gather.cluster import body, deployment, template

pytestmark = pytest.mark.anyio
KEY = b"k" * 32
SHOP = Subject("prod", "", "Namespace", "shop")
SECRET = "hunter" + "2hunter2"


class Town:
    """A cluster, its journal, and as many keepers as a test wants."""

    def __init__(self, cluster: FakeKubernetes, store: Store, config: Path) -> None:
        self.cluster = cluster
        self.store = store
        self.source = JournalSource(Changes(store), Watching(store), "prod", is_watching=True)
        self._config = config

    @asynccontextmanager
    async def process(self) -> AsyncIterator[JournalKeeper]:
        """A process that could watch."""
        connection = await Connection.open(context="", config_file=str(self._config), timeout_seconds=5.0)
        assert connection
        watches = KubernetesSource(connection).watches(KEY, Settings(cluster="prod"))
        yield JournalKeeper(Watching(self.store), Leases(self.store, uuid7()), "prod", watches)
        await connection.aclose()

    @asynccontextmanager
    async def keeper(self) -> AsyncIterator[asyncio.Task[None]]:
        """A process that watches, if it is its turn."""
        async with self.process() as keeper, watching(keeper) as task:
            yield task

    async def changes(self) -> list[Change]:
        """Oldest first."""
        now = datetime.now(UTC)
        query = ChangesQuery("what changed in shop", SHOP, now - timedelta(days=400), now + timedelta(minutes=1))
        return list((await self.source.answer(query)).of(Change))[::-1]

    async def until(self, holds: Callable[[list[Change]], bool], seconds: float = 5.0) -> list[Change]:
        """The changes, as soon as they are as the test wants them."""
        async with asyncio.timeout(seconds):
            while not holds(found := await self.changes()):
                await asyncio.sleep(0.05)
        return found

    async def settled(self) -> None:
        """All that there is has been listed."""
        async with asyncio.timeout(10):
            while sum(bool(state.since) for state in await Watching(self.store).states("prod")) < 14:
                await asyncio.sleep(0.05)

    async def holder(self) -> Any:  # noqa: ANN401 - a UUID
        async with self.store.transaction() as transaction:
            row = await transaction.one("select holder from lease where name = 'journal:prod'")
        return row and row["holder"]


@asynccontextmanager
async def watching(keeper: JournalKeeper) -> AsyncIterator[asyncio.Task[None]]:
    """For as long as this stands it watches, if it is its turn."""

    async def forever() -> None:
        while True:
            await keeper.work(asyncio.Event())
            await asyncio.sleep(0.1)

    task = asyncio.create_task(forever())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


NODE = body("Node", "node-3", spec={}, status={"nodeInfo": {"kubeletVersion": "v1"}})
SERVICE = body("Service", "checkout", spec={"selector": {"app": "checkout"}, "ports": [{"port": 80}]})
QUOTA = body("ResourceQuota", "compute", spec={"hard": {"cpu": "4"}})
SETTINGS = body("ConfigMap", "settings", data={"LEVEL": "info", "PASSWORD": SECRET})


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    store = Store(database_url)
    objects = [deployment(), NODE, SERVICE, QUOTA, SETTINGS]
    async with FakeKubernetes(Recording(datetime.now(UTC), objects)) as cluster:
        yield Town(cluster, store, cluster.kubeconfig(tmp_path / "config"))
    await store.aclose()


def with_template(**container: object) -> dict[str, Any]:
    one = deployment()
    one["spec"]["template"] = template(**container)  # type: ignore[arg-type]
    return one


def scaled(replicas: int) -> dict[str, Any]:
    one = deployment()
    one["spec"]["replicas"] = replicas
    return one


PROBE = {"httpGet": {"path": "/healthz", "port": 8081}}
EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "image": (with_template(image="shop/checkout:1.5.0"), "rollout: image 1.4.2 → 1.5.0"),
    "env": (with_template(env=[{"name": "MODE", "value": "fast"}]), "rollout: env MODE added (fast)"),
    "memory limit": (with_template(memory="128Mi"), "rollout: memory limit 256Mi → 128Mi"),
    "probe port": (
        with_template(livenessProbe=PROBE),
        'rollout: liveness probe httpGet added ({"path":"/healthz","port":8081})',
    ),
    "replicas": (scaled(0), "scale: replicas 3 → 0"),
    "ConfigMap key": (body("ConfigMap", "settings", data={"LEVEL": "debug", "PASSWORD": SECRET}), "config settings: "),
    "Service selector": (
        body("Service", "checkout", spec={"selector": {"app": "chekout"}, "ports": [{"port": 80}]}),
        'service checkout: selector {"app":"checkout"} → {"app":"chekout"}',
    ),
    "quota": (body("ResourceQuota", "compute", spec={"hard": {"cpu": "2"}}), "quota compute: hard[cpu] 4 → 2"),
    "cordon": (body("Node", "node-3", spec={"unschedulable": True}, status=NODE["status"]), "node node-3: cordoned"),
    "taint": (
        body("Node", "node-3", spec={"taints": [{"key": "gpu", "effect": "NoSchedule"}]}, status=NODE["status"]),
        "node node-3: taints[gpu:NoSchedule] added (yes)",
    ),
}


@pytest.mark.parametrize("what", EDITS)
async def test_a_change_is_known_within_two_seconds_with_old_and_new(town: Town, what: str) -> None:
    thing, summary = EDITS[what]
    async with town.keeper():
        await town.settled()
        town.cluster.put(thing)
        (change,) = await town.until(bool, seconds=2.0)
    assert change.summary.startswith(summary)
    assert (change.subject.kind, change.subject.name) == (thing["kind"], thing["metadata"]["name"])
    assert town.cluster.writes == []


async def test_a_secret_value_is_nowhere_and_that_it_changed_is_known(town: Town) -> None:
    path = "data[PASSWORD]"
    async with town.keeper():
        await town.settled()
        town.cluster.put(body("ConfigMap", "settings", data={"LEVEL": "info", "PASSWORD": SECRET + "x"}))
        (change,) = await town.until(bool)
    assert [one.path for one in change.diff] == [path]
    async with town.store.transaction() as transaction:
        rows = await transaction.all("select fields::text as kept from watched union all select diff::text from change")
    assert not any(SECRET in row["kept"] for row in rows)


async def test_what_changed_while_nobody_watched_is_known_after_a_restart(town: Town) -> None:
    async with town.keeper():
        await town.settled()
    town.cluster.put(with_template(memory="64Mi"))
    town.cluster.drop(SERVICE)
    async with town.keeper():
        found = await town.until(lambda changes: len(changes) == 2)
    assert {change.summary for change in found} == {"rollout: memory limit 256Mi → 64Mi", "service checkout: deleted"}


async def test_one_of_two_keepers_watches_and_the_other_takes_over(town: Town) -> None:
    async with town.keeper() as first:
        await town.settled()
        holder = await town.holder()
        async with town.keeper():
            await asyncio.sleep(0.5)
            assert await town.holder() == holder
            first.cancel()
            async with asyncio.timeout(15):
                while await town.holder() == holder:
                    await asyncio.sleep(0.05)
            town.cluster.put(with_template(memory="64Mi"))
            await town.until(bool)


async def test_who_watches_again_after_another_did_tells_nothing_that_is_told_and_undoes_nothing(town: Town) -> None:
    async with town.process() as first, town.process() as other:
        async with watching(first):
            await town.settled()
        async with watching(other):
            for number, memory in enumerate(("64Mi", "128Mi"), start=1):
                town.cluster.put(with_template(memory=memory))
                await town.until(lambda changes, number=number: len(changes) == number)
        async with watching(first):
            town.cluster.drop(SERVICE)
            found = await town.until(lambda changes: any("deleted" in change.summary for change in changes))
    assert [change.summary for change in found] == [
        "rollout: memory limit 256Mi → 64Mi",
        "rollout: memory limit 64Mi → 128Mi",
        "service checkout: deleted",
    ]


async def test_a_keeper_that_died_without_a_word_is_replaced_within_seconds(town: Town) -> None:
    async with town.store.transaction() as transaction:
        # As one that was killed leaves it: held, with the rest of its time.
        await transaction.execute(
            "insert into lease values ('journal:prod', gen_random_uuid(), 1, now() + interval '1 s')"
        )
    async with town.keeper():
        await town.settled()
        town.cluster.put(with_template(memory="64Mi"))
        await town.until(bool)


async def test_what_may_not_be_watched_is_a_gap_and_costs_no_other(town: Town) -> None:
    town.cluster.forbidden.add("configmaps")
    async with town.keeper():
        async with asyncio.timeout(10):
            while not any(state.trouble for state in await Watching(town.store).states("prod")):
                await asyncio.sleep(0.05)
        town.cluster.put(with_template(memory="64Mi"))
        await asyncio.sleep(1)
        now = datetime.now(UTC)
        evidence = await town.source.answer(ChangesQuery("what changed in shop", SHOP, now - timedelta(days=1), now))
        diagnosis = await town.source.check()
    reasons = [gap.reason for gap in evidence.gaps]
    assert "not watched: ConfigMap (no permission to list configmaps (403))" in reasons
    assert not diagnosis.healthy
    assert "configmaps" in diagnosis.statement


async def test_a_journal_that_has_just_begun_says_so_and_one_that_nobody_keeps_too(town: Town) -> None:
    now = datetime.now(UTC)
    query = ChangesQuery("what changed in shop", SHOP, now - timedelta(days=1), now)
    assert [gap.reason for gap in (await town.source.answer(query)).gaps] == ["nobody watches the cluster now"]
    async with town.keeper():
        await town.settled()
        (gap,) = (await town.source.answer(query)).gaps
    assert gap.reason.startswith("before ")
    async with town.store.transaction() as transaction:
        await transaction.execute("update watch_scope set seen_at = now() - interval '1 h', since = '2020-01-01'")
    assert [gap.reason for gap in (await town.source.answer(query)).gaps] == ["nobody watches the cluster now"]


async def test_what_clusters_need_not_have_is_not_missed(town: Town) -> None:
    town.cluster.forbidden.add("helmreleases")
    async with town.keeper():
        await town.settled()
        await asyncio.sleep(0.3)
        assert not any(state.trouble for state in await Watching(town.store).states("prod"))
