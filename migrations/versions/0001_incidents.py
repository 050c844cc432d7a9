"""Groups, incidents, alerts, records, deliveries: the whole first schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
create table alert_group (
  id bigint generated always as identity primary key,
  sender text not null, cluster text not null, receiver text not null, group_sha bytea not null,
  group_key text not null, content_hash bytea, episodes int not null default 0,
  posted_at timestamptz not null default now(),
  constraint alert_group_identity unique (sender, cluster, receiver, group_sha)
);
create table incident (
  id uuid primary key, parent_id uuid references incident, month date not null,
  state text not null, severity smallint not null, enrichment text not null default 'pending',
  wanted_rev int not null default 1, enriched_rev int not null default 0,
  fence int not null default 0, attempts int not null default 0, parked text,
  received_at timestamptz not null default now(), accepted_ms int not null default 0,
  started_at timestamptz not null, onset_at timestamptz,
  announced_at timestamptz, first_notified_at timestamptz, resolved_at timestamptz,
  alertname text not null, cluster text not null, namespace text not null, workload text not null,
  cause text, title text not null, headline text not null, reported jsonb not null,
  subjects jsonb not null,
  resolution jsonb, search tsvector
);
create index incident_unannounced on incident (received_at) where announced_at is null;
create index incident_behind on incident (id) where wanted_rev > enriched_rev;
create index incident_search on incident using gin (search);
create index incident_newest on incident (started_at desc, id desc);
create index incident_alertname on incident (alertname, started_at desc);
create index incident_workload on incident (namespace, workload, started_at desc);
create index incident_cause on incident (cause, started_at desc);
create table group_episode (
  group_id bigint references alert_group, episode int, incident_id uuid not null references incident,
  state text not null, primary key (group_id, episode)
);
create unique index group_episode_open on group_episode (group_id) where state = 'firing';
create index group_episode_incident on group_episode (incident_id);
create table alert (
  month date, incident_id uuid, fingerprint text, starts_at timestamptz, ended_at timestamptz,
  labels jsonb not null, annotations jsonb not null, generator_url text not null,
  primary key (month, incident_id, fingerprint, starts_at)
) partition by range (month);
create table record (
  month date, incident_id uuid, revision int, written_at timestamptz not null default now(),
  summary jsonb not null, evidence bytea not null, primary key (month, incident_id, revision)
) partition by range (month);
create table timeline (
  month date, incident_id uuid, key text, at timestamptz not null, kind text not null,
  body text not null, source text not null,
  primary key (month, incident_id, key)
) partition by range (month);
create table delivery (
  incident_id uuid references incident, notifier text, target text, part text,
  state text not null default 'due', wanted int not null default 1, shown int not null default 0,
  digest text, nonce uuid not null, reference text,
  may_repeat smallint not null default 0,
  lease uuid, lease_until timestamptz, due_at timestamptz not null default now(),
  attempts int not null default 0, searches int not null default 0, error text,
  created_at timestamptz not null default now(),
  primary key (incident_id, notifier, target, part)
);
create index delivery_due on delivery (notifier, target, due_at) where state not in ('parked', 'shown');
create table lease (name text primary key, holder uuid not null, token bigint not null, until timestamptz not null);
create table rejected (
  id uuid primary key, received_at timestamptz not null default now(), sender text not null, reason text not null,
  body_sha bytea not null, body bytea not null, seen int not null default 1,
  last_seen_at timestamptz not null default now(), constraint rejected_body unique (body_sha)
);
create index rejected_newest on rejected (last_seen_at desc);
create table heartbeat (name text primary key, seen_at timestamptz not null default now());
create table installation (key text primary key, value text not null);
"""

DROPS = """
drop table if exists installation, heartbeat, rejected, lease, delivery, timeline, record, alert,
  group_episode, incident, alert_group cascade;
"""


def upgrade() -> None:
    """Make the tables; the partitions follow in `app.store.partitions`, for they depend on the date."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take everything away."""
    op.execute(DROPS)
