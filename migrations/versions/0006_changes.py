"""What changed in the clusters, and the last sight of what is watched for it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
create table if not exists change (
  id uuid primary key, source text not null, dedup_key bytea, at timestamptz not null,
  seen_at timestamptz not null default now(), cluster text not null, namespace text not null, kind text not null,
  name text not null, change text not null, summary text not null, diff jsonb not null, actor text not null
);
create unique index if not exists change_dedup on change (dedup_key) where dedup_key is not null;
create index if not exists change_place on change (cluster, namespace, at desc);
create index if not exists change_old on change (at);
create table if not exists watched (
  cluster text, kind text, namespace text, name text, uid text not null, fields jsonb not null,
  changed_at timestamptz, recent_changes int not null default 0,
  primary key (cluster, kind, namespace, name)
);
create table if not exists watch_scope (
  cluster text, kind text, namespace text, since timestamptz, seen_at timestamptz not null default now(),
  trouble text, primary key (cluster, kind, namespace)
);
"""


def upgrade() -> None:
    """Add the tables; nothing else knows them yet."""
    op.execute(TABLES)


def downgrade() -> None:
    """Take them away."""
    op.execute("drop table if exists change, watched, watch_scope")
