"""An alert group becomes rows: group, incident, alerts, news and the enrich job, in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.alert import Alert, AlertGroup, AlertStatus, Severity
from app.domain.subject import Subject
from app.store.alerts import IncidentKey, write_alerts
from app.store.engine import Row, Store, Transaction
from app.store.episodes import Merge, StoredEpisode, merge
from app.store.identity import uuid7
from app.store.news import REPEAT_AFTER, News, Told, lead_of, news_of, tell_news, unpark, want_edits
from app.store.partitions import month_of
from app.store.rows import subjects_to_json

Enqueue = Callable[[Transaction, UUID, Severity], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Post:
    """One accepted body: the group, what it is about, its content's hash, and when it came (UTC)."""

    group: AlertGroup
    subjects: tuple[Subject, ...]
    content_hash: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Turns posts into incidents. `enqueue` defers the enrich job inside the same transaction."""

    store: Store
    enqueue: Enqueue
    reopen_after: timedelta

    async def accept(self, post: Post) -> UUID:
        """The incident that the body belongs to, committed.

        Raises `StoreUnavailableError`; then nothing was kept.
        """
        async with self.store.transaction() as transaction:
            group = await _lock_group(transaction, post)
            episode = await _latest_episode(transaction, group["id"]) if group["episodes"] else None
            if episode is not None and group["content_hash"] == post.content_hash:
                await _repeat(transaction, post, group, episode)
                return UUID(str(episode["incident_id"]))
            return await self._apply(transaction, post, group, episode)

    async def _apply(self, transaction: Transaction, post: Post, group: Row, episode: Row | None) -> UUID:
        """Write the body's content into the open incident, a reopened one, or a new one."""
        if episode is None:
            return await self._open(transaction, post, group, merge((), post.group.alerts, post.received_at))
        incident_id = UUID(str(episode["incident_id"]))
        quiet_for = post.received_at - group["posted_at"]
        merged = merge(await _stored_episodes(transaction, episode), post.group.alerts, post.received_at, quiet_for)
        ended = episode["state"] == AlertStatus.RESOLVED
        if merged.only_late or (ended and merged.fires and not merged.may_reopen):
            return incident_id
        if ended and merged.fires and post.received_at - episode["resolved_at"] > self.reopen_after:
            told = {alert.fingerprint for alert in merged.writes}
            anew = merge((), [alert for alert in post.group.alerts if alert.fingerprint in told], post.received_at)
            return await self._open(transaction, post, group, anew)
        joined = await self._update(transaction, post, episode, merged)
        news = news_of(Told(post.group, group["posted_at"], post.received_at), episode, merged, joined)
        await tell_news(transaction, incident_id, news)
        await _remember(transaction, post, group)
        return incident_id

    async def _open(self, transaction: Transaction, post: Post, group: Row, merged: Merge) -> UUID:
        """A new incident with this group as its first."""
        incident_id = uuid7()
        state = AlertStatus.FIRING if merged.fires else AlertStatus.RESOLVED
        lead = lead_of(merged)
        await transaction.execute(
            """
            with opened as (
              insert into incident (id, month, state, severity, received_at, accepted_ms, started_at, resolved_at,
                announced_at, alertname, cluster, namespace, workload, title, headline, reported, subjects, search)
              values (%(id)s, %(month)s, %(state)s, %(severity)s, %(received)s,
                extract(epoch from clock_timestamp() - %(received)s) * 1000, %(started)s, %(resolved)s,
                %(resolved)s, %(alertname)s, %(cluster)s, %(namespace)s, %(workload)s, %(title)s, %(title)s,
                %(subjects)s, %(subjects)s,
                to_tsvector('simple', %(title)s) || to_tsvector('simple', translate(%(title)s, '/._:', '    ')))
            ), numbered as (
              update alert_group set episodes = episodes + 1, content_hash = %(hash)s, posted_at = %(received)s
              where id = %(group)s returning episodes
            )
            insert into group_episode (group_id, episode, incident_id, state)
            select %(group)s, episodes, %(id)s, %(state)s from numbered
            """,
            id=incident_id,
            group=group["id"],
            hash=post.content_hash,
            month=month_of(post.received_at),
            state=state.value,
            severity=post.group.severity,
            received=post.received_at,
            started=min(alert.starts_at for alert in merged.writes),
            # An incident that had ended before we heard of it is kept, and wakes nobody.
            resolved=_last_end(merged) if state is AlertStatus.RESOLVED else None,
            alertname=lead.name[:200],
            cluster=(_first(post.subjects).cluster or post.group.cluster)[:200],
            namespace=_first(post.subjects).namespace[:200],
            workload=_first(post.subjects).name[:200],
            title=_title(lead, post.subjects),
            subjects=subjects_to_json(post.subjects),
        )
        key = IncidentKey(incident_id, month_of(post.received_at))
        await write_alerts(transaction, key, merged, post.group.sender)
        await self.enqueue(transaction, incident_id, post.group.severity)
        return incident_id

    async def _update(self, transaction: Transaction, post: Post, episode: Row, merged: Merge) -> tuple[Subject, ...]:
        """The same incident, told more. The subjects that joined it."""
        incident_id = episode["incident_id"]
        await write_alerts(transaction, IncidentKey(incident_id, episode["month"]), merged, post.group.sender)
        await transaction.execute(
            "update group_episode set state = %(state)s where group_id = %(group)s and episode = %(episode)s",
            state=_group_state(post.group, episode, merged).value,
            group=episode["group_id"],
            episode=episode["episode"],
        )
        joined = _joined(episode, post.subjects)
        row = await transaction.one(
            """
            with firing as (
              select exists (select 1 from group_episode where incident_id = %(id)s and state = 'firing') as still
            )
            update incident set
              state = case when still then 'firing' else 'resolved' end,
              resolved_at = case when still then null else greatest(resolved_at, %(ended)s) end,
              severity = greatest(severity, %(severity)s), started_at = least(started_at, %(started)s),
              reported = reported || %(joined)s, subjects = subjects || %(joined)s,
              announced_at = case when still and not exists (select 1 from delivery
                where incident_id = %(id)s and part = 'head') then null
                when not still and announced_at = resolved_at then greatest(resolved_at, %(ended)s)
                else announced_at end,
              wanted_rev = wanted_rev + 1, parked = null, attempts = 0
            from firing where id = %(id)s returning wanted_rev - 1 = enriched_rev as was_level
            """,
            id=incident_id,
            severity=post.group.severity if merged.fires else 0,
            started=min(alert.starts_at for alert in merged.writes),
            ended=_last_end(merged) or post.received_at,
            joined=subjects_to_json(joined),
        )
        # Enqueue only what no job will look at again: an incident that was level, or parked.
        if row and (row["was_level"] or episode["parked"] is not None):
            await self.enqueue(transaction, incident_id, post.group.severity)
        await want_edits(transaction, incident_id)
        return joined


