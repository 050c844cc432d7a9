"""What became of every alert: in the database, and before people's eyes."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import psycopg

from benchmarks.chaos.alertmanager import ALERTS_IN_A_GROUP, Answers
from tests.fakes.slack import FakeSlack

QUIET_WITHIN_SECONDS = 180.0
BEHIND = """
  select (select count(*) from incident where wanted_rev > enriched_rev or enrichment <> 'complete')
    + (select count(*) from delivery where state not in ('shown', 'parked'))
    + (select count(*) from procrastinate_jobs where status in ('todo', 'doing'))
"""
COUNTS = """
  select (select count(*) from incident where id = any(%(ids)s)) as stored,
    (select count(*) from incident) as incidents,
    (select count(*) from alert) as alerts,
    (select count(*) from incident where enrichment = 'complete' and wanted_rev = enriched_rev) as enriched,
    (select count(*) from incident where parked is not null)
      + (select count(*) from delivery where state = 'parked') as parked,
    (select count(*) from procrastinate_jobs where status in ('todo', 'doing')) as jobs
"""


@dataclass(frozen=True, slots=True)
class Audit:
    """Counted when all was quiet."""

    groups: int
    accepted: int
    stored: int
    incidents: int
    alerts: int
    enriched: int
    told: int
    told_twice: int
    parked: int
    jobs: int
    quiet_seconds: float

    def broken(self) -> list[str]:
        """The promises that were not kept, in words."""
        lost_rows = self.groups * ALERTS_IN_A_GROUP - self.alerts
        checks = {
            f"accepted {self.accepted} of {self.groups} groups": self.accepted == self.groups,
            f"stored {self.stored} of {self.accepted} accepted": self.stored == self.accepted,
            f"{self.incidents} incidents of {self.groups} groups": self.incidents == self.groups,
            f"{lost_rows} alerts lost": lost_rows == 0,
            f"enriched {self.enriched} of {self.incidents}": self.enriched == self.incidents,
            f"told {self.told} of {self.incidents}": self.told == self.incidents,
            f"{self.told_twice} told twice": self.told_twice == 0,
            f"{self.parked} given up": self.parked == 0,
            f"{self.jobs} jobs left": self.jobs == 0,
        }
        return [text for text, kept in checks.items() if not kept]


async def audit(database_url: str, slack: FakeSlack, answers: Answers, groups: int) -> Audit:
    """Wait until nothing is left to do, and count."""
    began = time.monotonic()
    await _until_quiet(database_url)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        ids = list(dict.fromkeys(answers.incidents.values()))
        cursor = await connection.execute(COUNTS.encode(), {"ids": ids})
        row = await cursor.fetchone()
    assert row is not None
    stored, incidents, alerts, enriched, parked, jobs = row
    heads = Counter(_incident(message.metadata) for message in slack.messages if not message.replies_to)
    return Audit(
        groups=groups,
        accepted=len(answers.incidents),
        stored=stored,
        incidents=incidents,
        alerts=alerts,
        enriched=enriched,
        told=len(heads),
        told_twice=sum(count - 1 for count in heads.values()),
        parked=parked,
        jobs=jobs,
        quiet_seconds=time.monotonic() - began,
    )


async def _until_quiet(database_url: str) -> None:
    """Nothing behind, nothing due, no job, twice in a row; or the time is over."""
    quiet, until = 0, time.monotonic() + QUIET_WITHIN_SECONDS
    while quiet < 2 and time.monotonic() < until:
        await asyncio.sleep(1)
        try:
            async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=3) as connection:
                cursor = await connection.execute(BEHIND.encode())
                row = await cursor.fetchone()
        except psycopg.OperationalError:
            quiet = 0
            continue
        quiet = quiet + 1 if row == (0,) else 0


def _incident(metadata: dict[str, object]) -> str:
    payload = metadata.get("event_payload")
    return str(payload.get("incident", "")) if isinstance(payload, dict) else ""
