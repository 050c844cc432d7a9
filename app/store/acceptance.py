"""An alert group becomes rows: group, incident, alerts, news and the enrich job, in one transaction."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from app.domain.alert import AlertGroup, AlertStatus
from app.domain.story import own_key
from app.domain.subject import Subject
from app.store.alerts import IncidentKey, write_alerts
from app.store.engine import Row, Store, Transaction
from app.store.episodes import Merge, StoredEpisode, merge
from app.store.groups import A_DAY, episodes_of_the_day, latest_episode, lock_group, remember, say_something_new
from app.store.news import OFTEN, REPEAT_AFTER, News, Told, news_of, tell_news, unpark, want_edits
from app.store.opening import Opening, open_incident
from app.store.post import Post
from app.store.queue import Wish
from app.store.rows import subjects_to_json
from app.store.stories import add_story_keys, join, leavers, lock_host, look_around, part_with

Enqueue = Callable[[Transaction, UUID, Wish], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Turns posts into incidents. `enqueue` defers the enrich job inside the same transaction.

    `stories`: groups that tell of the same thing are one incident, whatever their sender made of them.
    """

    store: Store
    enqueue: Enqueue
    reopen_after: timedelta
    stories: bool = True

    async def accept(self, post: Post) -> tuple[UUID, ...]:
        """The incidents that the body belongs to, committed; more than one where it tells more than one story.

        Raises `StoreUnavailableError`; then what was not committed is not kept, and the body may be sent again.
        """
        incidents: list[UUID] = []
        waiting = [post]
        while waiting:
            taken = waiting.pop(0)
            async with self.store.transaction() as transaction:
                incident_id, parts = await self._take(transaction, taken)
            incidents += [incident_id] if incident_id else []
            waiting += parts
        return tuple(dict.fromkeys(incidents))

    async def _take(self, transaction: Transaction, post: Post) -> tuple[UUID | None, Sequence[Post]]:
        """The incident of this group, and those parts of the body that are stories of their own."""
        group = await lock_group(transaction, post, post.story_keys if self.stories else ())
        post, parts = await _divided(transaction, post, group["parts"]) if group["parts"] else (post, [])
        if not post.group.alerts:
            return None, parts
        episode = await latest_episode(transaction, group["id"]) if group["episodes"] else None
        if episode is None:
            return await self._apply(transaction, post, group, None), parts
        incident_id = UUID(str(episode["incident_id"]))
        if self.stories and (leaving := await leavers(transaction, post, episode)):
            await part_with(transaction, group, leaving)
            post, more = await _divided(transaction, post, leaving)
            parts = [*parts, *more]
        if not post.group.alerts:
            return incident_id, parts
        if group["content_hash"] == post.group.content_hash:
            await _repeat(transaction, post, group, episode)
            return incident_id, parts
        return await self._apply(transaction, post, group, episode), parts

    async def _apply(self, transaction: Transaction, post: Post, group: Row, episode: Row | None) -> UUID:
        """Write the body's content into the open incident, a reopened one, or where its story begins."""
        if episode is None:
            return await self._begin(transaction, post, group, merge((), post.group.alerts, post.received_at))
        quiet_for = post.received_at - group["posted_at"]
        merged = merge(await _stored_episodes(transaction, episode), post.group.alerts, post.received_at, quiet_for)
        ended = episode["state"] == AlertStatus.RESOLVED
        if (merged.is_known and not await _ends(transaction, post.group, episode, merged)) or (
            ended and merged.fires and not merged.may_reopen
        ):
            return UUID(str(episode["incident_id"]))
        if ended and merged.fires and self._is_another_story(post, group, episode):
            told = {alert.fingerprint for alert in merged.writes}
            anew = merge((), [alert for alert in post.group.alerts if alert.fingerprint in told], post.received_at)
            return await self._begin(transaction, post, group, anew)
        return await self._continue(transaction, post, group, (episode, merged))

    def _is_another_story(self, post: Post, group: Row, episode: Row) -> bool:
        """Whether it had been over for long; what comes back all day long stays one message, for that day."""
        if self.stories and len(episodes_of_the_day(group, post.received_at)) + 1 >= OFTEN:
            return bool(post.received_at - episode["received_at"] > A_DAY)
        return bool(post.received_at - episode["resolved_at"] > self.reopen_after)

    async def _begin(self, transaction: Transaction, post: Post, group: Row, merged: Merge) -> UUID:
        """Join the incident that tells this story already; open one where there is none."""
        around = await look_around(transaction, post) if self.stories else None
        if around is not None and around.incident_id is not None and merged.fires:
            host = await lock_host(transaction, group, around.incident_id)
            joined = merge(await _stored_episodes(transaction, host), post.group.alerts, post.received_at)
            if joined.writes:
                await join(transaction, host)
                return await self._continue(transaction, post, group, (host, joined))
        times = episodes_of_the_day(group, post.received_at)
        opening = Opening(post, group, merged, times, around.alike if around else 0, with_keys=self.stories)
        incident_id = await open_incident(transaction, opening)
        await self.enqueue(transaction, incident_id, Wish(post.group.severity, opening.alike))
        return incident_id

    async def _continue(self, transaction: Transaction, post: Post, group: Row, known: tuple[Row, Merge]) -> UUID:
        """The same incident, told more; and what of it is news."""
        episode, merged = known
        incident_id = UUID(str(episode["incident_id"]))
        begins = merged.fires and (episode["state"] == AlertStatus.RESOLVED or merged.restarted_at is not None)
        times = episodes_of_the_day(group, post.received_at)
        times = [*times, post.received_at] if begins or episode["joins"] else times
        if self.stories and (begins or episode["joins"] or _joined(episode, post.subjects)):
            await add_story_keys(transaction, incident_id, post)
        joined = await self._update(transaction, post, known, len(times))
        told = Told(post.group, group["posted_at"], post.received_at, len(times) if self.stories else 1)
        await tell_news(transaction, incident_id, news_of(told, episode, merged, joined))
        await remember(transaction, post, group, times)
        return incident_id

    async def _update(
        self, transaction: Transaction, post: Post, known: tuple[Row, Merge], times: int
    ) -> tuple[Subject, ...]:
        """Write the rows. The subjects that joined the incident."""
        episode, merged = known
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
              times_today = greatest(times_today, %(times)s),
              announced_at = case when still and not exists (select 1 from delivery
                where incident_id = %(id)s and part = 'head' and state <> 'absorbed') then null
                when not still and announced_at = resolved_at then greatest(resolved_at, %(ended)s)
                else announced_at end,
              wanted_rev = wanted_rev + 1, parked = null, attempts = 0
            from firing where id = %(id)s returning wanted_rev - 1 = enriched_rev as was_level
            """,
            id=incident_id,
            severity=post.group.severity if merged.fires else 0,
            started=min((alert.starts_at for alert in merged.writes), default=None),
            ended=merged.last_end or post.received_at,
            joined=subjects_to_json(joined),
            times=times,
        )
        # Enqueue only what no job will look at again: an incident that was level, or parked.
        if row and (row["was_level"] or episode["parked"] is not None):
            await self.enqueue(transaction, incident_id, Wish(post.group.severity))
        await want_edits(transaction, incident_id)
        return joined


async def _divided(transaction: Transaction, post: Post, keys: Collection[str]) -> tuple[Post, list[Post]]:
    """What remains, and the parts; all of them know whether any of them is why the body was sent."""
    rest, parts = post.divided(keys)
    every = [one for one in (rest, *parts) if one.group.alerts]
    is_news = post.is_news or await say_something_new(transaction, every)
    return replace(rest, is_news=is_news), [replace(part, is_news=is_news) for part in parts]


async def _stored_episodes(transaction: Transaction, episode: Row) -> list[StoredEpisode]:
    rows = await transaction.all(
        "select fingerprint, starts_at, ended_at from alert where month = %(month)s and incident_id = %(id)s",
        month=episode["month"],
        id=episode["incident_id"],
    )
    return [StoredEpisode(**row) for row in rows]


async def _repeat(transaction: Transaction, post: Post, group: Row, episode: Row) -> None:
    """The same content again: news only if it fires, and was sent for no other reason than that time has passed."""
    await remember(transaction, post, group, group["fired_at"])
    if episode["state"] != AlertStatus.FIRING:
        return
    await unpark(transaction, episode["incident_id"])
    if post.received_at - group["posted_at"] >= REPEAT_AFTER and not post.is_news:
        news = [News("repeat", "still firing: the sender repeats it and nobody has said they are on it")]
        await tell_news(transaction, episode["incident_id"], news)


async def _ends(transaction: Transaction, group: AlertGroup, episode: Row, merged: Merge) -> bool:
    """Whether the group ends with a body that tells nothing new: all of it may be known from another of its story.

    What the body does not name and is open would have been named, unless it is that other group's.
    """
    if episode["state"] != AlertStatus.FIRING or _group_state(group, episode, merged) is not AlertStatus.RESOLVED:
        return False
    if not merged.misses_open:
        return True
    another = await transaction.one(
        """
        select 1 from group_episode where incident_id = %(id)s and state = 'firing' and group_id <> %(group)s limit 1
        """,
        id=episode["incident_id"],
        group=episode["group_id"],
    )
    return another is not None


def _group_state(group: AlertGroup, episode: Row, merged: Merge) -> AlertStatus:
    """Resolved only if the body says so of all that it could know: nothing cut off, nothing older than we know."""
    if merged.fires:
        return AlertStatus.FIRING
    if group.truncated_alerts > 0 or merged.is_old:
        return AlertStatus(episode["state"])
    return AlertStatus.RESOLVED


def _joined(episode: Row, subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
    """Those that are new; another kind of object by the same name is the same thing to a reader."""
    known = {Subject(**stored) for stored in episode["reported"]}
    keys = {own_key(subject) for subject in known} - {""}
    return tuple(subject for subject in subjects if subject not in known and own_key(subject) not in keys)
