"""One story, one message: what incidents share, parents of storms, groups that are told in parts."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Each column has a default that is constant, so that no table is rewritten and an older replica need not know it.
COLUMNS = """
alter table alert_group
  add column if not exists parts text[] not null default '{}',
  add column if not exists dedup_sha bytea,
  add column if not exists fired_at timestamptz[] not null default '{}';
alter table incident
  add column if not exists storm text,
  add column if not exists times_today int not null default 1;
create table if not exists story_key (
  key text, incident_id uuid, at timestamptz not null default now(), storm text, at_least int,
  primary key (key, incident_id)
);
create index if not exists story_key_recent on story_key (key, at);
create index if not exists story_key_incident on story_key (incident_id);
"""

INDEXES = (
    """create unique index concurrently if not exists incident_open_storm on incident (storm)
    where storm is not null and state = 'firing'""",
    "create index concurrently if not exists incident_storm on incident (id) where storm is not null",
    "create index concurrently if not exists incident_parent on incident (parent_id) where parent_id is not null",
)


def upgrade() -> None:
    """Add columns and the table; indexes on what is in use are built beside it."""
    op.execute(COLUMNS)
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    op.execute(
        """
        drop index if exists incident_open_storm, incident_storm, incident_parent;
        drop table if exists story_key;
        alter table incident drop column if exists storm, drop column if exists times_today;
        alter table alert_group drop column if exists parts, drop column if exists dedup_sha,
          drop column if exists fired_at;
        """
    )
