"""What was promised, counted in the database and on the stand-in Slack."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import DictRow, dict_row

from benchmarks.bodies import ALERTS_IN_A_BODY
from benchmarks.chaos.sender import Burst
from benchmarks.chaos.slack import ChaosSlack

LOOK_EVERY_SECONDS = 0.5
CALM_SECONDS = 2.0
HEAD, DETAILS = "head", "details"

_OPEN = """
select (select count(*) from incident where enrichment <> 'complete' or wanted_rev > enriched_rev
    or announced_at is null) as behind,
  (select count(*) from delivery where state <> 'shown') as unsent,
  (select count(*) from procrastinate_jobs) as jobs
"""
_STORED = """
select substring(g.group_key from 'namespace="([^"]+)"') as name, i.id::text as incident,
  i.enrichment = 'complete' and i.wanted_rev = i.enriched_rev as enriched, i.parked is not null as parked,
  count(a.fingerprint) as alerts
from alert_group g join group_episode e on e.group_id = g.id join incident i on i.id = e.incident_id
left join alert a on a.incident_id = i.id and a.month = i.month
where g.group_key like %s group by 1, 2, 3, 4
"""
_PARKED = "select part || ': ' || coalesce(error, '') as why from delivery where state = 'parked'"
_JOBS = "select task_name || ' ' || status::text || ' ' || lock as job from procrastinate_jobs"


@dataclass
class Tally:
    """One scenario in numbers, and the promises that it broke."""

    name: str
    numbers: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def none_of(self, name: str, those: Iterable[str]) -> None:
        """Nothing of this kind may be there; whatever is there is named."""
        found = sorted(those)
        self.numbers[name] = len(found)
        if found:
            some = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
            self.broken.append(f"{name}: {len(found)} ({some})")

    def equal(self, names: tuple[str, ...]) -> None:
        """These numbers must be one."""
        values = {name: self.numbers[name] for name in names}
        if len(set(values.values())) != 1:
            self.broken.append("not equal: " + ", ".join(f"{name} {value:.0f}" for name, value in values.items()))


async def until_quiet(url: str, within_seconds: float) -> float | None:
    """Seconds until nothing is left to do, for a while; None if that never came."""
    began = time.monotonic()
    calm_since: float | None = None
    while time.monotonic() - began < within_seconds:
        (row,) = await query(url, _OPEN)
        now = time.monotonic()
        calm_since = None if any(row.values()) else calm_since or now
        if calm_since is not None and now - calm_since >= CALM_SECONDS:
            return calm_since - began
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return None


async def count(url: str, slack: ChaosSlack, burst: Burst) -> Tally:
    """Compare what the sender was promised with what is there."""
    tally = Tally(burst.name)
    rows = await query(url, _STORED, f'%namespace="{burst.name}-%')
    _count_stored(tally, burst, rows)
    _count_told(tally, slack, [row["incident"] for row in rows])
    tally.none_of("incidents parked", [row["name"] for row in rows if row["parked"]])
    tally.none_of("deliveries parked", [row["why"] for row in await query(url, _PARKED)])
    tally.none_of("jobs left", [row["job"] for row in await query(url, _JOBS)])
    return tally


def _count_stored(tally: Tally, burst: Burst, rows: list[DictRow]) -> None:
    stored: dict[str, set[str]] = {}
    for row in rows:
        stored.setdefault(row["name"], set()).add(row["incident"])
    tally.numbers |= {
        "groups": burst.groups,
        "groups accepted": len(burst.accepted),
        "groups stored": len(stored),
        "incidents": len({row["incident"] for row in rows}),
        "incidents enriched": sum(row["enriched"] for row in rows),
        "alerts": burst.groups * ALERTS_IN_A_BODY,
        "alerts accepted": burst.alerts,
        "alerts stored": sum(row["alerts"] for row in rows),
        "posts": burst.posts,
        "posts tried again": burst.retried,
    }
    tally.equal(("groups", "groups accepted", "groups stored", "incidents", "incidents enriched"))
    tally.equal(("alerts", "alerts accepted", "alerts stored"))
    tally.none_of("never accepted", burst.given_up)
    lost = [group for group, named in burst.accepted.items() if not named <= stored.get(group, set())]
    tally.none_of("accepted and lost", lost)
    tally.none_of("groups with two incidents", [group for group, incidents in stored.items() if len(incidents) > 1])


def _count_told(tally: Tally, slack: ChaosSlack, incidents: list[str]) -> None:
    told = slack.told(incidents)
    tally.numbers["messages"] = sum(1 for incident in incidents if told[incident, HEAD] == 1)
    tally.none_of(
        "duplicates", [f"{incident} {part} {times}x" for (incident, part), times in told.items() if times > 1]
    )
    tally.none_of("never told", [incident for incident in incidents if not told[incident, HEAD]])
    tally.none_of("without details", [incident for incident in incidents if not told[incident, DETAILS]])


async def query(url: str, sql: str, *parameters: object) -> list[DictRow]:
    """Rows of one statement; the database must be up."""
    conninfo = url.replace("postgresql+psycopg://", "postgresql://", 1)
    async with (
        await psycopg.AsyncConnection.connect(conninfo, row_factory=dict_row) as connection,
        connection.cursor() as cursor,
    ):
        await cursor.execute(sql.encode(), parameters or None)
        return await cursor.fetchall()
