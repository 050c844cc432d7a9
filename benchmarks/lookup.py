"""`make bench-lookup`: a year of stored incidents, and how long each kind of question waits for its answer."""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import psycopg

from app.store.migrate import migrate
from benchmarks.database import database, scratch
from benchmarks.figures import Figures
from benchmarks.questions import KINDS, Drawing, Query, deep_lists
from benchmarks.stored import Stored, stored
from benchmarks.vocabulary import SEED
from benchmarks.whole import load_whole
from benchmarks.year import load
from tests.processes import sitrep

INCIDENTS = 1_000_000
ASKED = 200
LIST = "/api/v1/incidents"
MEBIBYTE = 1024 * 1024
WEIGHTS = """
select relname::text, case relkind when 'r' then 'table' else 'index' end,
  case relkind when 'r' then pg_table_size(oid) else pg_relation_size(oid) end
from pg_class where relname = 'incident' or oid in (
  select indexrelid from pg_index where indrelid = 'incident'::regclass) order by 3 desc
"""
Asked = tuple[str, Query]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one question after the other over one connection, of each kind so many; keeps how long answers took."""

    session: aiohttp.ClientSession
    figures: Figures
    times: int

    async def ask(self, asked: Asked) -> dict[str, object]:
        """The answer, which must be one."""
        path, query = asked
        async with self.session.get(path, params=query) as answer:
            found: dict[str, object] = await answer.json()
        assert answer.status == 200, f"{path} {query}: {found}"
        return found

    async def measure(self, name: str, what: str, drawn: Callable[[], Asked]) -> None:
        """Ask, after a few to warm up."""
        for _ in range(self.times // 10):
            await self.ask(drawn())
        took = []
        for asked in [drawn() for _ in range(self.times)]:
            began = time.perf_counter()
            await self.ask(asked)
            took.append((time.perf_counter() - began) * 1000)
        self.figures.put_times(name, took, what)


def main() -> int:
    """Make the year, ask, and say. `python -m benchmarks.lookup 20000 50`: fewer incidents, fewer questions."""
    given = [int(number) for number in sys.argv[1:]]
    size, times = (*given, *(INCIDENTS, ASKED)[len(given) :])
    figures = Figures()
    figures.put_load_average("load.before")
    with scratch() as folder, database(folder / "postgres") as server:
        url = server.create("lookup")
        fill(url, server.libpq(url), size, figures)
        asyncio.run(ask(url, stored(server.libpq(url), size), folder, (figures, times)))
    figures.put_load_average("load.after")
    figures.say()
    return 0


def fill(url: str, libpq: str, size: int, figures: Figures) -> None:
    """A migrated database with so many incidents, and what it weighs."""
    began = time.monotonic()
    migrate(url)
    load(libpq, size)
    load_whole(libpq)
    figures.put("incidents", size, "", "incidents stored")
    figures.put("load_s", time.monotonic() - began, "s", "made in")
    with psycopg.connect(libpq) as connection:
        for name, kind, weight in connection.execute(WEIGHTS):
            figures.put(f"size.{name}_mb", weight / MEBIBYTE, "MiB", f"{kind} {name}")


async def ask(url: str, found: Stored, folder: Path, how: tuple[Figures, int]) -> None:
    """Every kind of question, to a real `sitrep serve --role api`."""
    draw = random.Random(SEED)
    settings = {"SITREP_DATABASE_URL": url, "SITREP_PROBES": "off"}
    async with sitrep(folder / "api.log", settings, role="api") as server, aiohttp.ClientSession(server.url) as session:
        asking = Asking(session, *how)
        for kind in KINDS:
            await asking.measure(kind.name, kind.what, partial(_listed, kind.query, draw, found))
        pages = await _deep(asking, deep_lists(draw, found))
        await asking.measure("deep", "a page deep in a list", lambda: draw.choice(pages))
        await asking.measure("one", "one incident, whole", lambda: (f"{LIST}/{draw.choice(found.whole)}", {}))


def _listed(query: Drawing, draw: random.Random, found: Stored) -> Asked:
    return LIST, query(draw, found)


async def _deep(asking: Asking, lists: list[Query]) -> list[Asked]:
    """Pages by cursors that the service gave, somewhere in the year."""
    pages: list[Asked] = []
    for query in lists:
        cursor = (await asking.ask((LIST, query)))["next_cursor"]
        kept = {name: value for name, value in query.items() if name not in {"until", "limit"}}
        pages += [(LIST, {**kept, "cursor": str(cursor)})] if cursor else []
    return pages


if __name__ == "__main__":
    sys.exit(main())
