"""Being swept in: an incident finds the storm that it belongs to, and the storm its place to speak."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.domain.story import storm_title
from app.store.engine import Row, Transaction
from app.store.identity import uuid7
from app.store.news import want_edits_of
from app.store.partitions import month_of

GATHERS_WITHIN = timedelta(seconds=120)
"""A storm begins when enough of one key come within this."""

JOINS_WITHIN = timedelta(minutes=10)
"""While it rages, what is known by nothing but its alert joins if enough of the same came within this."""

DESCRIBED_WITHIN_SECONDS = 30.0
_BY_CAUSE_ALONE = ("node:", "quota:", "dependency:", "cause:")


async def sweep_in(transaction: Transaction, incident_id: UUID) -> UUID | None:
    """The parent of the storm that this incident belongs to, made here if it is the last that was missing.

    Locks the storms' keys, then the incident and the others that are swept in, in the order of their ids. An
    incident that became a child stays one.
    """
    keys = await transaction.all(
        """
        select key, storm, at_least, at from story_key where incident_id = %(id)s and storm is not null
        order by at_least, storm
        """,
        id=incident_id,
    )
    if not keys:
        return None
    await transaction.execute(
        "select pg_advisory_xact_lock(hashtextextended(storm, 1)) from unnest(%(storms)s::text[]) as storm",
        storms=sorted({row["storm"] for row in keys}),
    )
    if parent := await _parent_that_rages(transaction, incident_id):
        return parent
    for key in keys:
        if parent := await _storm_of(transaction, incident_id, key):
            return parent
    return None


async def _parent_that_rages(transaction: Transaction, incident_id: UUID) -> UUID | None:
    row = await transaction.one(
        """
        select p.id from incident i join incident p on p.id = i.parent_id
        where i.id = %(id)s and p.state = 'firing'
        """,
        id=incident_id,
    )
    return row["id"] if row else None


async def _storm_of(transaction: Transaction, incident_id: UUID, key: Row) -> UUID | None:
    """The parent for this key, None as long as too few share it."""
    row = await transaction.one(
        "select id from incident where storm = %(storm)s and state = 'firing'", storm=key["storm"]
    )
    rages = row is not None
    within = JOINS_WITHIN if rages else GATHERS_WITHIN
    found = await transaction.all(
        """
        select i.id from story_key k join incident i on i.id = k.incident_id
        left join incident p on p.id = i.parent_id
        where k.key = %(key)s and k.at between %(at)s - %(within)s::interval and %(at)s + %(within)s::interval
          and i.state = 'firing' and i.storm is null and (p.id is null or p.state <> 'firing' or p.id = %(parent)s)
        """,
        key=key["key"],
        at=key["at"],
        within=within,
        parent=row["id"] if row else None,
    )
    members = {one["id"] for one in found}
    if incident_id not in members:
        return None
    joins_alone = rages and key["key"].startswith(_BY_CAUSE_ALONE)
    if len(members) < key["at_least"] and not joins_alone:
        return None
    parent_id: UUID = row["id"] if row else uuid7()
    if row is None:
        await _make_parent(transaction, parent_id, key["storm"], sorted(members))
    await _adopt(transaction, parent_id, sorted(members))
    return parent_id


async def _make_parent(transaction: Transaction, parent_id: UUID, storm: str, members: list[UUID]) -> None:
    """The incident that will speak for all; its budget began when the first of them came."""
    row = await transaction.one(
        """
        select min(received_at) as received_at, min(started_at) as started_at, max(severity) as severity,
          min(cluster) as cluster from incident where id = any(%(members)s)
        """,
        members=members,
    )
    if row is None:
        raise AssertionError("an aggregate gives a row")
    await transaction.execute(
        """
        insert into incident (id, month, state, severity, received_at, started_at, alertname, cluster, namespace,
          workload, title, headline, reported, subjects, storm)
        values (%(id)s, %(month)s, 'firing', %(severity)s, %(received)s, %(started)s, 'Storm', %(cluster)s, '', '',
          %(title)s, %(title)s, '[]', '[]', %(storm)s)
        """,
        id=parent_id,
        month=month_of(row["received_at"]),
        severity=row["severity"],
        received=row["received_at"],
        started=row["started_at"],
        cluster=row["cluster"],
        title=storm_title(storm, row["cluster"])[:300],
        storm=storm,
    )


async def _adopt(transaction: Transaction, parent_id: UUID, members: list[UUID]) -> None:
    """Make them children; what was told of them already will point to the parent."""
    rows = await transaction.all(
        """
        with locked as (
          select id from incident where id = any(%(members)s) and parent_id is distinct from %(parent)s
          order by id for update
        ), adopted as (
          update incident i set parent_id = %(parent)s from locked where i.id = locked.id
          returning i.id, i.month
        ), lines as (
          insert into timeline (month, incident_id, key, at, kind, body, source)
          select month, id, 'storm:' || %(parent)s, clock_timestamp(), 'storm.joined',
            'part of a storm: told in one message with the others', 'sitrep' from adopted on conflict do nothing
        )
        select id from adopted
        """,
        parent=parent_id,
        members=members,
    )
    adopted = [row["id"] for row in rows]
    await want_edits_of(transaction, adopted)
    heads = await transaction.all(
        "select distinct notifier, target from delivery where incident_id = any(%(ids)s) and part = 'head'", ids=adopted
    )
    await let_speak(transaction, parent_id, [(row["notifier"], row["target"]) for row in heads])


SPEAKS_FOR_ITSELF = """
exists (select 1 from timeline t
  where t.month = i.month and t.incident_id = i.id and t.key = 'alone:' || i.parent_id)
"""
"""Of a child `i`: whether it fired on when its storm ended, or fired again since."""


async def let_go(transaction: Transaction, incidents: Sequence[UUID]) -> None:
    """These children fire, and no storm speaks for them: remembered, for each is told even if it ends before that."""
    await transaction.execute(
        """
        insert into timeline (month, incident_id, key, at, kind, body, source)
        select month, id, 'alone:' || parent_id, clock_timestamp(), 'storm.left', 'the storm is over: told by itself',
          'sitrep' from incident where id = any(%(ids)s) and parent_id is not null on conflict do nothing
        """,
        ids=list(incidents),
    )


async def let_speak(transaction: Transaction, parent_id: UUID, channels: Sequence[tuple[str, str]]) -> None:
    """The storm is told in these (notifier, target): wherever one of its children would be, or was.

    Not before it is described, which takes a moment; if nobody describes it, its title has to do.
    """
    await transaction.execute(
        """
        insert into delivery (incident_id, notifier, target, part, nonce, due_at)
        select id, notifier, target, 'head', gen_random_uuid(),
          case when announced_at is null then now() + make_interval(secs => %(patience)s) else now() end
        from incident, unnest(%(notifiers)s::text[], %(targets)s::text[]) as place (notifier, target)
        where id = %(id)s on conflict do nothing
        """,
        id=parent_id,
        notifiers=[notifier for notifier, _ in channels],
        targets=[target for _, target in channels],
        patience=DESCRIBED_WITHIN_SECONDS,
    )
