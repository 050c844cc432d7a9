"""Bodies and alerts that were refused: kept once for each content, counted, and shown."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.store.engine import Store
from app.store.identity import uuid7

KEPT_BYTES = 16 * 1024
KEPT_ROWS = 10_000
REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Rejection:
    """What was refused, why, and how often."""

    sender: str
    reason: str
    seen: int
    received_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A body, or an alert in one, that could not be read: why, and its redacted text."""

    reason: str
    body: bytes


class Rejections:
    """Writing and reading what was refused."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, sender: str, refusals: Sequence[Refusal]) -> None:
        """Keep what was refused once for each hash; the oldest go when there are too many."""
        unique = {hashlib.sha256(refused.body or refused.reason.encode()).digest(): refused for refused in refusals}
        # In one order for all, so that two posts of the same never lock each other out.
        shas = sorted(unique)
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                insert into rejected (id, sender, reason, body_sha, body)
                select id, %(sender)s, reason, sha, body
                from unnest(%(ids)s::uuid[], %(reasons)s::text[], %(shas)s::bytea[], %(bodies)s::bytea[])
                  as refused(id, reason, sha, body)
                on conflict (body_sha) do update set seen = rejected.seen + 1, last_seen_at = now(),
                  reason = excluded.reason
                """,
                sender=sender,
                ids=[uuid7() for _ in shas],
                reasons=[_stored(unique[sha].reason) for sha in shas],
                shas=shas,
                bodies=[unique[sha].body[:KEPT_BYTES] for sha in shas],
            )
            await transaction.execute(
                """
                delete from rejected where id in (
                  select id from rejected order by last_seen_at desc offset %(kept)s limit 100)
                """,
                kept=KEPT_ROWS,
            )

    async def newest(self, limit: int = 50) -> list[Rejection]:
        """The last refused ones."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select sender, reason, seen, received_at, last_seen_at from rejected
                order by last_seen_at desc limit %(limit)s
                """,
                limit=limit,
            )
        return [Rejection(**row) for row in rows]


def _stored(reason: str) -> str:
    return reason.replace("\x00", "\ufffd")[:REASON_CHARACTERS]
