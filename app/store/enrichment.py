"""What a job reads of an incident before it works, and how it writes: fenced, so that a twin cannot overwrite."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import Evidence
from app.domain.incident import Enrichment, PastIncident
from app.domain.story import StormKey
from app.domain.subject import Subject
from app.store.codec import (
    Summary,
    evidence_from_bytes,
    evidence_to_bytes,
    storable,
    summary_from_json,
    summary_to_json,
)
from app.store.engine import Row, Store, Transaction
from app.store.news import News, tell_news, want_edits
from app.store.rows import alert_from_row, subjects_from_json, subjects_to_json
from app.store.tries import Tries

SEARCH_CHARACTERS = 64_000
PAST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Work:
    """One enrichment to do. `fence` goes with every write; `revision` is what the incident asks for."""

    incident_id: UUID
    fence: int
    revision: int
    state: AlertStatus
    alerts: tuple[Alert, ...]
    subjects: tuple[Subject, ...]
    received_at: datetime
    first: bool
    told: bool
    previous: Summary | None
    previous_evidence: Evidence


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a job found: the summary, the evidence, whether more is still being asked, and what others may share."""

    summary: Summary
    evidence: Evidence
    enrichment: Enrichment
    shares: tuple[StormKey, ...] = ()


class Enrichments:
    """Reading and writing enrichments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.tries = Tries(store)

    async def begin(self, incident_id: UUID, *, again: bool = False, storm: bool = False) -> Work | None:
        """Claim the incident's work and raise its fence; None if nothing is behind.

        `again`: only if nothing is behind, for what was judged is to be looked at once more. `storm`: the incident
        speaks for a storm, whose keeper alone works on it.
        """
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                """
                update incident set fence = fence + 1, attempts = attempts + 1
                where id = %(id)s and parked is null and (wanted_rev > enriched_rev) <> %(again)s
                  and (storm is not null) = %(storm)s
                returning id, fence, wanted_rev, enriched_rev, state, reported, received_at, month, first_notified_at
                """,
                id=incident_id,
                again=again,
                storm=storm,
            )
            return await _work(transaction, row) if row else None

    async def conclude(self, work: Work, conclusion: Conclusion, news: Sequence[News] = ()) -> bool:
        """Write a record and what the incident shows of it. False if the fence was raised meanwhile."""
        summary = conclusion.summary
        assessment = summary.assessment
        first = assessment.hypotheses[0] if assessment.hypotheses else None
        async with self._store.transaction() as transaction:
            row = await transaction.one(
                """
                update incident set enrichment = %(enrichment)s, headline = %(headline)s, cause = %(cause)s,
                  onset_at = coalesce(%(onset)s, onset_at),
                  attempts = case when %(complete)s then 0 else attempts end,
                  failure = case when %(complete)s then null else failure end,
                  subjects = case when %(subjects)s::jsonb = '[]'::jsonb then subjects else %(subjects)s::jsonb end,
                  namespace = coalesce(nullif(%(namespace)s, ''), namespace),
                  workload = coalesce(nullif(%(workload)s, ''), workload),
                  enriched_rev = case when %(complete)s then greatest(enriched_rev, %(revision)s)
                    else enriched_rev end,
                  search = to_tsvector('simple', left(title || ' ' || %(search)s, %(characters)s)) || to_tsvector(
                    'simple', translate(left(title || ' ' || %(search)s, %(characters)s), '/._:', '    '))
                where id = %(id)s and fence = %(fence)s returning month, state
                """,
                id=work.incident_id,
                fence=work.fence,
                revision=work.revision,
                enrichment=conclusion.enrichment,
                complete=conclusion.enrichment == "complete",
                headline=storable(assessment.headline)[:300],
                cause=first.cause[:200] if first else None,
                onset=assessment.onset_at,
                subjects=subjects_to_json(assessment.subjects[:50]),
                namespace=assessment.subjects[0].namespace[:200] if assessment.subjects else "",
                workload=assessment.subjects[0].name[:200] if assessment.subjects else "",
                search=storable(_search_text(work, summary)),
                characters=SEARCH_CHARACTERS,
            )
            if row is None:
                return False
            await transaction.execute(
                """
                insert into record (month, incident_id, revision, summary, evidence)
                values (%(month)s, %(id)s, %(revision)s, %(summary)s, %(evidence)s)
                on conflict (month, incident_id, revision) do update
                  set summary = excluded.summary, evidence = excluded.evidence, written_at = now()
                """,
                month=row["month"],
                id=work.incident_id,
                revision=work.revision,
                summary=Jsonb(summary_to_json(summary)),
                evidence=evidence_to_bytes(conclusion.evidence),
            )
            if conclusion.shares:
                await _share(transaction, work, conclusion.shares)
            await want_edits(transaction, work.incident_id)
            # What was to be said of the end is stale if it began again meanwhile, and is said once.
            ended = work.state is AlertStatus.RESOLVED and await _end_is_told(transaction, work.incident_id, row)
            if news and row["state"] == work.state and not ended:
                await tell_news(transaction, work.incident_id, list(news))
            return True

    async def recovered(self, work: Work, statement: str, now: datetime) -> None:
        """Say in the timeline that the recovery was seen, not only heard of."""
        async with self._store.transaction() as transaction:
            await transaction.execute(
                """
                insert into timeline (month, incident_id, key, at, kind, body, source)
                select month, id, 'recovered:' || %(revision)s::text, %(now)s, 'recovery.confirmed', %(body)s, 'sitrep'
                from incident where id = %(id)s and fence = %(fence)s on conflict do nothing
                """,
                revision=work.revision,
                now=now,
                body=statement,
                id=work.incident_id,
                fence=work.fence,
            )

    async def behind(self) -> list[tuple[UUID, int]]:
        """Incidents that want work and have no job waiting or running, with their severity; storms need none."""
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select i.id, i.severity from incident i where i.wanted_rev > i.enriched_rev and i.parked is null
                  and i.storm is null
                  and not exists (select 1 from procrastinate_jobs j
                    where j.lock = i.id::text and j.status in ('todo', 'doing'))
                limit 500
                """
            )
            return [(row["id"], row["severity"]) for row in rows]

    async def past(self, work: Work, alertname: str) -> tuple[PastIncident, ...]:
        """Ended incidents of the same alert or the same workload, newest first, of the last 90 days."""
        subject = work.subjects[0] if work.subjects else Subject("", "", "", "")
        async with self._store.transaction() as transaction:
            rows = await transaction.all(
                """
                select id, title, alertname, cluster, namespace, workload, subjects, cause, resolution, started_at,
                  resolved_at
                from incident
                where state = 'resolved' and id <> %(id)s and started_at > now() - make_interval(days => %(days)s)
                  and (alertname = %(alertname)s or (namespace = %(namespace)s and workload = %(workload)s))
                order by started_at desc limit 50
                """,
                id=work.incident_id,
                days=PAST_DAYS,
                alertname=alertname,
                namespace=subject.namespace,
                workload=subject.name,
            )
            return tuple(_past(row) for row in rows)


