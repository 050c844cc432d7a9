"""Small rows that nobody needs any more: deleted some at a time, and never waited for."""

from datetime import datetime

from app.store.engine import Store

BATCH = 1000


async def forget_groups(store: Store, since: datetime) -> int:
    """Delete alert groups that nobody has posted since, and that are part of no incident any more; how many."""
    return await _delete(
        store,
        """
        delete from alert_group where id in (
          select id from alert_group g where posted_at < %(since)s
            and not exists (select 1 from group_episode e where e.group_id = g.id)
          limit %(batch)s for update skip locked)
        """,
        since,
    )


async def forget_leases(store: Store, since: datetime) -> int:
    """Delete leases of channels that nobody has spoken in since; how many."""
    return await _delete(
        store,
        """
        delete from lease where name in (
          select name from lease where until < %(since)s limit %(batch)s for update skip locked)
        """,
        since,
    )


async def forget_rejections(store: Store, since: datetime) -> int:
    """Delete what was refused before and has not come again since; how many."""
    return await _delete(
        store,
        """
        delete from rejected where id in (
          select id from rejected where last_seen_at < %(since)s limit %(batch)s for update skip locked)
        """,
        since,
    )


async def forget_story_keys(store: Store, since: datetime) -> int:
    """Delete by what ended incidents were found, and formed storms, when they began before; how many."""
    return await _delete(
        store,
        """
        delete from story_key where (key, incident_id) in (
          select k.key, k.incident_id from story_key k join incident i on i.id = k.incident_id
          where k.at < %(since)s and i.state <> 'firing' limit %(batch)s for update of k skip locked)
        """,
        since,
    )


async def forget_log_bytes(store: Store, since: datetime) -> int:
    """Delete how much of logs was read in hours, and for incidents, that nothing was read for since; how many."""
    return await _delete(
        store,
        """
        delete from log_bytes where key in (
          select key from log_bytes where read_at < %(since)s limit %(batch)s for update skip locked)
        """,
        since,
    )


async def forget_changes(store: Store, since: datetime) -> int:
    """Delete what changed before; how many."""
    return await _delete(
        store,
        """
        delete from change where id in (
          select id from change where at < %(since)s limit %(batch)s for update skip locked)
        """,
        since,
    )


async def _delete(store: Store, statement: str, since: datetime) -> int:
    async with store.transaction() as transaction:
        return await transaction.execute(statement, since=since, batch=BATCH)