async def _lock_group(transaction: Transaction, post: Post) -> Row:
    row = await transaction.one(
        """
        insert into alert_group as g (sender, cluster, receiver, group_sha, group_key)
        values (%(sender)s, %(cluster)s, %(receiver)s, %(sha)s, %(key)s)
        on conflict (sender, cluster, receiver, group_sha) do update set group_key = excluded.group_key
        returning id, content_hash, posted_at, episodes
        """,
        sender=post.group.sender,
        cluster=post.group.cluster[:200],
        receiver=post.group.receiver[:200],
        sha=post.group.group_sha,
        key=post.group.group_key,
    )
    if row is None:
        raise AssertionError("an upsert with returning gives a row")
    return row


async def _latest_episode(transaction: Transaction, group_id: int) -> Row | None:
    return await transaction.one(
        """
        select e.group_id, e.episode, e.state, e.incident_id, i.month, i.severity, i.reported, i.parked,
          coalesce(i.resolved_at, i.received_at) as resolved_at, i.announced_at, i.state as incident_state
        from group_episode e join incident i on i.id = e.incident_id
        where e.group_id = %(group)s order by e.episode desc limit 1 for update of i
        """,
        group=group_id,
    )


async def _remember(transaction: Transaction, post: Post, group: Row) -> None:
    await transaction.execute(
        "update alert_group set content_hash = %(hash)s, posted_at = %(now)s where id = %(id)s",
        hash=post.content_hash,
        now=post.received_at,
        id=group["id"],
    )


async def _stored_episodes(transaction: Transaction, episode: Row) -> list[StoredEpisode]:
    rows = await transaction.all(
        "select fingerprint, starts_at, ended_at from alert where month = %(month)s and incident_id = %(id)s",
        month=episode["month"],
        id=episode["incident_id"],
    )
    return [StoredEpisode(**row) for row in rows]


async def _repeat(transaction: Transaction, post: Post, group: Row, episode: Row) -> None:
    """The same content again: news only if it fires and the sender has been quiet in between."""
    await _remember(transaction, post, group)
    if episode["state"] != AlertStatus.FIRING:
        return
    await unpark(transaction, episode["incident_id"])
    if post.received_at - group["posted_at"] >= REPEAT_AFTER:
        news = [News("repeat", "still firing: the sender repeats it and nobody has said they are on it")]
        await tell_news(transaction, episode["incident_id"], news)


def _group_state(group: AlertGroup, episode: Row, merged: Merge) -> AlertStatus:
    """Resolved only if the body says so of all that it could know: nothing cut off, nothing older than we know."""
    if merged.fires:
        return AlertStatus.FIRING
    if group.truncated_alerts > 0 or merged.late_open or merged.late_fires:
        return AlertStatus(episode["state"])
    return AlertStatus.RESOLVED


def _joined(episode: Row, subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
    known = {Subject(**stored) for stored in episode["reported"]}
    return tuple(subject for subject in subjects if subject not in known)


def _title(lead: Alert, subjects: tuple[Subject, ...]) -> str:
    return f"{lead.name} {subjects[0]}"[:300] if subjects else lead.name[:300]


def _first(subjects: tuple[Subject, ...]) -> Subject:
    return subjects[0] if subjects else Subject("", "", "", "")


def _last_end(merged: Merge) -> datetime | None:
    return max((alert.ended_at for alert in merged.writes if alert.ended_at), default=None)
