"""Alembic's entry: runs the revisions on the connection that `app.store.migrate` hands over."""

from alembic import context

from app.store.tables import metadata


def run() -> None:
    """Run on the connection in the configuration's attributes, in one transaction for each revision."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
