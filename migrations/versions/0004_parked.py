"""What enrichment stumbled over last, and a way to count what was given up without reading every incident."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the index is built beside what is in use."""
    op.execute("alter table incident add column if not exists failure text")
    with op.get_context().autocommit_block():
        op.execute("create index concurrently if not exists incident_parked on incident (id) where parked is not null")


def downgrade() -> None:
    """Take them away."""
    op.execute("drop index if exists incident_parked; alter table incident drop column if exists failure")
