"""The outbox: what each place should show, what it shows, and who is sending right now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.store.engine import Row, Store, Transaction
from app.store.identity import uuid7
from app.store.storms import sweep_in

LEASE_SECONDS = 30.0
SEARCH_AGAIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Where one sender at a time may speak."""

    notifier: str
    target: str

    @property
    def lease_name(self) -> str:
        """The name of the channel's lease row."""
        return f"channel:{self.notifier}:{self.target}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours to send until the lease ends.

    `unknown`: an earlier send may have arrived; look for the nonce before posting again. `searches` counts
    the looks so far. `wanted` is what will be shown once this is sent. `digest` is what was shown last.
    """

    incident_id: UUID
    channel: Channel
    part: str
    nonce: UUID
    lease: UUID
    wanted: int
    attempts: int
    searches: int
    unknown: bool
    reference: str | None
    head_reference: str | None
    digest: str | None
    may_repeat: bool
    created_at: datetime
    news: tuple[str, ...] = ()


_KEY = "incident_id = %(incident_id)s and notifier = %(notifier)s and target = %(target)s and part = %(part)s"


@dataclass(frozen=True, slots=True)
class Announced:
    """What announcing an incident came to: whether it was the first time, and the storm that speaks for it."""

    first: bool
    parent_id: UUID | None


class Deliveries:
    """Deliveries as desired state. Every write after a claim checks that the lease is still ours."""

    def __init__(self, store: Store, *, storms: bool = True) -> None:
        self._store = store
        self._storms = storms

    async def announce(self, incident_id: UUID, wanted: Sequence[tuple[str, str, str]]) -> Announced:
        """Want these (notifier, target, part) for the incident; of what a storm swept in, PagerDuty's notes alone."""
        async with self._store.transaction() as transaction:
            parent_id = await sweep_in(transaction, incident_id) if self._storms else None
            if parent_id is not None:
                wanted = [one for one in wanted if one[2] == "note"]
            first = await transaction.execute(
                "update incident set announced_at = now() where id = %(id)s and announced_at is null", id=incident_id
            )
            for notifier, target, part in wanted:
                await transaction.execute(
                    """
                    insert into delivery (incident_id, notifier, target, part, nonce)
                    values (%(id)s, %(notifier)s, %(target)s, %(part)s, %(nonce)s) on conflict do nothing
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
                  and (d.part in ('head', 'note', 'end') or head.reference is not null)
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
                    and (d.part in ('head', 'note', 'end') or head.reference is not null)
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

    async def record(self, claim: Claim, reference: str, digest: str) -> bool:
        """It is shown. False if the lease was lost: then somebody else has recorded, or will."""
        async with self._store.transaction() as transaction:
            await _lock_incident(transaction, claim)
            touched = await transaction.execute(
                f"""
                update delivery set reference = %(reference)s, digest = %(digest)s, error = null,
                  searches = 0, may_repeat = 0, shown = greatest(shown, %(wanted)s), due_at = now(), lease = null,
                  state = case when wanted > %(wanted)s and part not like 'news:%%' then 'due' else 'shown' end
                where {_KEY} and lease = %(lease)s and state = 'sending'
                """,  # noqa: S608 - a constant
                reference=reference,
                digest=digest,
                wanted=claim.wanted,
                **_key(claim),
            )
            if touched and claim.part == "head":
                await transaction.execute(
                    """
                    update incident set first_notified_at = now()
                    where (id = %(id)s or parent_id = %(id)s) and first_notified_at is null
                    """,
                    id=claim.incident_id,
                )
        return touched > 0

    async def retry(self, claim: Claim, reason: str, after_seconds: float) -> None:
        """Not sent, and surely so: due again later."""
        await self._set(claim, "state = 'due', error = %(e)s, due_at = now() + make_interval(secs => %(s)s)",
                        e=reason[:300], s=after_seconds)  # fmt: skip

    async def leave_unknown(self, claim: Claim, reason: str, after_seconds: float) -> None:
        """It may have arrived: keep `sending`, so that the next claim looks for it first."""
        await self._set(claim, "lease_until = now(), error = %(e)s,"
                        " due_at = now() + make_interval(secs => %(s)s)", e=reason[:300], s=after_seconds)  # fmt: skip

    async def reference(self, claim: Claim) -> str | None:
        """What the delivery shows now, whoever recorded it."""
        async with self._store.transaction() as transaction:
            row = await transaction.one(f"select reference from delivery where {_KEY}", **_key(claim))  # noqa: S608
        return row["reference"] if row else None

    async def search_again(self, claim: Claim) -> None:
        """Looked and did not find it: once more a little later, for history lags."""
        await self._set(claim, "searches = searches + 1, lease_until = now(),"
                        " due_at = now() + make_interval(secs => %(s)s)", s=SEARCH_AGAIN_SECONDS)  # fmt: skip

    async def post_again(self, claim: Claim, *, may_repeat: bool, after_seconds: float = 0.0) -> None:
        """It did not arrive, or nobody can tell (`may_repeat`): lost outranks twice."""
        wait = "due_at = now() + make_interval(secs => %(s)s)"
        wish = f"state = 'due', searches = 0, may_repeat = %(m)s, {wait}"
        await self._set(claim, wish, m=int(may_repeat), s=after_seconds)

    async def forget(self, claim: Claim, reason: str) -> None:
        """What was to be edited is gone: post anew, and the replies under a gone head with it."""
        async with self._store.transaction() as transaction:
            await _lock_incident(transaction, claim)
            await transaction.execute(
                f"""
                update delivery set state = 'due', reference = null, digest = null, nonce = gen_random_uuid(),
                  error = %(reason)s, due_at = now(), lease = null
                where {_KEY} and lease = %(lease)s
                """,  # noqa: S608 - a constant
                reason=reason[:300],
                **_key(claim),
            )
            if claim.part == "head":
                await transaction.execute(
                    """
                    update delivery set reference = null, digest = null, nonce = gen_random_uuid(), wanted = wanted + 1,
                      state = case when state = 'shown' then 'due' else state end
                    where incident_id = %(id)s and notifier = %(notifier)s and target = %(target)s and part = 'details'
                    """,
                    id=claim.incident_id,
                    notifier=claim.channel.notifier,
                    target=claim.channel.target,
                )

    async def absorb(self, claim: Claim) -> None:
        """A storm speaks for it: not sent, unless the storm ends first."""
        await self._set(claim, "state = 'absorbed', error = null, due_at = now()")

    async def park(self, claim: Claim, reason: str) -> None:
        """Hopeless until a person changes something: kept, shown, and not tried again by itself."""
        await self._set(claim, "state = 'parked', error = %(e)s, due_at = now()", e=reason[:300])

    async def _set(self, claim: Claim, assignments: str, **parameters: object) -> None:
        async with self._store.transaction() as transaction:
            await transaction.execute(
                f"update delivery set {assignments} where {_KEY} and lease = %(lease)s",  # noqa: S608 - constants
                **parameters,
                **_key(claim),
            )


async def _lock_incident(transaction: Transaction, claim: Claim) -> None:
    """Incident before delivery, as everywhere: the other order would meet a webhook half-way."""
    await transaction.execute("select 1 from incident where id = %(id)s for update", id=claim.incident_id)


def _key(claim: Claim) -> dict[str, object]:
    return {
        "incident_id": claim.incident_id,
        "notifier": claim.channel.notifier,
        "target": claim.channel.target,
        "part": claim.part,
        "lease": claim.lease,
    }


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
