"""A PostgreSQL of our own as a child process, for those who have none: no TCP, ends with us, keeps its data."""

from app.store.embedded.account import EmbeddedPostgresError
from app.store.embedded.running import running_url
from app.store.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "running_url"]
