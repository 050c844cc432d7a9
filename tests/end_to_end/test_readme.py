"""What the README tells a newcomer to type does what it says."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, sitrep

pytestmark = pytest.mark.anyio


def curls() -> list[str]:
    """The curl commands of the README, continuation lines joined."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^curl .*$", text, re.MULTILINE)


async def test_the_curl_of_the_readme_makes_an_incident_that_its_next_curl_shows(folder: Path) -> None:
    post, look = curls()
    async with sitrep(folder / "sitrep.log", {"SITREP_DATA_DIR": str(folder / "data")}) as house:
        answers = []
        for command in (post, look):
            typed = command.replace("http://127.0.0.1:8080", house.url)
            done = await asyncio.to_thread(
                subprocess.run, ["bash", "-c", typed], capture_output=True, text=True, check=True, cwd=ROOT
            )
            answers.append(json.loads(done.stdout))
        accepted, listed = answers
        assert accepted["incidents"][0]["id"] == listed["items"][0]["id"]
        assert listed["items"][0]["title"] == "KubePodCrashLooping shop/checkout"
        screen = house.log.read_text()
    assert "Kubernetes     off" in screen
    assert f"{house.url}/api/v1/webhooks/alertmanager" in screen


async def test_the_demo_shows_the_whole_message_and_where_its_page_is() -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITREP_", "KUBE"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.demo"), stdout=asyncio.subprocess.PIPE, env=inherited, cwd=ROOT
    )
    assert process.stdout
    shown = ""
    async with asyncio.timeout(60):
        while "The same as JSON" not in shown:
            line = await process.stdout.readline()
            assert line, shown
            shown += line.decode()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert "🔴 checkout (shop, prod): killed for memory" in shown
    assert "512Mi → 256Mi" in shown
    assert re.search(r"The incident's page:  http://127\.0\.0\.1:\d+/incidents/[0-9a-f-]{36}", shown)
