"""`make chaos`: kills what can be killed while alerts come in, and counts what was promised. 1 if a promise broke."""

import argparse
import asyncio
import logging
import shutil
import sys
from pathlib import Path

from benchmarks.chaos.report import say
from benchmarks.chaos.run import TAKEOVER, Plan, run
from benchmarks.chaos.scenarios import EVERY, FEW, FULL, SHORT
from benchmarks.database import scratch
from benchmarks.figures import Figures

SEED = 1


def main() -> int:
    """Run what is wanted and say what came of it."""
    wish = _arguments()
    # Killed processes leave calls half sent; the stand-ins need not tell.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    names = wish.only or [one.name for one in (FEW if wish.short else EVERY)] + ([] if wish.short else [TAKEOVER])
    figures = Figures()
    figures.put_load_average("load.before")
    with scratch() as folder:
        plan = Plan(
            scenarios=[scenario for scenario in EVERY if scenario.name in names],
            size=SHORT if wish.short else FULL,
            seed=wish.seed,
            takeover=TAKEOVER in names,
        )
        try:
            tallies = asyncio.run(run(folder, plan, figures))
        finally:
            if wish.logs:
                shutil.copytree(folder, wish.logs, ignore=shutil.ignore_patterns("pg*"), dirs_exist_ok=True)
    figures.put_load_average("load.after")
    return say(tallies, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer groups, three scenarios: for CI")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, other moments")
    parser.add_argument("--only", action="append", choices=[*(one.name for one in EVERY), TAKEOVER])
    parser.add_argument("--logs", type=Path, help="copy what the processes wrote into this folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
