"""Addresses that no PostgreSQL can have; a password must not show when they are refused."""

PASSWORD = "hunter" + "2hunter2"
NO_ADDRESSES = [
    "",
    "nonsense " + PASSWORD,
    f"mysql://sitrep:{PASSWORD}@db/sitrep",
    f"postgresql://sitrep:x@{PASSWORD}@db/sitrep",
    f"postgresql://sitrep@db:{PASSWORD}/sitrep",
    f"postgresql://sitrep@db/sitrep?colour={PASSWORD}",
]