async def _work(transaction: Transaction, row: Row) -> Work:
    alerts = await transaction.all(
        """
        select * from alert where month = %(month)s and incident_id = %(id)s
        order by ended_at is not null, starts_at, fingerprint limit 500
        """,
        month=row["month"],
        id=row["id"],
    )
    record = await transaction.one(
        """
        select summary, evidence from record where month = %(month)s and incident_id = %(id)s
        order by revision desc limit 1
        """,
        month=row["month"],
        id=row["id"],
    )
    return Work(
        incident_id=row["id"],
        fence=row["fence"],
        revision=row["wanted_rev"],
        state=AlertStatus(row["state"]),
        alerts=tuple(alert_from_row(alert) for alert in alerts),
        subjects=subjects_from_json(row["reported"]),
        received_at=row["received_at"],
        first=row["enriched_rev"] == 0,
        told=row["first_notified_at"] is not None,
        previous=summary_from_json(record["summary"]) if record else None,
        previous_evidence=evidence_from_bytes(record["evidence"]) if record else Evidence(),
    )


async def _share(transaction: Transaction, work: Work, shares: tuple[StormKey, ...]) -> None:
    """Let others of the same cause find the incident; as of when it began, for that is when a storm does."""
    await transaction.execute(
        """
        insert into story_key (key, incident_id, at, storm, at_least)
        select key, %(id)s, coalesce((
          select min(coalesce(g.fired_at[cardinality(g.fired_at)], %(at)s)) from group_episode e
          join alert_group g on g.id = e.group_id where e.incident_id = %(id)s and e.state = 'firing'
        ), %(at)s), storm, at_least
        from unnest(%(keys)s::text[], %(storms)s::text[], %(at_leasts)s::int[]) as shared (key, storm, at_least)
        on conflict (key, incident_id) do update set at = excluded.at
        """,
        id=work.incident_id,
        at=work.received_at,
        keys=[one.key for one in shares],
        storms=[one.storm for one in shares],
        at_leasts=[one.at_least for one in shares],
    )


async def _end_is_told(transaction: Transaction, incident_id: UUID, row: Row) -> bool:
    """Whether people have heard of this end: since it last began anew, if it ever did."""
    told = await transaction.one(
        """
        select 1 from timeline t where month = %(month)s and incident_id = %(id)s and kind = 'news.resolved'
          and not exists (select 1 from timeline anew where anew.month = t.month and anew.kind = 'news.refire'
            and anew.incident_id = t.incident_id and anew.at > t.at)
        """,
        month=row["month"],
        id=incident_id,
    )
    return told is not None


def _search_text(work: Work, summary: Summary) -> str:
    """Words that a person would look for, without a word twice."""
    assessment = summary.assessment
    texts = [assessment.headline, *(f.statement for f in assessment.findings)]
    texts += [h.statement + " " + h.cause for h in assessment.hypotheses]
    for alert in work.alerts[:50]:
        texts += [*alert.labels.values(), alert.annotations.get("summary", "")]
    return " ".join(dict.fromkeys(" ".join(texts).split()))[:SEARCH_CHARACTERS]


def _past(row: Row) -> PastIncident:
    resolution = row["resolution"] or {}
    subjects = subjects_from_json(row["subjects"])
    unnamed = Subject(row["cluster"], row["namespace"], "", row["workload"])
    return PastIncident(
        incident_id=row["id"],
        title=row["title"],
        alertname=row["alertname"],
        subject=subjects[0] if subjects else unnamed,
        cause=resolution.get("cause") or row["cause"] or "",
        root_cause=resolution.get("root_cause") or "",
        fix=resolution.get("fix") or "",
        confirmed=bool(resolution),
        started_at=row["started_at"],
        resolved_at=row["resolved_at"],
    )
