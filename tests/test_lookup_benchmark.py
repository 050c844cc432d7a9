"""The benchmark of the lookup runs, however few incidents it is asked to make, and ends with its figures."""

import json
import os
import subprocess
import sys

from benchmarks.questions import KINDS
from tests.processes import ROOT


def test_its_last_line_is_json_with_every_figure() -> None:
    command = [sys.executable, "-m", "benchmarks.lookup", "2000", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["incidents"] == 2_000
    kinds = [*(kind.name for kind in KINDS), "deep", "one"]
    assert [name for name in kinds if figures[f"{name}.p50_ms"] > figures[f"{name}.p95_ms"]] == []
    assert {"load_s", "size.incident_mb", "size.incident_search_mb", "load.before", "load.after"} <= set(figures)
