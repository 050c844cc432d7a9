"""Nothing is lost and nothing told twice while processes, database and Slack die; the long form is `make chaos`."""

import json
import subprocess
import sys

from tests.processes import ROOT

SECONDS = 600


def test_kills_restarts_and_lost_answers_lose_nothing_and_tell_nobody_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", "--short"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    for scenario in ("kill", "database", "slack"):
        names = ("groups_accepted", "groups_stored", "incidents_enriched", "messages")
        assert [figures[f"{scenario}.{name}"] for name in names] == [20] * 4
    assert figures["kill.SIGKILL"] == 3, "or else nothing was put to the test"
    assert figures["database.database_restarts"] == 3
    assert figures["slack.answers_lost"] > 0
