"""What changed, remembered: by watching, or because somebody told."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from app.domain.change import Change, FieldDiff
from app.domain.evidence import evidence_id
from app.domain.subject import Subject
from app.store.codec import storable
from app.store.engine import Row, Store, Transaction
from app.store.identity import uuid7

MOST_READ = 200
MOST_OF_THE_CLUSTER = 50

_PLACES = """
select * from (
  (select * from change where cluster = any(%(clusters)s) and namespace = %(namespace)s
    and at between %(since)s and %(until)s order by at desc limit %(most)s)
  union all
  (select * from change where cluster = any(%(clusters)s) and namespace = '' and %(namespace)s <> ''
    and at between %(since)s and %(until)s order by at desc limit %(few)s)
) as found order by at desc
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A change that somebody reported. `dedup_key`: what makes it the same when it is reported again."""

    change: Change
    source: str
    dedup_key: str = ""


class Changes:
    """The journal's entries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tell(self, told: Sequence[Told]) -> int:
        """Keep what was reported; how many were new."""
        async with self._store.transaction() as transaction:
            return await write_changes(transaction, told)

    async def around(
        self, clusters: Collection[str], namespace: str, window: tuple[datetime, datetime]
    ) -> list[Change]:
        """What changed in a namespace, and of what lives in none, newest first; bounded.

        `clusters`: the names of one cluster, for a sender may call it otherwise than we do.
        """
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                _PLACES,
                clusters=sorted(clusters),
                namespace=namespace,
                since=window[0],
                until=window[1],
                most=MOST_READ,
                few=MOST_OF_THE_CLUSTER,
            )
        return [_change(row) for row in rows]


async def write_changes(transaction: Transaction, told: Sequence[Told]) -> int:
    """One row each; one that was reported before is left as it is. How many were new."""
    if not told:
        return 0
    return await transaction.execute(
        """
        insert into change (id, source, dedup_key, at, cluster, namespace, kind, name, change, summary, diff, actor)
        select id, source, decode(dedup_key, 'hex'), at, cluster, namespace, kind, name, change, summary, diff, actor
        from jsonb_to_recordset(%(rows)s) as told (id uuid, source text, dedup_key text, at timestamptz, cluster text,
          namespace text, kind text, name text, change text, summary text, diff jsonb, actor text)
        on conflict do nothing
        """,
        rows=Jsonb([_row(one) for one in told]),
    )


def _row(told: Told) -> dict[str, Any]:
    change, subject = told.change, told.change.subject
    key = hashlib.sha256(told.dedup_key.encode()).hexdigest() if told.dedup_key else None
    return {
        "id": str(uuid7()),
        "source": told.source,
        "dedup_key": key,
        "at": change.at.isoformat(),
        "cluster": storable(subject.cluster)[:200],
        "namespace": storable(subject.namespace)[:200],
        "kind": storable(subject.kind)[:100],
        "name": storable(subject.name)[:253],
        "change": storable(change.change)[:60],
        "summary": storable(change.summary)[:300],
        "diff": [[storable(one.path), _storable(one.old), _storable(one.new)] for one in change.diff],
        "actor": storable(change.actor)[:100],
    }


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _change(row: Row) -> Change:
    return Change(
        id=evidence_id("journal", row["id"]),
        subject=Subject(row["cluster"], row["namespace"], row["kind"], row["name"]),
        at=row["at"],
        change=row["change"],
        summary=row["summary"],
        diff=tuple(FieldDiff(*one) for one in row["diff"]),
        actor=row["actor"],
    )
