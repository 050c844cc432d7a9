"""Alembic's entry: runs the revisions on the connection that `app.store.migrate` hands over."""

from alembic import context

from app.store.tables import metadata


def run() -> None:
    """Run on the connection in the configuration's attributes, or print, in one transaction for each revision."""
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", transaction_per_migration=True)
    else:
        connection = context.config.attributes["connection"]
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run()
