"""`make bench`: measures acceptance and the way to the first message; ends with one line of JSON."""

import asyncio
import logging
import sys
from contextlib import closing

from benchmarks import acceptance, big_cluster, first_message, gathering
from benchmarks.database import database, scratch
from benchmarks.figures import Figures, Setting
from benchmarks.load import Generator


def main() -> int:
    """All measurements, in about four minutes."""
    # A killed Sitrep leaves calls half sent; the stand-ins need not tell.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    figures = Figures()
    figures.put_load_average("load.before")
    with scratch() as folder, database(folder / "postgres") as server, closing(Generator()) as generator:
        setting = Setting(folder, server, generator)
        for measure in (acceptance.measure, first_message.measure, gathering.measure, big_cluster.measure):
            if len(sys.argv) < 2 or sys.argv[1] in measure.__module__:
                asyncio.run(measure(setting, figures))
    figures.put_load_average("load.after")
    figures.say()
    return 0


if __name__ == "__main__":
    sys.exit(main())
