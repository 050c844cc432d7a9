"""What became of a send, as the outbox keeps it."""

from app.store.claims import LEASE_SECONDS, Channel, Claim
from app.store.engine import Store, Transaction
from app.store.swept import SPEAKS_FOR_ITSELF

LEAST_SECONDS = 10.0
"""A sender that has less than this left of its lease was held up, and sends no more."""

SEARCH_AGAIN_SECONDS = 15.0

_KEY = "incident_id = %(incident_id)s and notifier = %(notifier)s and target = %(target)s and part = %(part)s"

# Other replies of this class that wait, and that nobody has begun to tell.
_SAID = """
update delivery d set state = 'shown', shown = d.wanted from (
  select incident_id, part from delivery where incident_id = %(incident_id)s and notifier = %(notifier)s
    and target = %(target)s and part like %(class_)s || '%%' and part <> %(part)s and state = 'due' and shown = 0
  for update skip locked) waiting
where d.incident_id = waiting.incident_id and d.part = waiting.part
  and d.notifier = %(notifier)s and d.target = %(target)s
returning d.wanted
"""


class Outcomes:
    """Writes after a claim; each checks that the lease is still ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def hold(self, claim: Claim) -> bool:
        """The whole lease from now on, asked right before the send; False if too little was left of it."""
        async with self._store.transaction() as transaction:
            touched = await transaction.execute(
                f"""
                update delivery set lease_until = now() + make_interval(secs => %(seconds)s)
                where {_KEY} and lease = %(lease)s and state = 'sending'
                  and lease_until > now() + make_interval(secs => %(least)s)
                """,  # noqa: S608 - a constant
                seconds=LEASE_SECONDS,
                least=LEAST_SECONDS,
                **_key(claim),
            )
        return touched > 0

    async def put_back(self, claim: Claim) -> None:
        """Nothing was sent: due at once; what was unknown before the claim still is."""
        await self._set(claim, "state = case when %(u)s then state else 'due' end, lease_until = now(), due_at = now()",
                        u=claim.unknown)  # fmt: skip

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
            if touched:
                await _first_told(transaction, claim)
        return touched > 0

    async def retry(self, claim: Claim, reason: str, after_seconds: float) -> None:
        """Not posted, and surely so: due again later. An edit may have arrived, so what stands there is not known."""
        await self._set(claim, "state = 'due', digest = null, error = %(e)s,"
                        " due_at = now() + make_interval(secs => %(s)s)", e=reason[:300], s=after_seconds)  # fmt: skip

    async def leave_unknown(self, claim: Claim, reason: str, after_seconds: float) -> None:
        """It may have arrived: keep `sending`, so that the next claim looks for it first."""
        await self._set(claim, "lease_until = now(), error = %(e)s,"
                        " due_at = now() + make_interval(secs => %(s)s)", e=reason[:300], s=after_seconds)  # fmt: skip

    async def found(self, claim: Claim, reference: str) -> bool:
        """It did arrive; an edit follows if more was wanted since the first wish, for nobody knows what it shows."""
        async with self._store.transaction() as transaction:
            await _lock_incident(transaction, claim)
            touched = await transaction.execute(
                f"""
                update delivery set reference = %(reference)s, digest = null, error = null, searches = 0,
                  may_repeat = 0, shown = greatest(shown, case when part like 'news:%%' then wanted else 1 end),
                  state = case when wanted > 1 and part not like 'news:%%' then 'due' else 'shown' end,
                  due_at = now(), lease = null
                where {_KEY} and lease = %(lease)s and state = 'sending'
                """,  # noqa: S608 - a constant
                reference=reference,
                **_key(claim),
            )
            if touched:
                await _first_told(transaction, claim)
        return touched > 0

    async def hurry(self, channel: Channel) -> int:
        """The vendor is well again: what waits here because it had failed is due now; how many there were."""
        async with self._store.transaction() as transaction:
            return await transaction.execute(
                """
                update delivery d set due_at = now() from (
                  select incident_id, part from delivery
                  where notifier = %(notifier)s and target = %(target)s and due_at > now() and error is not null
                    and (state = 'due' or (state = 'sending' and searches = 0 and lease_until < now()))
                  for update skip locked) waiting
                where d.incident_id = waiting.incident_id and d.part = waiting.part
                  and d.notifier = %(notifier)s and d.target = %(target)s
                """,
                notifier=channel.notifier,
                target=channel.target,
            )

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
        if claim.part.startswith("news:") and not may_repeat:
            await self._join_news(claim)

    async def leave_to_head(self, claim: Claim) -> None:
        """The head that is about to be posted wakes people and says it all: news that waits for it is told by it."""
        async with self._store.transaction() as transaction:
            await transaction.all(_SAID, **_key(claim), class_="news:")

    async def end_said(self, claim: Claim, reference: str, digest: str) -> None:
        """The head was posted when all was over: the word on the end, wanted or not yet, is said with it."""
        async with self._store.transaction() as transaction:
            await _lock_incident(transaction, claim)
            await transaction.execute(
                """
                insert into delivery (incident_id, notifier, target, part, state, shown, nonce, reference, digest)
                values (%(incident_id)s, %(notifier)s, %(target)s, 'end', 'shown', 1, gen_random_uuid(),
                  %(reference)s, %(digest)s)
                on conflict (incident_id, notifier, target, part) do update
                  set state = 'shown', shown = delivery.wanted, reference = excluded.reference,
                    digest = excluded.digest where delivery.reference is null and delivery.state = 'due'
                """,
                reference=reference,
                digest=digest,
                **_key(claim),
            )

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
                      state = case when state in ('shown', 'parked') then 'due' else state end
                    where incident_id = %(id)s and notifier = %(notifier)s and target = %(target)s and part = 'details'
                    """,
                    id=claim.incident_id,
                    notifier=claim.channel.notifier,
                    target=claim.channel.target,
                )

    async def absorb(self, claim: Claim) -> None:
        """A storm speaks for it: not sent. Due again if the storm has ended before it has, or it fired again."""
        async with self._store.transaction() as transaction:
            await _lock_incident(transaction, claim)
            await transaction.execute(
                f"""
                update delivery set error = null, due_at = now(), created_at = now(), lease = null,
                  state = case when exists (select 1 from incident i left join incident p on p.id = i.parent_id
                    where i.id = %(incident_id)s and p.state is distinct from 'firing'
                      and (i.state = 'firing' or {SPEAKS_FOR_ITSELF}))
                    then 'due' else 'absorbed' end
                where {_KEY} and lease = %(lease)s
                """,  # noqa: S608 - a constant
                **_key(claim),
            )

    async def park(self, claim: Claim, reason: str) -> None:
        """Hopeless until a person changes something: kept, shown, and not tried again by itself."""
        await self._set(claim, "state = 'parked', error = %(e)s, due_at = now()", e=reason[:300])

    async def _join_news(self, claim: Claim) -> None:
        """It surely was not told: what came meanwhile and waits is told in the same reply."""
        async with self._store.transaction() as transaction:
            said = await transaction.all(_SAID, **_key(claim), class_=claim.part.rpartition(":")[0] + ":")
            newest = max((row["wanted"] for row in said), default=0)
            await transaction.execute(
                f"update delivery set wanted = greatest(wanted, %(newest)s) where {_KEY} and lease = %(lease)s",  # noqa: S608 - a constant
                newest=newest,
                **_key(claim),
            )

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


async def _first_told(transaction: Transaction, claim: Claim) -> None:
    if claim.part == "head":
        await transaction.execute(
            "update incident set first_notified_at = now() where id = %(id)s and first_notified_at is null",
            id=claim.incident_id,
        )


def _key(claim: Claim) -> dict[str, object]:
    return {
        "incident_id": claim.incident_id,
        "notifier": claim.channel.notifier,
        "target": claim.channel.target,
        "part": claim.part,
        "lease": claim.lease,
    }
