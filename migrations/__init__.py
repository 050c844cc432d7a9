"""The database schema, one revision after the other; run by `sitrep migrate`."""
