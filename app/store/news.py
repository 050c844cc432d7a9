"""What people must hear anew: an edit wakes nobody, so news is a reply of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.alert import Alert, AlertGroup, AlertStatus, Severity
from app.domain.story import ordinal
from app.domain.subject import Subject
from app.store.codec import storable
from app.store.engine import Row, Transaction
from app.store.episodes import Merge

LOUD = frozenset({"joined", "severity", "refire", "repeat"})


# A sender that repeats sooner is another replica, or a retry whose first answer was lost.
REPEAT_AFTER = timedelta(minutes=10)
# From this episode of a day on, a group that comes back is the same story, however long it was quiet.
OFTEN = 3
NAMED_SUBJECTS = 5


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell. Loud kinds are broadcast to the channel, others and what is `quiet` stay in the thread.

    What is `quiet` would be broadcast if it had not come so often: where there are no threads it is told all the same.
    """

    kind: str
    text: str
    quiet: bool = False

    @property
    def loudness(self) -> str:
        """`broadcast`, `again` or `reply`: the class that it is numbered and sent in."""
        if self.kind not in LOUD:
            return "reply"
        return "again" if self.quiet else "broadcast"


@dataclass(frozen=True, slots=True)
class Told:
    """The body that may hold news, when its group was posted before, when it came, and how often it began today."""

    group: AlertGroup
    posted_at: datetime
    received_at: datetime
    times_today: int = 1


def news_of(told: Told, episode: Row, merged: Merge, joined: tuple[Subject, ...]) -> list[News]:
    """What people must hear anew; nothing before the head is out, for the head will say it all."""
    is_untold = episode["announced_at"] is None and episode["first_notified_at"] is None
    if is_untold or not merged.fires:
        return []
    news = []
    if episode["incident_state"] == AlertStatus.RESOLVED:
        news.append(_refire("firing again after it had resolved", told))
    severity = told.group.severity
    if severity > episode["severity"]:
        name = lead_of(merged).name
        news.append(News("severity", f"now {severity.word}, was {Severity(episode['severity']).word}: {name}"))
    if joined:
        names = ", ".join(str(subject) for subject in joined[:NAMED_SUBJECTS])
        more = f" and {len(joined) - NAMED_SUBJECTS} more" if len(joined) > NAMED_SUBJECTS else ""
        news.append(News("joined", f"now affected too: {names}{more}"))
    began = merged.restarted_at
    if not news and began and began > told.posted_at and told.received_at - told.posted_at >= REPEAT_AFTER:
        news.append(_refire("it began anew, and nobody had said that it was over", told))
    return news


def _refire(text: str, told: Told) -> News:
    """What comes back all day wakes people no more, unless it is critical: the message counts."""
    if told.times_today < OFTEN:
        return News("refire", text)
    quiet = told.group.severity < Severity.CRITICAL
    return News("refire", f"{text}: {ordinal(told.times_today)} time today", quiet=quiet)


def lead_of(merged: Merge) -> Alert:
    """The alert that an incident is titled with: firing first, then the most severe, then the oldest."""
    return min(merged.writes, key=lambda a: (a.ended_at is not None, -a.severity, a.starts_at, a.fingerprint))


async def tell_news(transaction: Transaction, incident_id: UUID, news: list[News]) -> None:
    """Put news into the timeline and want a reply under each head; call with the incident locked.

    Of what a storm swept in only the storm's own message speaks.

    At most one of what wakes people in five minutes: what comes meanwhile joins the reply that waits.
    """
    for item in news:
        await transaction.execute(
            """
            insert into timeline (month, incident_id, key, at, kind, body, source)
            select i.month, i.id, %(loudness)s || ':' || lpad((1 + (select count(*) from timeline t
              where t.month = i.month and t.incident_id = i.id and t.key like %(loudness)s || ':%%'))::text, 6, '0'),
              clock_timestamp(), %(kind)s, %(body)s, 'sitrep'
            from incident i where i.id = %(id)s
            """,
            loudness=item.loudness,
            kind=f"news.{item.kind}",
            body=storable(item.text)[:300],
            id=incident_id,
        )
    for loudness in sorted({item.loudness for item in news}):
        await _want_reply(transaction, incident_id, loudness)


async def _want_reply(transaction: Transaction, incident_id: UUID, loudness: str) -> None:
    """`wanted` of a reply is the number of the newest news that it should tell."""
    await transaction.execute(
        """
        with newest as (
          select count(*)::int as number from timeline t join incident i on i.id = t.incident_id and i.month = t.month
          where i.id = %(id)s and t.key like %(loudness)s || ':%%'
        ), waiting as (
          update delivery set wanted = number from newest
          where incident_id = %(id)s and part like 'news:' || %(loudness)s || ':%%' and state = 'due' and shown = 0
          returning notifier, target
        )
        insert into delivery (incident_id, notifier, target, part, wanted, nonce, due_at)
        select head.incident_id, head.notifier, head.target, 'news:' || %(loudness)s || ':' || number, number,
          gen_random_uuid(), greatest(now(), case when %(loudness)s <> 'reply' then (
            select max(greatest(last.created_at, last.due_at)) + interval '5 minutes' from delivery last
            where last.incident_id = head.incident_id and last.notifier = head.notifier
              and last.target = head.target and last.part like 'news:' || %(loudness)s || ':%%') end)
        from delivery head, newest
        where head.incident_id = %(id)s and head.part = 'head' and head.state <> 'absorbed'
          and not exists (select 1 from incident i join incident p on p.id = i.parent_id
            where i.id = %(id)s and p.state = 'firing')
          and (head.notifier, head.target) not in (select notifier, target from waiting)
        on conflict do nothing
        """,
        id=incident_id,
        loudness=loudness,
    )


async def want_edits(transaction: Transaction, incident_id: UUID) -> None:
    """The incident looks different now: what shows it should be drawn again, and what was given up tried again."""
    await want_edits_of(transaction, [incident_id])
    await unpark(transaction, incident_id)


async def want_edits_of(transaction: Transaction, incidents: Sequence[UUID]) -> None:
    """What shows these incidents, which are locked, should be drawn again.

    The word on the end of an incident is wanted again each time that it ends.
    """
    await transaction.execute(
        """
        update delivery d set wanted = wanted + 1, state = case when d.state = 'shown' then 'due' else d.state end,
          due_at = case when d.state = 'shown' then now() else due_at end
        from incident i where i.id = d.incident_id and i.id = any(%(ids)s)
          and (part in ('head', 'details', 'note') or (part = 'end' and i.state = 'resolved'))
        """,
        ids=list(incidents),
    )


async def unpark(transaction: Transaction, incident_id: UUID) -> None:
    """A webhook gives what was given up another chance: a person may have mended it since."""
    await transaction.execute(
        """
        update delivery set state = 'due', attempts = 0, due_at = now()
        where incident_id = %(id)s and state = 'parked'
        """,
        id=incident_id,
    )
