"""What the journal kept of probes may hold passwords: forgotten, and the cluster is listed anew."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forget changes of what probes run, and the last sight of everything: else the next would tell it as the old."""
    op.execute("delete from change where diff::text like '%Probe.exec%'")
    op.execute("delete from watched")
    op.execute("delete from watch_scope")


def downgrade() -> None:
    """What is forgotten stays so."""
