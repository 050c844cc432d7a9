"""Nothing is lost and nothing told twice while processes, database and Slack die; the long form is `make chaos`."""

import json
import subprocess
import sys

from tests.processes import ROOT

SECONDS = 400


def test_kills_restarts_and_lost_answers_lose_nothing_and_tell_nobody_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", "--short"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["everything.deaths"] > 2
    assert figures["everything.accepted"] == figures["everything.told"] == figures["everything.enriched"] == 20
    assert figures["everything.alerts"] == 200
