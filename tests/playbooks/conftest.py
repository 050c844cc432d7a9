"""A real Prometheus that holds the series of a sick cluster."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.gather.sources.prometheus import PrometheusSource
from tests.gather.canned import settings
from tests.playbooks.sick.cluster import sick_cluster
from tests.playbooks.sick.line import openmetrics
from tests.prometheus import program, prometheus


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sick")
    _fill(folder, time.time())
    with prometheus(folder, "global: {}\n", ready=("count(up)", 1)) as url:
        yield url


def _fill(folder: Path, now: float) -> None:
    (folder / "metrics").write_text("\n".join(openmetrics(sick_cluster(now), now)) + "\n")
    command = [
        program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(folder / "metrics"),
        str(folder / "data"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture
async def source(prometheus_url: str):  # noqa: ANN201 - an async generator of pytest's
    made = PrometheusSource(settings(prometheus_url=prometheus_url, source_deadline_seconds=20))
    yield made
    await made.aclose()
