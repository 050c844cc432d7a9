"""`make demo`: a recorded incident on stand-in servers, and what the on-call would see of it."""

import asyncio
import json
import re
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.fakes.recording import Recording
from tests.fakes.slack import FakeSlack, SlackMessage
from tests.fakes.world import World, world
from tests.processes import sitrep

CHANNEL = "C0ONCALL"
RECORDING = "checkout_oom"
WITHIN_SECONDS = 40.0
# Without a terminal nobody presses Ctrl-C.
UNATTENDED_SECONDS = 60.0


def main() -> int:
    """Play the incident; 0 when the message arrived."""
    # Not under the repository: a database server that root starts runs as somebody else, who must reach it.
    folder = Path(tempfile.mkdtemp(prefix="sitrep-demo-"))
    folder.chmod(0o755)
    try:
        return asyncio.run(_play(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _play(folder: Path) -> int:
    stopping = _stop_event()
    recording = Recording.named(RECORDING, now=datetime.now(UTC))
    async with world(recording) as stand_ins, FakeSlack(channels=(CHANNEL,)) as slack:
        say("Stand-ins for Kubernetes, Prometheus, Loki and Slack are up; starting Sitrep …")
        async with sitrep(folder / "sitrep.log", _settings(folder, stand_ins, slack)) as running:
            incident = await _post(running.url, recording)
            say(f"Alertmanager posted KubePodCrashLooping; accepted as {incident}\n")
            if not await _told(slack, stopping):
                say(running.tail())
                return 1
            await _show(slack, running.url, incident)
            await _stay(stopping)
    return 0


def _settings(folder: Path, stand_ins: World, slack: FakeSlack) -> dict[str, str]:
    return {
        "SITREP_DATA_DIR": str(folder / "data"),
        "SITREP_KUBERNETES": "auto",
        "KUBECONFIG": str(stand_ins.kubernetes.kubeconfig(folder / "kubeconfig")),
        "SITREP_PROMETHEUS_URL": stand_ins.prometheus.url,
        "SITREP_LOKI_URL": stand_ins.loki.url,
        "SITREP_SLACK_API_URL": slack.api_url,
        "SITREP_SLACK_TOKEN": slack.token,
        "SITREP_SLACK_CHANNEL": CHANNEL,
    }


async def _post(url: str, recording: Recording) -> str:
    async with aiohttp.ClientSession() as session:
        body = recording.payload(RECORDING)
        async with session.post(f"{url}/api/v1/webhooks/alertmanager", json=body) as answer:
            accepted = json.loads(await answer.read())
    identifier: str = accepted["incidents"][0]["id"]
    return identifier


async def _told(slack: FakeSlack, stopping: asyncio.Event) -> bool:
    """Wait until the complete head and its details stand; False if they do not in time."""
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            while not stopping.is_set():
                head = slack.heads[0] if slack.heads else None
                if head and slack.replies(head.ts) and head.is_complete:
                    return True
                await asyncio.sleep(0.1)
    except TimeoutError:
        say("The message did not arrive in time. Sitrep's log ends like this:")
    return False


async def _show(slack: FakeSlack, url: str, incident: str) -> None:
    head = slack.heads[0]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/v1/incidents/{incident}") as answer:
        record = json.loads(await answer.read())
    say(f"#on-call, {record['timings']['first_notified_ms'] / 1000:.1f} s after the alert:\n")
    say(_framed(head))
    for reply in slack.replies(head.ts):
        say("\nin its thread:\n")
        say(_framed(reply))
    say(f"\nOn the lock screen: {head.text}")
    say(f"\nThe incident's page:  {url}/incidents/{incident}")
    say(f"The same as JSON:     {url}/api/v1/incidents/{incident}")


def _framed(message: SlackMessage) -> str:
    return "\n".join(f"  │ {line}" for line in readable(message.body).splitlines())


def readable(mrkdwn: str) -> str:
    """What Slack makes of it: links by their label, times in the reader's zone, entities as characters."""

    def local(found: re.Match[str]) -> str:
        return datetime.fromtimestamp(int(found[1])).astimezone().strftime("%H:%M")

    text = re.sub(r"<!date\^(\d+)\^[^|>]*\|[^>]*>", local, mrkdwn)
    text = re.sub(r"<(https?://[^|>]+)\|([^>]*)>", r"\2 ↗", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


async def _stay(stopping: asyncio.Event) -> None:
    """Keep the page open: until Ctrl-C, or for a minute where there is no terminal."""
    attended = sys.stdout.isatty()
    say("\nCtrl-C ends it." if attended else f"\nIt ends by itself in {UNATTENDED_SECONDS:g} s.")
    try:
        async with asyncio.timeout(None if attended else UNATTENDED_SECONDS):
            await stopping.wait()
    except TimeoutError:
        return


def _stop_event() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    return stopping


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)  # noqa: T201 - the demo talks to a person


if __name__ == "__main__":
    sys.exit(main())
