"""`make chaos`: kills, restarts and lost answers in a burst of alerts; 1 if anything was lost or told twice."""

import asyncio
import logging
import sys

from benchmarks.chaos.postgres import RestartablePostgres
from benchmarks.chaos.scenarios import SCENARIOS, Ground, play, takeover_seconds
from benchmarks.database import database, scratch
from benchmarks.figures import Figures

GROUPS, GROUPS_SHORT = 100, 20
SHORT = ("killed", "everything")
TAKEOVER_WITHIN_SECONDS = 30.0


async def run(ground: Ground, names: tuple[str, ...], figures: Figures) -> list[str]:
    """Play the scenarios one after the other; what was broken in which."""
    broken = []
    for name in names:
        print(f"{name}: {(SCENARIOS[name].__doc__ or '').strip()}", flush=True)
        played = await play(ground, name)
        counted = played.audit
        figures.put(f"{name}.deaths", played.deaths, "", f"{name}: processes killed, databases restarted")
        figures.put(f"{name}.posted_again", played.posted_again, "", f"{name}: groups that had to be posted again")
        figures.put(f"{name}.accepted", counted.accepted, "", f"{name}: groups accepted")
        figures.put(f"{name}.stored", counted.stored, "", f"{name}: of them stored")
        figures.put(f"{name}.enriched", counted.enriched, "", f"{name}: of them enriched")
        figures.put(f"{name}.alerts", counted.alerts, "", f"{name}: alerts stored")
        figures.put(f"{name}.told", counted.told, "", f"{name}: incidents with a message")
        figures.put(f"{name}.told_twice", counted.told_twice, "", f"{name}: messages too many")
        figures.put(f"{name}.quiet_s", counted.quiet_seconds, "s", f"{name}: until all was quiet")
        broken += [f"{name}: {promise}" for promise in played.broken()]
    return broken


async def run_takeover(ground: Ground, figures: Figures) -> list[str]:
    """How long the work of a dead worker waits."""
    took = await takeover_seconds(ground)
    figures.put("takeover_s", took, "s", "killed in mid-enrichment, done by another worker after")
    return [] if took <= TAKEOVER_WITHIN_SECONDS else [f"a dead worker's job was done after {took:.0f} s"]


def main() -> int:
    """All scenarios, or with `--short` those that the continuous checks have time for."""
    # Killed processes leave calls half sent; the stand-in need not tell.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    short = "--short" in sys.argv
    names = SHORT if short else tuple(SCENARIOS)
    figures = Figures()
    with scratch() as folder, database(folder / "postgres") as server:
        postgres = RestartablePostgres(folder / "postgres")
        ground = Ground(folder, server, postgres, GROUPS_SHORT if short else GROUPS)
        try:
            broken = asyncio.run(run(ground, names, figures))
            broken += [] if short else asyncio.run(run_takeover(ground, figures))
        finally:
            asyncio.run(postgres.stop())
    for line in broken:
        print(f"BROKEN: {line}")
    figures.say()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
