"""What this installation made for itself once and keeps, shared by all replicas."""

import secrets

from app.store.engine import Store

LINK_KEY = "link_key"


async def link_key(store: Store) -> bytes:
    """The key that signs links; made at the first call."""
    async with store.transaction() as transaction:
        row = await transaction.one(
            """
            insert into installation (key, value) values (%(key)s, %(value)s)
            on conflict (key) do update set value = installation.value returning value
            """,
            key=LINK_KEY,
            value=secrets.token_hex(32),
        )
    if row is None:
        raise AssertionError("an upsert with returning gives a row")
    return str(row["value"]).encode()
