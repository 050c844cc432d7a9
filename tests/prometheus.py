"""The real Prometheus, as tests start it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


def program(name: str) -> str:
    """Where it is; skips what needs it where it is not installed, and fails where nothing may be skipped."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed (Debian package prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def prometheus(folder: Path, config: str, ready: tuple[str, int]) -> Iterator[str]:
    """Its URL, once a query has as many results as named; `%(port)d` in `config` is its own. It ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text(config % {"port": port})
    flags = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command = [program("prometheus"), *flags, f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, *ready)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str, query: str, results: int) -> None:
    for _ in range(200):
        try:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, trust_env=False)
            if len(answer.json()["data"]["result"]) == results:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    pytest.fail(f"prometheus had no {results} results for {query} in 20 s")
