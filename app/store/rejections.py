"""Bodies and alerts that were refused: kept once for each content, counted, and shown."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from app.store.engine import Store
from app.store.identity import uuid7

KEPT_BYTES = 16 * 1024
KEPT_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """What was refused, why, and how often."""

    sender: str
    reason: str
    seen: int
    received_at: datetime
    last_seen_at: datetime


class Rejections:
    """Writing and reading what was refused."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, sender: str, reason: str, body: bytes) -> None:
        """Keep a refused body once for each hash; the oldest go when there are too many."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                insert into rejected (id, sender, reason, body_sha, body)
                values (%(id)s, %(sender)s, %(reason)s, %(sha)s, %(body)s)
                on conflict (body_sha) do update set seen = rejected.seen + 1, last_seen_at = now(),
                  reason = excluded.reason
                """,
                id=uuid7(),
                sender=sender,
                reason=reason.replace("\x00", "\ufffd")[:500],
                sha=hashlib.sha256(body).digest(),
                body=body[:KEPT_BYTES],
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
