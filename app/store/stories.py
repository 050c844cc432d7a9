"""One story, one incident: finding the incident that a new group's story began with, and parting what is another."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.domain.alert import Alert, AlertStatus
from app.domain.story import StormKey, own_key, told_storms
from app.domain.subject import Subject
from app.store.engine import Row, Transaction
from app.store.groups import EPISODE_COLUMNS
from app.store.post import Post

JOINS_FOR = timedelta(minutes=60)
"""For how long after its beginning an incident takes in other groups that tell of the same thing."""

GROUPED_FOR = timedelta(minutes=15)
"""For how long what its sender puts into a group belongs to that group's incident without further proof."""

MOST_PARTED = 20
"""As many incidents of their own one body may bring at most: each is a transaction that its sender waits for."""

PARTS_KEPT = 2_000
NOVEL_WITHIN = timedelta(minutes=2)
NOT_NOVEL = 9

# `id` and `received` are parameters of the statement around it.
KEY_ROWS = """
  insert into story_key (key, incident_id, at, storm, at_least)
  select key, %(id)s, %(received)s, nullif(storm, ''), nullif(at_least, 0)
  from unnest(%(keys)s::text[], %(storms)s::text[], %(at_leasts)s::int[]) as told (key, storm, at_least)
  on conflict (key, incident_id) do update set at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Around:
    """What else is there: the incident that tells this story, and how many of the same alert came just now."""

    incident_id: UUID | None
    alike: int


async def look_around(transaction: Transaction, post: Post) -> Around:
    """Where this post's story began, if it did in the last hour; the keys must be locked."""
    burst = next((storm.key for storm in post.storms if storm.key.startswith("burst:")), "")
    row = await transaction.one(
        """
        select
          (select count(*) from (select 1 from story_key where key = %(burst)s
            and at > %(received)s - %(novel)s::interval limit %(enough)s) as recent) as alike,
          (select i.id from story_key k join incident i on i.id = k.incident_id
            where k.key = any(%(keys)s) and k.storm is null and i.received_at > %(received)s - %(joins)s::interval
            order by i.state <> 'firing', i.received_at, i.id limit 1) as incident_id
        """,
        burst=burst,
        keys=list(post.story_keys),
        received=post.received_at,
        novel=NOVEL_WITHIN,
        joins=JOINS_FOR,
        enough=NOT_NOVEL,
    )
    return Around(row["incident_id"], row["alike"]) if row else Around(None, 0)


async def lock_host(transaction: Transaction, group: Row, incident_id: UUID) -> Row:
    """The incident that the group may join, locked, as if the group were part of it already."""
    row = await transaction.one(
        f"""
        select %(group)s::bigint as group_id, %(episode)s::int as episode, %(state)s as state, true as joins,
          {EPISODE_COLUMNS}
        from incident i where i.id = %(id)s for update of i
        """,  # noqa: S608 - a constant
        group=group["id"],
        episode=group["episodes"] + 1,
        state=AlertStatus.FIRING.value,
        id=incident_id,
    )
    if row is None:
        raise AssertionError(f"incident {incident_id} was there a moment ago")
    return row


async def join(transaction: Transaction, host: Row) -> None:
    """The group becomes part of the incident."""
    await transaction.execute(
        """
        with numbered as (update alert_group set episodes = %(episode)s where id = %(group)s)
        insert into group_episode (group_id, episode, incident_id, state)
        values (%(group)s, %(episode)s, %(id)s, %(state)s)
        """,
        group=host["group_id"],
        episode=host["episode"],
        id=host["incident_id"],
        state=host["state"],
    )


async def add_story_keys(transaction: Transaction, incident_id: UUID, post: Post) -> None:
    """Let other groups find the incident by what this post is about."""
    await transaction.execute(KEY_ROWS, id=incident_id, received=post.received_at, **key_parameters(post))


def key_parameters(post: Post | None) -> dict[str, Any]:
    """The parameters of `KEY_ROWS`; none of a post that nobody should find."""
    storms = post.storms if post else ()
    own = [StormKey(key, "", 0) for key in (post.story_keys if post else ())]
    every = [*own, *storms]
    return {
        "keys": [one.key for one in every],
        "storms": [one.storm for one in every],
        "at_leasts": [one.at_least for one in every],
    }


async def leavers(transaction: Transaction, post: Post, episode: Row) -> tuple[str, ...]:
    """The stories that this body adds to an incident which began a while ago and shares nothing with them."""
    began = post.received_at - episode["received_at"]
    if began <= GROUPED_FOR or episode["state"] != AlertStatus.FIRING:
        return ()
    added = await _added(transaction, post, episode)
    shared = {key: _ties(post, key, alerts) for key, alerts in added.items()}
    rows = await transaction.all(
        "select key from story_key where incident_id = %(id)s and key = any(%(keys)s)",
        id=episode["incident_id"],
        keys=sorted(set().union(*shared.values())),
    )
    common = {row["key"] for row in rows}
    return tuple(sorted(key for key, ties in shared.items() if not ties & common))[:MOST_PARTED]


async def _added(transaction: Transaction, post: Post, episode: Row) -> dict[str, list[Alert]]:
    """The firing alerts that the incident does not know yet, by what they are about, where that is one story."""
    by_key: dict[str, list[Alert]] = {}
    for alert in post.group.alerts:
        key = own_key(post.subject_of(alert))
        if key and alert.status is AlertStatus.FIRING:
            by_key.setdefault(key, []).append(alert)
    known = {own_key(Subject(**stored)) for stored in episode["reported"]}
    if by_key.keys() <= known:
        return {}
    # An incident of very many subjects names but the first of them; its alerts are all there.
    rows = await transaction.all(
        "select fingerprint from alert where month = %(month)s and incident_id = %(id)s and fingerprint = any(%(new)s)",
        month=episode["month"],
        id=episode["incident_id"],
        new=[alert.fingerprint for key, alerts in by_key.items() if key not in known for alert in alerts],
    )
    stored = {row["fingerprint"] for row in rows}
    return {
        key: alerts
        for key, alerts in by_key.items()
        if key not in known and not any(alert.fingerprint in stored for alert in alerts)
    }


def _ties(post: Post, key: str, alerts: list[Alert]) -> set[str]:
    """By what these alerts would belong to an incident that they are new to: their subject, or their node."""
    about = {alert.fingerprint: post.subject_of(alert) for alert in alerts}
    storms = told_storms(alerts, about, post.received_at)
    return {key, *(one.key for one in storms if not one.key.startswith(("burst:", "backlog:")))}


async def part_with(transaction: Transaction, group: Row, keys: Collection[str]) -> None:
    """From now on what the group tells of these is a group of its own; the oldest of very many join it again."""
    await transaction.execute(
        """
        update alert_group set parts = (parts || %(keys)s::text[])
          [greatest(1, cardinality(parts) + cardinality(%(keys)s::text[]) - %(most)s + 1):]
        where id = %(id)s
        """,
        keys=sorted(keys),
        id=group["id"],
        most=PARTS_KEPT,
    )
