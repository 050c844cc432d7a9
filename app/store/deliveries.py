"""The outbox: what each place should show, what it shows, and who is sending right now."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.store.claims import LEASE_SECONDS, Channel, Claim
from app.store.engine import Row, Store, Transaction
from app.store.identity import uuid7
from app.store.outcomes import Outcomes
from app.store.swept import SPEAKS_FOR_ITSELF, let_go, let_speak, sweep_in


@dataclass(frozen=True, slots=True)
class Announced:
    """What announcing an incident came to: whether it was the first time, and the storm that speaks for it."""

    first: bool
    parent_id: UUID | None


class Deliveries(Outcomes):
    """Deliveries as desired state: wishes and claims here, what becomes of a claim in `Outcomes`."""

    def __init__(self, store: Store, *, storms: bool = True) -> None:
        super().__init__(store)
        self._storms = storms

    async def announce(self, incident_id: UUID, wanted: Sequence[tuple[str, str, str]]) -> Announced:
        """Want these (notifier, target, part) for the incident; of what a storm swept in, PagerDuty's notes alone.

        What was left to a storm speaks for itself once none has the incident, unless it is over as well.
        """
        async with self._store.transaction() as transaction:
            parent_id = await sweep_in(transaction, incident_id) if self._storms else None
            # Incident before deliveries, as everywhere.
            incident = await transaction.one(
                f"""
                select parent_id is not null and state = 'firing' as fires_after_storm,
                  parent_id is not null and announced_at is not null and state <> 'firing'
                    and not {SPEAKS_FOR_ITSELF} as is_left_to_storm
                from incident i where id = %(id)s for no key update
                """,  # noqa: S608 - a constant
                id=incident_id,
            )
            if parent_id is not None:
                await let_speak(
                    transaction, parent_id, [(name, target) for name, target, part in wanted if part == "head"]
                )
                wanted = [one for one in wanted if one[2] == "note"]
            elif incident and incident["fires_after_storm"]:
                await let_go(transaction, [incident_id])
            elif incident and incident["is_left_to_storm"]:
                heard = await _heard(transaction, incident_id)
                wanted = [one for one in wanted if one[2] == "note" or Channel(*one[:2]) in heard]
            first = await transaction.execute(
                "update incident set announced_at = now() where id = %(id)s and announced_at is null", id=incident_id
            )
            for notifier, target, part in wanted:
                await transaction.execute(
                    """
                    insert into delivery as d (incident_id, notifier, target, part, nonce)
                    values (%(id)s, %(notifier)s, %(target)s, %(part)s, %(nonce)s)
                    on conflict (incident_id, notifier, target, part) do update
                      set due_at = now(), state = 'due',
                        created_at = case when d.state = 'absorbed' then now() else d.created_at end
                      where d.state = 'absorbed'
                        or (d.shown = 0 and d.attempts = 0 and d.state = 'due' and d.due_at > now())
                    """,
                    id=incident_id,
                    notifier=notifier,
                    target=target,
                    part=part,
                    nonce=uuid7(),
                )
        return Announced(first > 0, parent_id)

    async def due_channels(self) -> list[Channel]:
        """Channels in which something can be sent now: those with first messages first, then by severity."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                with due as (
                select d.notifier, d.target, row_number() over (partition by d.notifier
                  order by bool_or(d.reference is null) desc, max(i.severity) desc, min(d.due_at)) as place
                from delivery d join incident i on i.id = d.incident_id
                left join delivery head on head.incident_id = d.incident_id and head.notifier = d.notifier
                  and head.target = d.target and head.part = 'head'
                where d.state not in ('parked', 'shown') and d.state <> 'absorbed' and d.due_at <= now()
                  and (d.state <> 'sending' or d.lease_until < now())
                  and (d.part in ('head', 'note') or head.reference is not null)
                group by d.notifier, d.target)
                select notifier, target from due where place <= 50 order by place
                """
            )
        return [Channel(**row) for row in rows]

    async def claim(self, channel: Channel) -> Claim | None:
        """The next delivery of this channel, marked as being sent and committed; None if none is due.

        First messages go before edits, severe incidents before others, storms before what is alone; a reply
        waits for its head.
        """
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                """
                with next as (
                  select d.incident_id, d.part, d.state = 'sending' as unknown, head.reference as head_reference
                  from delivery d join incident i on i.id = d.incident_id
                  left join delivery head on head.incident_id = d.incident_id and head.notifier = d.notifier
                    and head.target = d.target and head.part = 'head'
                  where d.notifier = %(notifier)s and d.target = %(target)s
                    and d.state not in ('parked', 'shown') and d.state <> 'absorbed' and d.due_at <= now()
                    and (d.state <> 'sending' or d.lease_until < now())
                    and (d.part in ('head', 'note') or head.reference is not null)
                  order by d.reference is not null, d.part not in ('head', 'note'), i.severity desc, i.storm is null,
                    d.due_at
                  limit 1 for update of d skip locked
                )
                update delivery d set state = 'sending', lease = %(lease)s,
                  attempts = case when d.error is null and d.shown > 0 then 1 else d.attempts + 1 end,
                  lease_until = now() + make_interval(secs => %(seconds)s)
                from next where d.incident_id = next.incident_id and d.part = next.part
                  and d.notifier = %(notifier)s and d.target = %(target)s
                returning d.*, next.unknown, next.head_reference
                """,
                notifier=channel.notifier,
                target=channel.target,
                lease=uuid7(),
                seconds=LEASE_SECONDS,
            )
            if row is None:
                return None
            news = await _news(transaction, row) if row["part"].startswith("news:") else ()
        return _claim(channel, row, news)


async def _heard(transaction: Transaction, incident_id: UUID) -> set[Channel]:
    """Where the incident has a message of its own, or is about to: what was left to a storm is none."""
    rows = await transaction.all(
        """
        select notifier, target from delivery
        where incident_id = %(id)s and part = 'head' and state <> 'absorbed'
        """,
        id=incident_id,
    )
    return {Channel(**row) for row in rows}


async def _news(transaction: Transaction, row: Row) -> tuple[str, ...]:
    """The texts that this reply should tell: newer than the last one told here, and than the head itself."""
    rows = await transaction.all(
        """
        select t.body from timeline t join incident i on i.id = t.incident_id and i.month = t.month
        where i.id = %(id)s and t.key like %(prefix)s || '%%'
          and t.at >= (select created_at from delivery head where head.incident_id = i.id
            and head.notifier = %(notifier)s and head.target = %(target)s and head.part = 'head')
          and split_part(t.key, ':', 2)::int <= %(wanted)s
          and split_part(t.key, ':', 2)::int > coalesce((select max(shown) from delivery told
            where told.incident_id = i.id and told.notifier = %(notifier)s and told.target = %(target)s
              and told.part like 'news:' || %(prefix)s || '%%'), 0)
        order by t.key
        """,
        id=row["incident_id"],
        prefix=row["part"].split(":")[1] + ":",
        wanted=row["wanted"],
        notifier=row["notifier"],
        target=row["target"],
    )
    return tuple(entry["body"] for entry in rows)


def _claim(channel: Channel, row: Row, news: tuple[str, ...]) -> Claim:
    return Claim(
        incident_id=row["incident_id"],
        channel=channel,
        part=row["part"],
        nonce=row["nonce"],
        lease=row["lease"],
        wanted=row["wanted"],
        attempts=row["attempts"],
        searches=row["searches"],
        unknown=row["unknown"],
        reference=row["reference"],
        head_reference=row["head_reference"],
        digest=row["digest"],
        may_repeat=bool(row["may_repeat"]),
        created_at=row["created_at"],
        news=news,
    )
