"""A house with a past: incidents of months that are long over, and the retention that looks at them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from app.domain.evidence import ClusterEvent, Evidence
from app.domain.incident import Incident, Recollection
from app.domain.subject import Subject
from app.jobs.retention import RETENTION, Retention
from app.store.codec import Summary
from app.store.engine import Row, Store
from app.store.enrichment import Conclusion, Enrichments
from app.store.identity import uuid7
from app.store.leases import Leases
from app.store.partitions import PARTITIONED, month_of, partition_name, partition_statements
from app.store.queue import Queue
from tests.scenarios.incidents import CHECKOUT, ONSET, oom_after_rollout
from tests.store.house import House, alert, at, post

KEPT_DAYS = 400
A_DAY = 24 * 60.0
SEEN = Evidence.seen([ClusterEvent("e1", CHECKOUT, ONSET, ONSET, "BackOff", "Back-off restarting", warning=True)])
AGES = (
    "update alert set starts_at = starts_at - %(ago)s::interval where incident_id = %(id)s returning month",
    """
    update timeline set at = at - %(ago)s::interval,
      key = split_part(key, ':', 1) || ':' || split_part(key, ':', 2) || ':'
        || round(extract(epoch from at - %(ago)s::interval), 3)
    where incident_id = %(id)s returning month
    """,
    "update story_key set at = at - %(ago)s::interval where incident_id = %(id)s returning key",
    """
    update alert_group set posted_at = posted_at - %(ago)s::interval, fired_at = '{}' where group_key = %(key)s
    returning id
    """,
    """
    update incident set month = %(month)s, received_at = received_at - %(ago)s::interval,
      started_at = started_at - %(ago)s::interval where id = %(id)s returning id
    """,
)


class Attic(House):
    """A house whose groups are named; days count back from today."""

    async def furnish(self, *days: float) -> None:
        """Make the months of so many days ago, as they were made when they were this month."""
        async with self.store.transaction() as transaction:
            for ago in days:
                for statement in partition_statements(month_ago(ago)):
                    await transaction.execute(statement)

    async def fires(self, key: str, days: float) -> UUID:
        """A group has fired since so many days ago."""
        (incident_id,) = await self.acceptance.accept(post(key, alert(key, starts=-1), minute=0, subject=about(key)))
        await self._age(key, incident_id, days)
        return incident_id

    async def ends(self, key: str, days: float, began: float) -> UUID:
        """The group, which fired since `began`, is said to have ended so many days ago."""
        one = alert(key, starts=-began * A_DAY - 1, ends=-days * A_DAY - 0.5)
        (incident_id,) = await self.acceptance.accept(post(key, one, minute=-days * A_DAY, subject=about(key)))
        return incident_id

    async def _age(self, key: str, incident_id: UUID, days: float) -> None:
        """What came just now came so many days ago."""
        for table in PARTITIONED:
            await self.rows(
                f"update {table} set month = %(month)s where incident_id = %(id)s returning month",  # noqa: S608
                month=month_ago(days),
                id=incident_id,
            )
        for statement in AGES:
            await self.rows(statement, ago=timedelta(days=days), id=incident_id, key=key, month=month_ago(days))

    async def put_back(self, days: float) -> None:
        """All that is of this month is of so many days ago once more."""
        await self.furnish(days)
        for row in await self.rows("select id from incident order by id"):
            async with self.store.transaction() as transaction:
                await transaction.execute("select 1 from incident where id = %(id)s for update", id=row["id"])
                for table, key in (*((table, "incident_id") for table in PARTITIONED), ("incident", "id")):
                    await transaction.execute(
                        f"update {table} set month = %(month)s where {key} = %(id)s",  # noqa: S608
                        month=month_ago(days),
                        id=row["id"],
                    )

    async def over(self, key: str, days: float) -> UUID:
        """An incident of so many days ago that was judged, told, and ended an hour later."""
        incident_id = await self.fires(key, days)
        await self.judge(incident_id)
        await self.announce(incident_id)
        await self.ends(key, days - 1 / 24, began=days)
        await self.judge(incident_id)
        return incident_id

    async def judge(self, incident_id: UUID, *, storm: bool = False) -> None:
        assessment = oom_after_rollout().assessment
        assert assessment
        enrichments = Enrichments(self.store)
        work = await enrichments.begin(incident_id, storm=storm)
        assert work
        summary = Summary(assessment, Recollection(), (), {}, {})
        assert await enrichments.conclude(work, Conclusion(summary, SEEN, "complete"))

    def retention(self, days: float = KEPT_DAYS) -> Retention:
        """Of a replica of its own."""
        return Retention(self.store, Leases(self.store, uuid7()), timedelta(days=days))

    async def round(self, days: float = KEPT_DAYS) -> None:
        """One round, however long the last one wanted to rest."""
        await self.rows("delete from lease where name = %(name)s returning name", name=RETENTION)
        await self.retention(days).work(asyncio.Event())

    async def rows(self, sql: str, **parameters: object) -> list[Row]:
        async with self.store.transaction() as transaction:
            return await transaction.all(sql, **parameters)

    async def tables(self, days: float) -> set[str]:
        """The bulky tables that still hold the month of so many days ago."""
        names = {table: partition_name(table, month_ago(days)) for table in PARTITIONED}
        found = await self.rows("select relname from pg_class where relkind = 'r'")
        there = {row["relname"] for row in found}
        return {table for table, name in names.items() if name in there}

    async def month(self, incident_id: UUID) -> date:
        [row] = await self.rows("select month from incident where id = %(id)s", id=incident_id)
        month: date = row["month"]
        return month


def about(key: str) -> Subject:
    """Each group is about something of its own."""
    return Subject("prod", "shop", "Deployment", key.lower())


@asynccontextmanager
async def attic_of(database_url: str, *days: float) -> AsyncIterator[Attic]:
    """An attic with the months of so many days ago."""
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    try:
        attic = Attic(store, queue)
        await attic.furnish(*days)
        yield attic
    finally:
        await queue.aclose()
        await store.aclose()


def since() -> datetime:
    """What ended before is old."""
    return datetime.now(UTC) - timedelta(days=KEPT_DAYS)


def month_ago(days: float) -> date:
    return month_of(at(-days * A_DAY))


def this_month() -> date:
    return month_of(datetime.now(UTC))


def details(incident: Incident) -> tuple[int, int, bool]:
    """How much is known of it."""
    return len(incident.alerts), len(incident.timeline), incident.assessment is not None
