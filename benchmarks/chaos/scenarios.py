"""What is done to the fleet while a burst comes in, and the run of one scenario from the burst to the count."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.monkey import Monkey
from benchmarks.chaos.postgres import Postgres
from benchmarks.chaos.promises import Tally, count, until_quiet
from benchmarks.chaos.sender import Alertmanager, Burst
from benchmarks.chaos.slack import ChaosSlack

# A send whose fate is unknown when its worker dies is looked for after 30 s and 15 s later again; several may follow.
QUIET_WITHIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much comes in, over how long, and how often something is broken meanwhile."""

    groups: int
    seconds: float
    blows: int


FULL = Size(groups=100, seconds=15.0, blows=8)
SHORT = Size(groups=20, seconds=5.0, blows=3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is broken during a burst: blows of the monkey's, at once, and a share of Slack's answers."""

    name: str
    title: str
    blows: tuple[Callable[[Monkey, int], Awaitable[None]], ...]
    lost_share: float = 0.0


KILL = Scenario("kill", "processes killed", (Monkey.kill,))
TERM = Scenario("term", "processes terminated", (Monkey.terminate,))
DATABASE = Scenario("database", "PostgreSQL crashed and restarted", (Monkey.restart_database,))
SLACK = Scenario("slack", "Slack's answers lost", (), lost_share=0.3)
ALL = Scenario("all", "all at once", (Monkey.kill, Monkey.terminate, Monkey.restart_database), lost_share=0.15)
EVERY = (KILL, TERM, DATABASE, SLACK, ALL)
FEW = (KILL, DATABASE, SLACK)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that is up."""

    postgres: Postgres
    fleet: Fleet
    slack: ChaosSlack
    seed: int


async def play(stage: Stage, scenario: Scenario, size: Size) -> Tally:
    """The burst, the blows, the wait until it is quiet, and the count."""
    began = time.monotonic()
    fleet, rng = stage.fleet, random.Random(f"{stage.seed} {scenario.name}")
    fleet.forget()
    burst = Burst(scenario.name, size.groups, size.seconds)
    sender = Alertmanager([member.url for member in fleet.of_role("api")], rng)
    stage.slack.lost_share, lost_before = scenario.lost_share, stage.slack.lost
    blows = [blow(Monkey(fleet, stage.postgres, random.Random(rng.random())), size.blows) for blow in scenario.blows]
    await asyncio.gather(sender.send(burst), *blows)
    quiet = await until_quiet(stage.postgres.url, QUIET_WITHIN_SECONDS)
    stage.slack.lost_share = 0.0
    tally = await count(stage.postgres.url, stage.slack, burst)
    if quiet is None:
        tally.broken.append(f"not quiet within {QUIET_WITHIN_SECONDS:g} s")
    tally.broken += fleet.broken
    tally.numbers |= {
        "SIGKILL": fleet.counts["SIGKILL"],
        "SIGTERM": fleet.counts["SIGTERM"],
        "longest stop": fleet.longest_stop,
        "database restarts": fleet.counts["database restarts"],
        "starts without a database": fleet.counts["starts without a database"],
        "answers lost": stage.slack.lost - lost_before,
        "slowest acceptance": burst.slowest,
        "quiet after": quiet if quiet is not None else QUIET_WITHIN_SECONDS,
        "seconds": time.monotonic() - began,
    }
    await fleet.all_ready()
    return tally
