"""A real Prometheus that holds the series of a sick cluster."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.gather.sources.prometheus import PrometheusSource
from tests.gather.canned import settings
from tests.playbooks.sick.cluster import sick_cluster
from tests.playbooks.sick.line import openmetrics


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs = [shutil.which("prometheus"), shutil.which("promtool")]
    if None in programs:
        if os.environ.get("CI") == "true":
            pytest.fail("prometheus and promtool are not installed")
        pytest.skip("prometheus and promtool are not installed")
    folder = tmp_path_factory.mktemp("sick")
    _fill(folder, time.time())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text("global: {}\n")
    address = f"127.0.0.1:{port}"
    flags = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *flags, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _fill(folder: Path, now: float) -> None:
    (folder / "metrics").write_text("\n".join(openmetrics(sick_cluster(now), now)) + "\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "metrics"), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _wait_until_ready(url: str) -> None:
    for _ in range(200):
        try:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": "count(up)"}, trust_env=False)
            if answer.json()["data"]["result"]:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    pytest.fail("prometheus did not load its blocks in 20 s")


@pytest.fixture
async def source(prometheus_url: str):  # noqa: ANN201 - an async generator of pytest's
    made = PrometheusSource(settings(prometheus_url=prometheus_url, source_deadline_seconds=20))
    yield made
    await made.aclose()
