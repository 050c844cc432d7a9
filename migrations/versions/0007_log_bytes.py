"""What is read from log stores is counted: one row an hour for all replicas, and one an incident."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nobody else knows it."""
    op.execute(
        """
        create table if not exists log_bytes (
          key text primary key, bytes bigint not null default 0, read_at timestamptz not null default now()
        )
        """
    )


def downgrade() -> None:
    """Take it away; what was read is forgotten."""
    op.execute("drop table if exists log_bytes")
