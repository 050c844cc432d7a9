"""One run: everything is started once, the scenarios follow one another, everything ends with SIGTERM."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.fleet import Fleet, Member
from benchmarks.chaos.postgres import postgres
from benchmarks.chaos.promises import Tally
from benchmarks.chaos.scenarios import Scenario, Size, Stage, play
from benchmarks.chaos.slack import CHANNELS, ChaosSlack
from benchmarks.chaos.takeover import JOB_WITHIN_SECONDS, HeldSource, channel_takeover, job_takeover
from benchmarks.figures import Figures

TAKEOVER = "takeover"
ROLES = ("api", "api", "worker", "worker")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run; the same seed chooses the same victims."""

    scenarios: Sequence[Scenario]
    size: Size
    seed: int
    takeover: bool


async def run(folder: Path, plan: Plan, figures: Figures) -> list[Tally]:
    """The tally of each scenario, and of the end."""
    tallies = []
    if plan.takeover:
        async with HeldSource() as source, _stage(folder, plan, source) as stage:
            tallies.append(await _take_over(stage, source, figures))
    async with _stage(folder, plan, None) as stage:
        supervising = asyncio.create_task(stage.fleet.supervise())
        for scenario in plan.scenarios:
            began = time.monotonic()
            print(f"{scenario.title} …", flush=True)
            tallies.append(await play(stage, scenario, plan.size))
            print(f"  {time.monotonic() - began:.0f} s, {len(tallies[-1].broken)} broken", flush=True)
        supervising.cancel()
        stage.fleet.forget()
        await stage.fleet.stop()
        tallies.append(Tally("end", {"longest stop": stage.fleet.longest_stop}, list(stage.fleet.broken)))
    return tallies


async def _take_over(stage: Stage, source: HeldSource, figures: Figures) -> Tally:
    print("a worker dies in the middle of its work …", flush=True)
    job = await job_takeover(stage, source)
    spoken, shown = await channel_takeover(stage)
    figures.put("takeover.job_s", job, "s", "from SIGKILL in mid-enrichment to its completion elsewhere")
    figures.put("takeover.channel_s", spoken, "s", "from SIGKILL in mid-send until the channel is spoken in again")
    figures.put("takeover.shown_s", shown, "s", "from SIGKILL in mid-send until all of it is known to be shown")
    late = [f"the job was completed after {job:.1f} s"] if job >= JOB_WITHIN_SECONDS else []
    return Tally(TAKEOVER, {}, [*late, *stage.fleet.broken])


@asynccontextmanager
async def _stage(folder: Path, plan: Plan, source: HeldSource | None) -> AsyncIterator[Stage]:
    """A database, a Slack and the fleet, all up; nothing of it is left at the end."""
    place = folder / (TAKEOVER if source else "scenarios")
    place.mkdir(mode=0o755)
    async with ChaosSlack(random.Random(plan.seed)) as slack, postgres(place / "postgres") as server:
        settings = _settings(slack, server.url)
        settings |= {"SITREP_PROMETHEUS_URL": source.url, "SITREP_SOURCE_DEADLINE_SECONDS": "60"} if source else {}
        names = [f"{role}-{number}" for number, role in enumerate(ROLES)]
        fleet = Fleet([Member(name, role, settings, place) for name, role in zip(names, ROLES, strict=True)])
        try:
            await fleet.start()
            yield Stage(server, fleet, slack, plan.seed)
        finally:
            for member in fleet.members:
                await member.kill()


def _settings(slack: ChaosSlack, database_url: str) -> dict[str, str]:
    """No sources, and no storms: so each incident owes exactly one message of its own."""
    routes = [{"matchers": [f'channel="{number}"'], "channels": [f"C{number}"]} for number in range(CHANNELS)]
    return {
        "SITREP_DATABASE_URL": database_url,
        "SITREP_PROBES": "off",
        "SITREP_STORM": "off",
        "SITREP_SLACK_API_URL": slack.api_url,
        "SITREP_SLACK_TOKEN": slack.token,
        "SITREP_SLACK_ROUTES": json.dumps(routes),
    }
