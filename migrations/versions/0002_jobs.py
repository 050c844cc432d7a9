"""The job engine's own schema, as its package ships it."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Load the schema of the installed version; its later upgrades become revisions of ours."""
    # The text holds `%` and `:`; the driver's own cursor takes it without looking for parameters.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(SchemaManager.get_schema())
    cursor.close()


def downgrade() -> None:
    """Take the job engine's tables, types and functions away."""
    op.execute(
        """
        drop table if exists procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
          procrastinate_workers cascade;
        do $$
        declare made record;
        begin
          for made in select p.oid::regprocedure as name from pg_proc p
            join pg_namespace n on n.oid = p.pronamespace
            where n.nspname = current_schema() and p.proname like 'procrastinate%'
          loop execute 'drop function if exists ' || made.name || ' cascade'; end loop;
          for made in select t.typname as name from pg_type t join pg_namespace n on n.oid = t.typnamespace
            where n.nspname = current_schema() and t.typname like 'procrastinate%' and t.typtype in ('e', 'c')
          loop execute 'drop type if exists ' || quote_ident(made.name) || ' cascade'; end loop;
        end $$;
        """
    )
