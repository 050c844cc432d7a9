"""From a question to evidence, whichever store answers: the lines now, and how often each stands in the usual time."""

import asyncio
from datetime import timedelta
from typing import Final, Protocol

from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
from app.domain.query import LogQuery
from app.gather.http_answer import short
from app.gather.logs import lines
from app.gather.logs.lines import Counts, Page, Window

# The usual time is asked for afterwards. It must not take so long that nobody waits for the lines themselves any more.
SHARE_OF_TIME: Final = 0.8
DAY: Final = timedelta(days=1)


class LogStore(Protocol):
    """A place where lines are kept."""

    name: str

    async def page(self, query: LogQuery, window: Window, deadline: float) -> Page:
        """The newest lines of the window that speak of trouble; counted by the allowance before they are read.

        Raises `SourceError`. `deadline` is one of the event loop's clock.
        """
        ...


async def evidence_of(store: LogStore, query: LogQuery, seconds: float) -> Evidence:
    """One pattern for each shape of the newest lines, with its count in the usual time. Raises `SourceError`."""
    now = asyncio.get_running_loop().time()
    window = (query.start, query.end)
    found = await store.page(query, window, now + seconds)
    reasons = [*found.faults, *([] if found.whole else [f"only the newest {len(found.lines)} lines were read"])]
    usual: Counts | None = None
    # Where nothing stands now there is nothing to compare, and nothing more is read.
    if found.lines and query.usual:
        usual, missing = await _usual(store, query, found.covers(window), now + seconds * SHARE_OF_TIME)
        reasons += missing
    gaps = tuple(Gap(store.name, query.question, reason) for reason in dict.fromkeys(reasons))
    return Evidence(lines.patterns(store.name, query.subject, found.lines, usual), gaps)


async def _usual(
    store: LogStore, query: LogQuery, covered: timedelta, deadline: float
) -> tuple[Counts | None, list[str]]:
    """The samples' counts, for a time as long as is covered now; None if no sample was had. And what was missed."""
    samples = await asyncio.gather(*(_sample(store, query, window, deadline) for window in query.usual))
    pages: list[tuple[Window, Page]] = []
    failed: dict[str, list[str]] = {}
    for window, sample in zip(query.usual, samples, strict=True):
        if isinstance(sample, Page):
            pages.append((window, sample))
        else:
            failed.setdefault(sample, []).append(_how_long_before(query, window))
    why = short("; ".join(f"{' and '.join(times)}: {reason}" for reason, times in failed.items()))
    if not pages:
        return None, [f"the usual time is not known ({why})"]
    sampled = sum((page.covers(window) for window, page in pages), timedelta())
    counts = lines.counted(line for _, page in pages for line in page.lines)
    missing = [f"the usual time is known in part only ({why})"] if failed else []
    return lines.scaled(counts, covered / sampled), missing


async def _sample(store: LogStore, query: LogQuery, window: Window, deadline: float) -> Page | str:
    """One page of the usual time, or why there is none: that costs only the comparison."""
    try:
        async with asyncio.timeout_at(deadline):
            page = await store.page(query, window, deadline)
    except SourceError as error:
        return str(error)
    except TimeoutError:
        return "no answer in time"
    return "; ".join(page.faults) if page.faults else page


def _how_long_before(query: LogQuery, window: Window) -> str:
    before = query.start - window[0]
    if before % DAY == timedelta():
        return "a day before" if before == DAY else f"{before / DAY:.0f} days before"
    hours = before / timedelta(hours=1)
    return "an hour before" if hours == 1 else f"{hours:.1f} h before"
