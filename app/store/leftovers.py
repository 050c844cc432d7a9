"""Small rows that nobody needs any more: deleted some at a time, and never waited for."""

from dataclasses import dataclass
from datetime import datetime

from app.store.engine import Store

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Leftover:
    """Rows of a table, its key, and which of them nobody needs that have not been touched since `%(since)s`."""

    table: str
    key: str
    unneeded: str

    async def forget(self, store: Store, since: datetime) -> int:
        """Delete at most `BATCH` of them that nobody holds; how many."""
        async with store.transaction() as transaction:
            return await transaction.execute(
                f"""
                delete from {self.table} where ({self.key}) in (
                  select {self.key} from {self.table} leftover where {self.unneeded}
                  limit %(batch)s for update of leftover skip locked)
                """,  # noqa: S608 - constants
                since=since,
                batch=BATCH,
            )


GROUPS = Leftover(
    "alert_group",
    "id",
    "posted_at < %(since)s and not exists (select 1 from group_episode e where e.group_id = leftover.id)",
)
LEASES = Leftover("lease", "name", "until < %(since)s")
REJECTIONS = Leftover("rejected", "id", "last_seen_at < %(since)s")
CHANGES = Leftover("change", "id", "at < %(since)s")
LOG_BYTES = Leftover("log_bytes", "key", "read_at < %(since)s")
STORY_KEYS = Leftover(
    "story_key",
    "key, incident_id",
    "at < %(since)s and exists (select 1 from incident i where i.id = leftover.incident_id and i.state <> 'firing')",
)
"""By what ended incidents were found, and formed storms."""
