"""The last sight of everything that is watched: what differs from it is a change, written in the same transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.domain.change import Change
from app.domain.deeds import creation, edit, removal
from app.domain.subject import Subject
from app.domain.watched import Field, Gone, Sight, Watched, Whole
from app.store.changes import Told, write_changes
from app.store.codec import storable
from app.store.engine import Row, Store, Transaction
from app.store.leases import Lease

SOURCE = "kubernetes"
MOST_RECENT_CHANGES = 12
"""What changes more often than people do is no cause of anything."""

FORGETS_ONE_IN = timedelta(minutes=5)
_HPA = "HorizontalPodAutoscaler"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one watch looks at: a kind, in one namespace or (empty) everywhere."""

    cluster: str
    kind: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class WatchState:
    """How a watch fares: since when all is known, when it was last heard of, and why it cannot watch."""

    kind: str
    since: datetime | None
    seen_at: datetime
    trouble: str | None


@dataclass(slots=True)
class _Pen:
    """What is to be written of one sight."""

    told: list[Change] = field(default_factory=list)
    sights: list[dict[str, Any]] = field(default_factory=list)
    gone: list[Subject] = field(default_factory=list)


class Watching:
    """Takes in what a watch sees. Every write checks that the lease is still ours: an old sight would undo a newer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take_in(self, lease: Lease, scope: Scope, sight: Sight) -> int | None:
        """Keep it; how many changes it told of, None if somebody else watches by now."""
        async with self._store.transaction() as transaction:
            if not await _is_ours(transaction, lease):
                return None
            since = await _watched_since(transaction, scope)
            items = await _vanished(transaction, scope, sight) if isinstance(sight, Whole) else sight
            pen = await _compared(transaction, items, is_new=since is not None)
            await _write(transaction, scope, pen)
            await _seen(transaction, scope, sight)
            return len(pen.told)

    async def clusters(self) -> list[str]:
        """Those of which something was ever watched."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all("select distinct cluster from watch_scope order by cluster")
        return [row["cluster"] for row in rows]

    async def states(self, cluster: str) -> list[WatchState]:
        """How each watch of a cluster fares."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                "select kind, since, seen_at, trouble from watch_scope where cluster = %(cluster)s order by kind",
                cluster=cluster,
            )
        return [WatchState(**row) for row in rows]

    async def failed(self, scope: Scope, reason: str) -> None:
        """Why this is not being watched."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                insert into watch_scope (cluster, kind, namespace, trouble)
                values (%(cluster)s, %(kind)s, %(namespace)s, %(reason)s)
                on conflict (cluster, kind, namespace) do update set trouble = excluded.trouble
                """,
                **_place(scope),
                reason=storable(reason)[:300],
            )


async def _is_ours(transaction: Transaction, lease: Lease) -> bool:
    row = await transaction.one(
        "select 1 from lease where name = %(name)s and holder = %(holder)s and token = %(token)s for share",
        name=lease.name,
        holder=lease.holder,
        token=lease.token,
    )
    return row is not None


async def _watched_since(transaction: Transaction, scope: Scope) -> datetime | None:
    """Since when all that there is of it is known; what appears later is new."""
    row = await transaction.one(
        """
        select since from watch_scope
        where cluster = %(cluster)s and kind = %(kind)s and namespace = %(namespace)s
        """,
        **_place(scope),
    )
    since: datetime | None = row["since"] if row else None
    return since


async def _vanished(transaction: Transaction, scope: Scope, whole: Whole) -> tuple[Gone, ...]:
    rows = await transaction.all(
        """
        select namespace, name from watched
        where cluster = %(cluster)s and kind = %(kind)s and (%(namespace)s = '' or namespace = %(namespace)s)
        """,
        **_place(scope),
    )
    known = [Subject(scope.cluster, row["namespace"], scope.kind, row["name"]) for row in rows]
    return tuple(Gone(subject, whole.at) for subject in known if subject not in whole.subjects)


async def _compared(transaction: Transaction, items: Sequence[Watched | Gone], *, is_new: bool) -> _Pen:
    known = await _known(transaction, [item.subject for item in items])
    pen = _Pen()
    for item in items:
        row = known.get(item.subject)
        if isinstance(item, Gone):
            if row is not None:
                pen.told.append(removal(_fields(row), item))
                pen.gone.append(item.subject)
        elif row is None:
            pen.told += [creation(item)] if is_new else []
            pen.sights.append(_sight(item, None, 0))
        else:
            await _edited(transaction, item, row, pen)
    return pen


async def _edited(transaction: Transaction, item: Watched, row: Row, pen: _Pen) -> None:
    before = _fields(row)
    if before == item.fields and row["uid"] == item.uid:
        return
    change = edit(before, row["changed_at"], item)
    if change is None or await _is_autoscaled(transaction, item, change):
        pen.sights.append(_sight(item, row["changed_at"], row["recent_changes"]))
        return
    recent = _recent_changes(row, change.at) + 1
    pen.told += [change] if recent <= MOST_RECENT_CHANGES else []
    pen.sights.append(_sight(item, change.at, recent))


def _recent_changes(row: Row, now: datetime) -> int:
    """How many changes are still fresh: one is forgotten every five minutes."""
    if row["changed_at"] is None:
        return 0
    forgotten = max(int((now - row["changed_at"]) / FORGETS_ONE_IN), 0)
    return max(int(row["recent_changes"]) - forgotten, 0)


async def _is_autoscaled(transaction: Transaction, item: Watched, change: Change) -> bool:
    """Where the API does not say who set the replicas: whether an autoscaler is there to do so. To 0 people scale."""
    if item.actor or {one.path for one in change.diff} != {"replicas"} or change.diff[0].new == "0":
        return False
    rows = await transaction.all(
        """
        select fields -> 'scaleTargetRef' ->> 0 as target from watched
        where cluster = %(cluster)s and kind = %(kind)s and namespace = %(namespace)s
        """,
        cluster=item.subject.cluster,
        kind=_HPA,
        namespace=item.subject.namespace,
    )
    return any(_names(row["target"], item.subject) for row in rows)


def _names(target: str | None, subject: Subject) -> bool:
    try:
        found = json.loads(target or "{}")
    except ValueError:
        return False
    return isinstance(found, dict) and (found.get("kind"), found.get("name")) == (subject.kind, subject.name)


async def _known(transaction: Transaction, subjects: Sequence[Subject]) -> dict[Subject, Row]:
    if not subjects:
        return {}
    rows = await transaction.all(
        """
        select w.* from unnest(%(clusters)s::text[], %(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[])
          as seen (cluster, kind, namespace, name)
        join watched w using (cluster, kind, namespace, name)
        order by w.cluster, w.kind, w.namespace, w.name for update of w
        """,
        **_columns(subjects),
    )
    return {Subject(row["cluster"], row["namespace"], row["kind"], row["name"]): row for row in rows}


async def _write(transaction: Transaction, scope: Scope, pen: _Pen) -> None:
    await write_changes(transaction, [Told(change, SOURCE) for change in pen.told])
    if pen.sights:
        await transaction.execute(
            """
            insert into watched (cluster, kind, namespace, name, uid, fields, changed_at, recent_changes)
            select %(cluster)s, %(kind)s, namespace, name, uid, fields, changed_at, recent_changes
            from jsonb_to_recordset(%(sights)s) as seen (namespace text, name text, uid text, fields jsonb,
              changed_at timestamptz, recent_changes int)
            on conflict (cluster, kind, namespace, name) do update set uid = excluded.uid, fields = excluded.fields,
              changed_at = excluded.changed_at, recent_changes = excluded.recent_changes
            """,
            cluster=scope.cluster,
            kind=scope.kind,
            sights=Jsonb(pen.sights),
        )
    if pen.gone:
        await transaction.execute(
            """
            delete from watched w
            using unnest(%(clusters)s::text[], %(kinds)s::text[], %(namespaces)s::text[], %(names)s::text[])
              as gone (cluster, kind, namespace, name)
            where w.cluster = gone.cluster and w.kind = gone.kind and w.namespace = gone.namespace
              and w.name = gone.name
            """,
            **_columns(pen.gone),
        )


async def _seen(transaction: Transaction, scope: Scope, sight: Sight) -> None:
    """Alive; once all has been listed, what appears is new."""
    await transaction.execute(
        """
        insert into watch_scope (cluster, kind, namespace, since)
        values (%(cluster)s, %(kind)s, %(namespace)s, case when %(whole)s then now() end)
        on conflict (cluster, kind, namespace) do update
          set seen_at = now(), trouble = null, since = coalesce(watch_scope.since, excluded.since)
        """,
        **_place(scope),
        whole=isinstance(sight, Whole),
    )


def _sight(item: Watched, changed_at: datetime | None, recent_changes: int) -> dict[str, Any]:
    return {
        "namespace": item.subject.namespace,
        "name": item.subject.name,
        "uid": item.uid,
        "fields": {storable(path): [storable(one.shown), one.mark] for path, one in item.fields.items()},
        "changed_at": changed_at.isoformat() if changed_at else None,
        "recent_changes": recent_changes,
    }


def _fields(row: Row) -> Mapping[str, Field]:
    return {path: Field(*one) for path, one in row["fields"].items()}


def _place(scope: Scope) -> dict[str, str]:
    return {"cluster": scope.cluster, "kind": scope.kind, "namespace": scope.namespace}


def _columns(subjects: Iterable[Subject]) -> dict[str, list[str]]:
    found = list(subjects)
    return {
        "clusters": [one.cluster for one in found],
        "kinds": [one.kind for one in found],
        "namespaces": [one.namespace for one in found],
        "names": [one.name for one in found],
    }
