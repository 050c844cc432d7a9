"""How long the first message takes, and what accepting costs meanwhile; sources answer after 20 ms."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from benchmarks.bodies import RECORDING, recorded_alert, ten_alerts
from benchmarks.figures import Figures, Setting
from benchmarks.load import Load, percentile
from benchmarks.memory import cpu_seconds, peak_of
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.fakes.slack import FakeSlack, SlackMessage
from tests.fakes.world import World, world
from tests.processes import Running, sitrep

WEBHOOK = "/api/v1/webhooks/alertmanager"
ANSWER_AFTER = Trouble("slow", seconds=0.02)
# Slack takes one message a second and channel: enough of them that no incident waits for another's turn.
CHANNELS = 10
ALONE, AT_ONCE, STORM = 10, 10, 50
WITHIN_SECONDS = 30.0
PROBES_PER_SECOND = 20.0
PROBES = 120


class WatchedSlack(FakeSlack):
    """Remembers when (Unix seconds) each channel got its messages."""

    def __init__(self) -> None:
        super().__init__(channels=tuple(f"C{number}" for number in range(CHANNELS)))
        self.heads_at: dict[str, list[float]] = {channel: [] for channel in self.channels}

    def _store(self, channel: str, arguments: dict[str, Any]) -> SlackMessage:
        if not arguments.get("thread_ts"):
            self.heads_at[channel].append(time.time())
        return super()._store(channel, arguments)

    @property
    def heads_told(self) -> int:
        """How many first messages arrived."""
        return sum(map(len, self.heads_at.values()))


@dataclass(frozen=True, slots=True)
class Stage:
    """The running parts."""

    setting: Setting
    figures: Figures
    running: Running
    slack: WatchedSlack
    incident: Load
    other: Load


async def measure(setting: Setting, figures: Figures) -> None:
    """One incident at a time, ten at once, and what a sender waits while fifty are enriched."""
    recording = Recording.named(RECORDING, now=datetime.now(UTC))
    async with AsyncExitStack() as stack:
        stand_ins = await stack.enter_async_context(world(recording))
        slack = await stack.enter_async_context(WatchedSlack())
        for server in (stand_ins.kubernetes, stand_ins.prometheus, stand_ins.loki, slack):
            server.trouble = ANSWER_AFTER
        settings = _settings(setting, stand_ins, slack)
        running = await stack.enter_async_context(sitrep(setting.folder / "first.log", settings))
        url = running.url + WEBHOOK
        incident = Load(url, recorded_alert(recording), "incident", posts=1, channels=CHANNELS)
        # Repeated, so that asking how long an answer takes gives it nothing to enrich.
        other = Load(
            url, ten_alerts(), "other", posts=PROBES, per_second=PROBES_PER_SECOND, connections=4, repeated=True
        )
        stage = Stage(setting, figures, running, slack, incident, other)
        await _first_ones(stage, 1, 1)  # warms up: caches, discovery, prepared statements
        peak = await stack.enter_async_context(peak_of(running.process.pid))
        await _alone(stage)
        await _at_once(stage)
        await _acknowledged_meanwhile(stage)
        running.kill()  # what is still being enriched is of no interest any more
        figures.put("enriching.peak_mb", peak.megabytes, "MiB", f"while {STORM} incidents are enriched: peak memory")


async def _alone(stage: Stage) -> None:
    took: list[float] = []
    for _ in range(ALONE):
        took += await _first_ones(stage, 1, 1)
    _report(stage.figures, "first_message.alone", took, "one incident at a time")


async def _at_once(stage: Stage) -> None:
    ours, own = psutil.Process(stage.running.process.pid), psutil.Process()
    before = cpu_seconds(ours), cpu_seconds(own)
    took = await _first_ones(stage, AT_ONCE, AT_ONCE)
    what = f"{AT_ONCE} incidents at once"
    _report(stage.figures, "first_message.at_once", took, what)
    stage.figures.put("at_once.sitrep_cpu_s", cpu_seconds(ours) - before[0], "s", f"{what}: CPU of Sitrep")
    stage.figures.put("at_once.stand_ins_cpu_s", cpu_seconds(own) - before[1], "s", f"{what}: CPU of the stand-ins")


async def _first_ones(stage: Stage, posts: int, connections: int) -> list[float]:
    """Seconds from each post to the first message in its channel; one post a channel at most."""
    before = {channel: len(times) for channel, times in stage.slack.heads_at.items()}
    told = stage.slack.heads_told
    sent = await stage.setting.generator.send(replace(stage.incident, posts=posts, connections=connections))
    await _until_told(stage.slack, told + posts)
    fresh = [times[before[channel]] for channel, times in stage.slack.heads_at.items() if len(times) > before[channel]]
    # The edits and the thread's details come a second apart; the next round must not wait for their turn.
    await _until_calm(stage.slack)
    # In the order of time, which differs from the truth at most by which of them was answered first.
    return [told_at - sent_at for told_at, sent_at in zip(sorted(fresh), sorted(sent.sent_at), strict=True)]


async def _until_told(slack: WatchedSlack, heads: int) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while slack.heads_told < heads:  # noqa: ASYNC110 - the stand-in tells nobody
            await asyncio.sleep(0.005)


async def _until_calm(slack: WatchedSlack, seconds: float = 1.2) -> None:
    """Until nobody has called Slack for so long."""
    calls, since = len(slack.calls), time.monotonic()
    async with asyncio.timeout(WITHIN_SECONDS):
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.05)
            if len(slack.calls) != calls:
                calls, since = len(slack.calls), time.monotonic()


async def _acknowledged_meanwhile(stage: Stage) -> None:
    """The same gentle load twice: alone, and beside fifty incidents that are gathered and judged."""
    send = stage.setting.generator.send
    idle = await send(stage.other)
    await send(replace(stage.incident, posts=STORM, connections=STORM))
    busy = await send(stage.other)
    for name, result in (("idle", idle), ("enriching", busy)):
        what = f"{'nothing' if name == 'idle' else STORM} being enriched: acknowledged"
        stage.figures.put(f"{name}.ack_p50_ms", result.milliseconds(50), "ms", f"{what}, median")
        stage.figures.put(f"{name}.ack_p99_ms", result.milliseconds(99), "ms", f"{what}, 99 %")


def _report(figures: Figures, name: str, took: list[float], what: str) -> None:
    figures.put(f"{name}_p50_s", percentile(took, 50), "s", f"{what}: first message, median")
    figures.put(f"{name}_p95_s", percentile(took, 95), "s", f"{what}: first message, 95 %")


def _settings(setting: Setting, stand_ins: World, slack: WatchedSlack) -> dict[str, str]:
    routes = [{"matchers": [f'channel="{number}"'], "channels": [f"C{number}"]} for number in range(CHANNELS)]
    return {
        "SITREP_DATABASE_URL": setting.database.create("first_message"),
        "SITREP_KUBERNETES": "auto",
        # The recording is of one workload: told as one story, all but the first would be no first message.
        "SITREP_STORM": "off",
        "KUBECONFIG": str(stand_ins.kubernetes.kubeconfig(setting.folder / "kubeconfig")),
        "SITREP_PROMETHEUS_URL": stand_ins.prometheus.url,
        "SITREP_LOKI_URL": stand_ins.loki.url,
        "SITREP_SLACK_API_URL": slack.api_url,
        "SITREP_SLACK_TOKEN": slack.token,
        # The load that only is acknowledged belongs to no channel, so that it delays no message.
        "SITREP_SLACK_MIN_SEVERITY": "critical",
        "SITREP_SLACK_ROUTES": json.dumps(routes),
    }
