"""The rows of alert groups: locked, remembered, and which incident they were part of last."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.store.engine import Row, Transaction
from app.store.post import Post

A_DAY = timedelta(hours=24)
# PostgreSQL has room for some thousands of locks in all.
KEYS_LOCKED = 50
MOST_EPISODES_KEPT = 200

EPISODE_COLUMNS = """
  i.id as incident_id, i.month, i.severity, i.reported, i.parked, coalesce(i.resolved_at, i.received_at) as resolved_at,
  i.received_at, i.announced_at, i.first_notified_at, i.state as incident_state
"""


async def lock_group(transaction: Transaction, post: Post, keys: Sequence[str]) -> Row:
    """The group's row, made if it is new, locked until the end; the keys of its stories are locked before it.

    The lock on the keys makes two groups that tell the same story at once find each other's incident.
    """
    row = await transaction.one(
        """
        with locked as materialized (
          select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(%(keys)s::text[]) as key
        )
        insert into alert_group as g (sender, cluster, receiver, group_sha, group_key, dedup_sha, posted_at)
        select %(sender)s, %(cluster)s, %(receiver)s, %(sha)s, %(group_key)s, %(dedup_sha)s, %(received)s
        from (select count(*) from locked) as waited
        on conflict (sender, cluster, receiver, group_sha) do update set group_key = excluded.group_key
        returning id, content_hash, posted_at, episodes, parts, fired_at
        """,
        keys=list(keys)[:KEYS_LOCKED],
        sender=post.group.sender,
        cluster=post.group.cluster[:200],
        receiver=post.group.receiver[:200],
        sha=post.group.group_sha,
        group_key=post.group.group_key,
        dedup_sha=post.dedup_sha,
        received=post.received_at,
    )
    if row is None:
        raise AssertionError("an upsert with returning gives a row")
    return row


async def say_something_new(transaction: Transaction, posts: Sequence[Post]) -> bool:
    """Whether any of these, which all came from one sender, says something else than its group said last."""
    sender = posts[0].group
    row = await transaction.one(
        """
        select count(*) as same
        from unnest(%(shas)s::bytea[], %(hashes)s::bytea[]) as said (sha, hash)
        join alert_group g on g.group_sha = said.sha and g.content_hash = said.hash
        where g.sender = %(sender)s and g.cluster = %(cluster)s and g.receiver = %(receiver)s
        """,
        shas=[post.group.group_sha for post in posts],
        hashes=[post.group.content_hash for post in posts],
        sender=sender.sender,
        cluster=sender.cluster[:200],
        receiver=sender.receiver[:200],
    )
    return row is None or row["same"] < len(posts)


async def latest_episode(transaction: Transaction, group_id: int) -> Row | None:
    """The incident that the group was part of last, locked."""
    return await transaction.one(
        f"""
        select e.group_id, e.episode, e.state, false as joins, {EPISODE_COLUMNS}
        from group_episode e join incident i on i.id = e.incident_id
        where e.group_id = %(group)s order by e.episode desc limit 1 for update of i
        """,  # noqa: S608 - a constant
        group=group_id,
    )


async def remember(transaction: Transaction, post: Post, group: Row, fired_at: list[datetime]) -> None:
    """What the group said last, and when its episodes of the day began."""
    await transaction.execute(
        """
        update alert_group set content_hash = %(hash)s, posted_at = %(now)s, fired_at = %(fired)s where id = %(id)s
        """,
        hash=post.group.content_hash,
        now=post.received_at,
        fired=fired_at,
        id=group["id"],
    )


def episodes_of_the_day(group: Row, now: datetime) -> list[datetime]:
    """When the group began to fire, as far as that is less than a day ago."""
    return [at for at in group["fired_at"] if now - at < A_DAY][-MOST_EPISODES_KEPT:]
