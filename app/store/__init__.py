"""PostgreSQL: the only commit."""
