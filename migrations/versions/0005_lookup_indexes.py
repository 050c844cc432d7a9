"""Lists stay fast among a million incidents: what fires, clusters, severities, families of causes."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A family of causes is a beginning of text, which only an index of its own kind finds. It holds no times, and is small.
INDEXES = (
    """create index concurrently if not exists incident_firing on incident (started_at desc, id desc)
    where state = 'firing'""",
    "create index concurrently if not exists incident_cluster on incident (cluster, started_at desc)",
    "create index concurrently if not exists incident_severity on incident (severity, started_at desc)",
    "create index concurrently if not exists incident_cause_family on incident (cause text_pattern_ops)",
)


def upgrade() -> None:
    """Build them beside what is in use."""
    with op.get_context().autocommit_block():
        for statement in INDEXES:
            op.execute(statement)


def downgrade() -> None:
    """Take them away."""
    op.execute("drop index if exists incident_firing, incident_cluster, incident_severity, incident_cause_family")
