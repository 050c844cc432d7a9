"""What people must hear anew: an edit wakes nobody, so news is a reply of its own."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.store.engine import Transaction

LOUD = frozenset({"joined", "severity", "refire", "repeat"})


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell. Loud kinds are broadcast to the channel, others stay in the thread."""

    kind: str
    text: str

    @property
    def loudness(self) -> str:
        """`broadcast` or `reply`: the class that it is numbered and sent in."""
        return "broadcast" if self.kind in LOUD else "reply"


async def tell_news(transaction: Transaction, incident_id: UUID, news: list[News], now: datetime) -> None:
    """Put news into the timeline and want a reply under each head; call with the incident locked.

    At most one broadcast in five minutes: what comes meanwhile joins the reply that waits.
    """
    for item in news:
        await transaction.execute(
            """
            insert into timeline (month, incident_id, key, at, kind, body, source)
            select i.month, i.id, %(loudness)s || ':' || lpad((1 + (select count(*) from timeline t
              where t.month = i.month and t.incident_id = i.id and t.key like %(loudness)s || ':%%'))::text, 6, '0'),
              %(at)s, %(kind)s, %(body)s, 'sitrep'
            from incident i where i.id = %(id)s
            """,
            loudness=item.loudness,
            at=now,
            kind=f"news.{item.kind}",
            body=item.text[:300],
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
          gen_random_uuid(), greatest(now(), case when %(loudness)s = 'broadcast' then (
            select max(last.created_at) + interval '5 minutes' from delivery last
            where last.incident_id = head.incident_id and last.notifier = head.notifier
              and last.target = head.target and last.part like 'news:broadcast:%%') end)
        from delivery head, newest
        where head.incident_id = %(id)s and head.part = 'head'
          and (head.notifier, head.target) not in (select notifier, target from waiting)
        on conflict do nothing
        """,
        id=incident_id,
        loudness=loudness,
    )


async def want_edits(transaction: Transaction, incident_id: UUID) -> None:
    """The incident looks different now: what shows it should be drawn again.

    A PagerDuty note that was given up for want of an incident gets another chance.
    """
    await transaction.execute(
        """
        update delivery set wanted = wanted + 1,
          state = case when state = 'shown' then 'due'
            when state = 'parked' and error like 'no_pagerduty_incident%%' then 'due' else state end,
          attempts = case when state = 'parked' then 0 else attempts end,
          due_at = case when state in ('shown', 'parked') then now() else due_at end
        where incident_id = %(id)s and part in ('head', 'details', 'note')
        """,
        id=incident_id,
    )
