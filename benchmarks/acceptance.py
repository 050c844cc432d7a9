"""How fast bodies are accepted, beside a bare handler that does the least possible."""

import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import psutil

from benchmarks.bodies import ALERTS_IN_A_BODY, ten_alerts
from benchmarks.database import Database
from benchmarks.figures import Figures, Setting
from benchmarks.load import Load, Result
from benchmarks.memory import cpu_seconds, peak_of
from tests.processes import Running, free_port, running, sitrep

CONNECTIONS = 32
ROUNDS = 3
ROUND_SECONDS = 4.0
WARM_UP_SECONDS = 2.0
PACED_POSTS_PER_SECOND = (50.0, 200.0)
# More than ever wait at once, so that each post leaves when it is due, however slow the answers are.
PACED_CONNECTIONS = 800
PACED_SECONDS = 6.0
COUNTED_POSTS = 20
WEBHOOK = "/api/v1/webhooks/alertmanager"


@dataclass(frozen=True, slots=True)
class Server:
    """One that is measured."""

    name: str
    process: Running
    url: str
    others: tuple[str, ...] = ()


async def measure(setting: Setting, figures: Figures) -> None:
    """Role `api` and the bare handler by turns; then role `all`, which enriches what it accepts meanwhile."""
    async with AsyncExitStack() as stack:
        api = await _sitrep(stack, setting, "api")
        bare = await _bare(stack, setting)
        await _by_turns(setting, figures, [api, bare])
        await _paced(setting, figures, api)
    await _pair(setting, figures)
    async with AsyncExitStack() as stack:
        await _by_turns(setting, figures, [await _sitrep(stack, setting, "all")], rounds=1)
    for name in ("api", "pair", "all"):
        ratio = figures[f"{name}.alerts_per_second"] / figures["bare.alerts_per_second"]
        figures.put(f"{name}.ratio_to_bare", ratio, "x", f"{name}: throughput against the bare handler")
    await _statements(setting, figures)


async def _by_turns(setting: Setting, figures: Figures, servers: list[Server], rounds: int = ROUNDS) -> None:
    results: dict[str, list[Result]] = {server.name: [] for server in servers}
    for server in servers:
        await setting.generator.send(_load(server, WARM_UP_SECONDS))
    async with AsyncExitStack() as stack:
        peaks = {
            server.name: await stack.enter_async_context(peak_of(server.process.process.pid)) for server in servers
        }
        processes = {server.name: psutil.Process(server.process.process.pid) for server in servers}
        before = {name: cpu_seconds(process) for name, process in processes.items()}
        for _ in range(rounds):
            for server in servers:
                results[server.name].append(await setting.generator.send(_load(server, ROUND_SECONDS)))
        needed = {name: cpu_seconds(process) - before[name] for name, process in processes.items()}
    for server in servers:
        posts = _report(figures, server.name, results[server.name])
        each = needed[server.name] / max(posts, 1) * 1000
        figures.put(f"{server.name}.cpu_ms_per_post", each, "ms", f"{server.name}: processor time a body")
        figures.put(f"{server.name}.peak_mb", peaks[server.name].megabytes, "MiB", f"{server.name}: peak memory")


def _report(figures: Figures, name: str, results: list[Result]) -> int:
    whole = Result(seconds=sum(result.seconds for result in results))
    for result in results:
        whole.took += result.took
        whole.refused += result.refused
    rate = whole.posts_per_second * ALERTS_IN_A_BODY
    figures.put(f"{name}.alerts_per_second", rate, "/s", f"{name}: accepted alerts, {CONNECTIONS} connections")
    figures.put(f"{name}.ack_p50_ms", whole.milliseconds(50), "ms", f"{name}: acknowledged, median")
    figures.put(f"{name}.ack_p99_ms", whole.milliseconds(99), "ms", f"{name}: acknowledged, 99 %")
    figures.put(f"{name}.refused", whole.refused, "", f"{name}: bodies not accepted")
    return len(whole.took)


async def _paced(setting: Setting, figures: Figures, server: Server) -> None:
    """At a steady rate below saturation: what a sender waits when nobody is in its way."""
    for rate in PACED_POSTS_PER_SECOND:
        load = replace(_load(server, PACED_SECONDS), per_second=rate, connections=PACED_CONNECTIONS)
        result = await setting.generator.send(load)
        alerts = round(rate * ALERTS_IN_A_BODY)
        what = f"{server.name}: acknowledged at {alerts} alerts/s"
        name = f"{server.name}.paced_{alerts}"
        figures.put(f"{name}_ack_p50_ms", result.milliseconds(50), "ms", f"{what}, median")
        figures.put(f"{name}_ack_p99_ms", result.milliseconds(99), "ms", f"{what}, 99 %")
        figures.put(f"{name}_refused", result.refused, "", f"{server.name}: bodies not accepted at {alerts} alerts/s")


async def _pair(setting: Setting, figures: Figures) -> None:
    """Two replicas of the role `api` on one database, as they run in a cluster: on two cores, too."""
    settings = {"SITREP_DATABASE_URL": setting.database.create("accept_pair"), "SITREP_PROBES": "off"}
    async with (
        sitrep(setting.folder / "pair-1.log", settings, role="api") as first,
        sitrep(setting.folder / "pair-2.log", settings, role="api") as second,
    ):
        server = Server("pair", first, first.url + WEBHOOK, (second.url + WEBHOOK,))
        await setting.generator.send(_load(server, WARM_UP_SECONDS))
        _report(figures, server.name, [await setting.generator.send(_load(server, ROUND_SECONDS))])
        await _paced(setting, figures, server)


async def _statements(setting: Setting, figures: Figures) -> None:
    """What one accepted body asks of PostgreSQL, by its own log."""
    database: Database = setting.database
    url = database.create("counted")
    database.log_statements("counted")
    settings = {"SITREP_DATABASE_URL": url, "SITREP_PROBES": "off"}
    async with sitrep(setting.folder / "counted.log", settings, role="api") as process:
        server = Server("counted", process, process.url + WEBHOOK)
        load = replace(_load(server, 60.0), connections=1, posts=COUNTED_POSTS)
        await setting.generator.send(load)
        before = len(database.statements())
        await setting.generator.send(load)
        after = len(database.statements())
    counted = (after - before) / COUNTED_POSTS
    figures.put("api.statements_per_post", counted, "", "api: PostgreSQL statements an accepted body, with its commit")
    each = counted / ALERTS_IN_A_BODY
    figures.put("api.statements_per_alert", each, "", "api: PostgreSQL statements an accepted alert")


def _load(server: Server, seconds: float) -> Load:
    return Load(server.url, ten_alerts(), server.name, connections=CONNECTIONS, seconds=seconds, others=server.others)


async def _sitrep(stack: AsyncExitStack, setting: Setting, role: str) -> Server:
    settings = {"SITREP_DATABASE_URL": setting.database.create(f"accept_{role}"), "SITREP_PROBES": "off"}
    process = await stack.enter_async_context(sitrep(setting.folder / f"{role}.log", settings, role=role))
    return Server(role, process, process.url + WEBHOOK)


async def _bare(stack: AsyncExitStack, setting: Setting) -> Server:
    port = free_port()
    url = setting.database.libpq(setting.database.create("bare"))
    environment = {**os.environ, "BARE_DATABASE": url, "BARE_PORT": str(port)}
    command = [sys.executable, "-m", "benchmarks.bare"]
    ready = f"http://127.0.0.1:{port}/readyz"
    process = await stack.enter_async_context(running(command, ready, setting.folder / "bare.log", environment))
    return Server("bare", process, process.url + "/")
