"""`make bench-storm`: 10,000 alerts in 60 s on one API and one worker process, and their end; 1 if it failed people."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg

from benchmarks.database import Database, database, scratch
from benchmarks.figures import Figures
from benchmarks.load import percentile
from benchmarks.memory import MEBIBYTE
from benchmarks.storm.channel import CHANNEL, Channel
from benchmarks.storm.sending import Sent, send
from benchmarks.storm.watching import Memory, watching
from benchmarks.storm.weather import FAULTS, MINUTE_SECONDS, clears, storm
from tests.processes import Running, sitrep

SEED = 20261127
MOST_MESSAGES = 30
CRITICAL_WITHIN_SECONDS = 60.0
SETTLE_SECONDS = 90.0
WEBHOOK = "/api/v1/webhooks/alertmanager"
COUNTS = """
  select (select count(*) from incident where storm is null) as incidents,
    (select count(*) from incident where storm is not null) as storms,
    (select count(*) from incident where parent_id is not null) as swept_in,
    (select count(*) from incident where storm is null and enrichment = 'complete') as enriched
"""

LEFT = """
  select (select count(*) from incident where state = 'firing'),
    (select count(*) from incident where wanted_rev > enriched_rev),
    (select count(*) from delivery where part = 'head' and state in ('due', 'sending') and reference is null)
"""


async def run(folder: Path, server: Database, figures: Figures) -> list[str]:
    """Send, wait until all that must be told is told, and say what is missing."""
    url = server.create("storm")
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(Channel())
        settings = {
            "SITREP_DATABASE_URL": url,
            "SITREP_PROBES": "off",
            "SITREP_SLACK_API_URL": slack.api_url,
            "SITREP_SLACK_TOKEN": slack.token,
            "SITREP_SLACK_CHANNEL": CHANNEL,
        }
        api = await stack.enter_async_context(sitrep(folder / "api.log", settings, role="api"))
        worker = await stack.enter_async_context(sitrep(folder / "worker.log", settings, role="worker"))
        memory = await stack.enter_async_context(watching({"api": api.process.pid, "worker": worker.process.pid}))
        began = time.time()
        posts = storm(SEED)
        sent = await send(api.url + WEBHOOK, posts)
        await _until_told(slack, began)
        _report_acceptance(figures, sent)
        missing = _report_people(figures, slack, sent)
        await _report_rows(figures, server.libpq(url))
        told = len(slack.seen_at)
        cleared = await send(api.url + WEBHOOK, clears(posts))
        missing += await _report_end(figures, server.libpq(url), lambda: len(slack.seen_at) - told)
        _report_memory(figures, memory)
        await _stop(api, worker)
    refused = sent.refused + cleared.refused
    return missing + ([f"{refused} bodies were refused"] if refused else [])


async def _until_told(slack: Channel, began: float) -> None:
    """Until every planted fault is named and nothing new has come for a while, or the time is over."""
    while time.time() < began + MINUTE_SECONDS + SETTLE_SECONDS:
        newest = max((at for at, _ in slack.seen_at), default=began)
        if all(slack.first_named(fault.workload) for fault in FAULTS) and time.time() - newest > 10:
            return
        await asyncio.sleep(0.5)


def _report_acceptance(figures: Figures, sent: Sent) -> None:
    figures.put("storm.alerts", sent.alerts, "", "alerts accepted")
    figures.put("storm.refused", sent.refused, "", "bodies refused")
    figures.put("storm.seconds", sent.seconds, "s", "sent within")
    figures.put("storm.ack_p50_ms", percentile(sent.took, 50) * 1000, "ms", "acknowledged, median")
    figures.put("storm.ack_p99_ms", percentile(sent.took, 99) * 1000, "ms", "acknowledged, 99 %")


def _report_people(figures: Figures, slack: Channel, sent: Sent) -> list[str]:
    """What people saw in the channel, and when each planted fault was named there."""
    missing = []
    waits: dict[str, float] = {}
    for fault in FAULTS:
        named = slack.first_named(fault.workload)
        if named is None:
            missing.append(f"{fault.workload} ({fault.alertname}, {fault.severity}) was never named")
            continue
        waits[fault.workload] = named - sent.faults_at[fault.workload]
    severe = [waits[fault.workload] for fault in FAULTS if fault.severity == "critical" and fault.workload in waits]
    messages = len(slack.seen_at)
    figures.put("storm.messages", messages, "", "messages in the channel, broadcasts included")
    figures.put("storm.faults_named", len(waits), "", f"of {len(FAULTS)} planted faults, named")
    figures.put("storm.critical_longest_s", max(severe, default=0.0), "s", "critical fault to its message, longest")
    figures.put("storm.fault_longest_s", max(waits.values(), default=0.0), "s", "any planted fault, longest")
    if messages > MOST_MESSAGES:
        missing.append(f"{messages} messages in the channel, {MOST_MESSAGES} at the most")
    if max(severe, default=0.0) > CRITICAL_WITHIN_SECONDS:
        missing.append(f"a critical fault waited {max(severe):.0f} s")
    return missing


async def _report_rows(figures: Figures, url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(COUNTS.encode())
        counted = await cursor.fetchone()
    names = ("incidents", "storms", "swept_in", "enriched")
    for name, value in zip(names, counted or (), strict=True):
        figures.put(f"storm.{name}", value, "", name.replace("_", " "))


async def _report_end(figures: Figures, url: str, messages: Callable[[], int]) -> list[str]:
    """All is over: what is left of it in the database, and what the channel saw of that."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        left = None
        for _ in range(int(SETTLE_SECONDS)):
            left = await (await connection.execute(LEFT.encode())).fetchone()
            if left == (0, 0, 0):
                break
            await asyncio.sleep(1)
    figures.put("storm.messages_at_end", messages(), "", "more messages in the channel when all of it cleared")
    missing = [] if left == (0, 0, 0) else [f"{left} incidents fire, are behind, or have something to send"]
    return missing + ([f"{messages()} messages in the channel when all was over"] if messages() else [])


def _report_memory(figures: Figures, memory: dict[str, Memory]) -> None:
    for name, seen in memory.items():
        figures.put(f"storm.{name}_start_mb", seen.start / MEBIBYTE, "MiB", f"{name}: memory at the start")
        figures.put(f"storm.{name}_peak_mb", seen.peak / MEBIBYTE, "MiB", f"{name}: most memory")
        slope = seen.slope_per_minute / MEBIBYTE
        figures.put(f"storm.{name}_slope_mb_min", slope, "MiB/min", f"{name}: growth in the second half")


async def _stop(*processes: Running) -> None:
    for process in processes:
        await process.stop()


def main() -> int:
    """Under six minutes."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    figures = Figures()
    figures.put_load_average("load.before")
    with scratch() as folder, database(folder / "postgres") as server:
        missing = asyncio.run(run(folder, server, figures))
    for line in missing:
        print(f"NOT MET: {line}")
    figures.say()
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
