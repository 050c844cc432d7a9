"""A new incident: all its rows in one statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.alert import Alert, AlertStatus
from app.domain.subject import Subject
from app.store.alerts import ALERT_ROWS, IncidentKey, alert_parameters
from app.store.engine import Row, Transaction
from app.store.episodes import Merge
from app.store.identity import uuid7
from app.store.news import lead_of
from app.store.partitions import month_of
from app.store.post import Post
from app.store.rows import subjects_to_json
from app.store.stories import KEY_ROWS, key_parameters


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens an incident.

    `times`: when the group's earlier episodes of the day began. `alike`: how many incidents of the same alert
    came just before.
    """

    post: Post
    group: Row
    merged: Merge
    times: list[datetime]
    alike: int
    with_keys: bool


async def open_incident(transaction: Transaction, opening: Opening) -> UUID:
    """A new incident with this group as its first.

    It was not received later than now by the database's clock, whatever ours says: its first word must not wait.
    """
    post, merged = opening.post, opening.merged
    key = IncidentKey(uuid7(), month_of(post.received_at))
    state = AlertStatus.FIRING if merged.fires else AlertStatus.RESOLVED
    lead = lead_of(merged)
    times = [*opening.times, post.received_at] if merged.fires else opening.times
    await transaction.execute(
        f"""
        with opened as (
          insert into incident (id, month, state, severity, received_at, accepted_ms, started_at, resolved_at,
            announced_at, alertname, cluster, namespace, workload, title, headline, reported, subjects, search,
            times_today)
          values (%(id)s, %(month)s, %(state)s, %(severity)s, least(%(received)s, now()),
            greatest(extract(epoch from clock_timestamp() - %(received)s) * 1000, 0), %(started)s, %(resolved)s,
            %(resolved)s, %(alertname)s, %(cluster)s, %(namespace)s, %(workload)s, %(title)s, %(title)s,
            %(subjects)s, %(subjects)s,
            to_tsvector('simple', %(title)s) || to_tsvector('simple', translate(%(title)s, '/._:', '    ')),
            %(times)s)
        ), numbered as (
          update alert_group set episodes = episodes + 1, content_hash = %(hash)s, posted_at = %(received)s,
            fired_at = %(fired)s
          where id = %(group)s returning episodes
        ), part as (
          insert into group_episode (group_id, episode, incident_id, state)
          select %(group)s, episodes, %(id)s, %(state)s from numbered
        ), keyed as ({KEY_ROWS}), {ALERT_ROWS}
        """,  # noqa: S608 - constants
        **key_parameters(post if opening.with_keys and merged.fires else None),
        **alert_parameters(key, merged, post.group.sender),
        group=opening.group["id"],
        hash=post.group.content_hash,
        state=state.value,
        severity=post.group.severity,
        received=post.received_at,
        started=min(alert.starts_at for alert in merged.writes),
        # An incident that had ended before we heard of it is kept, and wakes nobody.
        resolved=merged.last_end if state is AlertStatus.RESOLVED else None,
        alertname=lead.name[:200],
        cluster=(_first(post.subjects).cluster or post.group.cluster)[:200],
        namespace=_first(post.subjects).namespace[:200],
        workload=_first(post.subjects).name[:200],
        title=_title(lead, post.subjects),
        subjects=subjects_to_json(post.subjects),
        times=max(len(times), 1),
        fired=times,
    )
    return key.id


def _title(lead: Alert, subjects: tuple[Subject, ...]) -> str:
    return f"{lead.name} {subjects[0]}"[:300] if subjects else lead.name[:300]


def _first(subjects: tuple[Subject, ...]) -> Subject:
    return subjects[0] if subjects else Subject("", "", "", "")
