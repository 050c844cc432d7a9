"""The bulky rows of the incidents that are read whole: the newest, and some of every month."""

from datetime import UTC, datetime
from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from app.domain.evidence import Evidence, LogPattern, evidence_id
from app.domain.incident import Recollection
from app.store.codec import Summary, evidence_to_bytes, summary_to_json
from tests.scenarios.incidents import CHECKOUT, oom_after_rollout

NEWEST, SAMPLED = 20_000, 20_000

WHOLE: LiteralString = """
create table made.whole as
  select row_number() over () as n, i.id, i.month, i.state, i.started_at, i.resolved_at, i.alertname, i.cluster,
    i.namespace, i.workload, i.severity
  from ((select id from incident order by started_at desc limit %(newest)s)
    union (select id from incident order by md5(id::text) limit %(sampled)s)) chosen join incident i using (id);
"""

ROWS: tuple[LiteralString, ...] = (
    """
    insert into alert (month, incident_id, fingerprint, starts_at, ended_at, labels, annotations, generator_url)
    select month, id, substr(md5(id::text || pod), 1, 16), started_at, resolved_at,
      jsonb_build_object('alertname', alertname, 'cluster', cluster, 'namespace', namespace, 'container', 'app',
        'deployment', workload, 'pod', workload || '-7d9f8b6c5f-x' || pod, 'job', 'kube-state-metrics',
        'instance', '10.244.3.' || pod || ':8080', 'severity', 'warning', 'prometheus', 'monitoring/k8s'),
      jsonb_build_object('summary', 'Pod has been in a non-ready state for more than 15 minutes.',
        'runbook_url', 'https://runbooks.example/' || alertname),
      'http://prometheus.example:9090/graph?g0.expr=kube_pod_status_phase&g0.tab=1'
    from made.whole, generate_series(1, 3) pod
    """,
    """
    insert into record (month, incident_id, revision, summary, evidence)
    select month, id, 1, %(summary)s, %(evidence)s from made.whole
    """,
    """
    insert into timeline (month, incident_id, key, at, kind, body, source)
    select month, id, kind || ':' || line, started_at + make_interval(secs => 30 * line), kind,
      alertname || ' (warning)', 'alertmanager'
    from made.whole, (values (1, 'alert.firing'), (2, 'alert.firing'), (3, 'alert.firing'), (4, 'news.severity'),
      (5, 'alert.resolved'), (6, 'recovery.confirmed')) entry (line, kind)
    """,
    """
    insert into delivery (incident_id, notifier, target, part, state, shown, nonce, reference)
    select id, 'slack', 'C1', part, 'shown', 1, md5(id::text || part)::uuid, 'C1/' || n
    from made.whole, (values ('head'), ('details')) one (part)
    """,
    """
    insert into alert_group (sender, cluster, receiver, group_sha, group_key, episodes)
    select 'alertmanager', cluster, 'sitrep', sha256(id::text::bytea), '{}:{id="' || id || '"}', 1 from made.whole
    """,
    """
    insert into group_episode (group_id, episode, incident_id, state)
    select g.id, 1, w.id, w.state from made.whole w join alert_group g on g.group_sha = sha256(w.id::text::bytea)
    """,
    "vacuum (analyze) alert, record, timeline, delivery, alert_group, group_episode",
)


def load_whole(url: str) -> None:
    """Alerts, a record, the timeline, deliveries and the group for each of them."""
    constants = {"summary": Jsonb(summary_to_json(_summary())), "evidence": evidence_to_bytes(_evidence())}
    with psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off -c timezone=UTC") as connection:
        connection.execute(WHOLE, {"newest": NEWEST, "sampled": SAMPLED})
        for statement in ROWS:
            connection.execute(statement, constants if "%(" in statement else None)


def _summary() -> Summary:
    """A judgement as good as they come; every incident has the same."""
    incident = oom_after_rollout()
    assert incident.assessment
    return Summary(incident.assessment, Recollection(), incident.gaps, {"enriched_ms": 2100.0}, {"kubernetes": 210.0})


def _evidence() -> Evidence:
    now = datetime.now(UTC)
    lines = [
        f"request {number} to ledger-db failed: connection refused after {number % 7} tries" for number in range(60)
    ]
    return Evidence(
        tuple(LogPattern(evidence_id("log", line), CHECKOUT, line, 3, None, now, now, (line,)) for line in lines)
    )
