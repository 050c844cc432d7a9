"""The OpenAPI document: a client can be generated from it, and nothing that it says is untrue."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn

from app.main import create_app
from app.settings import load_settings
from tests.ingest.bodies import wire_body

TOKEN = "schema-" + "token"
EXAMPLES = 20
# A cursor, an id that is known, a body's times are more than a schema can say: 400 and 404 are honest answers.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 400, 404]
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    settings = load_settings({"SITREP_KUBERNETES": "off"})
    return create_app(settings, "postgresql://nowhere/none", "api").openapi()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_operation_has_a_name_of_its_own_that_reads_well(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"(get|list|post|put)_[a-z_]+", name) for name in names), names
    assert all(operation["description"] and operation["tags"] for operation in operations(document))


def test_every_answer_has_a_model_and_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, answer in operation["responses"].items():
            [(media_type, content)] = answer["content"].items()
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert name in document["components"]["schemas"]
            assert (media_type == "application/problem+json") == (name == "Problem") == (int(status) >= 400)


def test_the_ways_to_authenticate_are_declared(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {name: scheme["scheme"] for name, scheme in schemes.items()} == {"bearer": "bearer", "basic": "basic"}
    for path, methods in document["paths"].items():
        expected = [{"bearer": []}, {"basic": []}] if path.startswith("/api/") else None
        assert all(operation.get("security") == expected for operation in methods.values()), path


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """A server on loopback with one incident, in a thread of its own; reading and posting need the token."""
    tokens = {"SITREP_API_TOKENS": TOKEN, "SITREP_WEBHOOK_TOKENS": TOKEN}
    app = create_app(load_settings({"SITREP_KUBERNETES": "off", **tokens}), database_url, "api")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    running = threading.Thread(target=lambda: anyio.run(server.serve))
    running.start()
    try:
        while not server.started:
            assert running.is_alive()
            threading.Event().wait(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        running.join(30)


def test_schemathesis_finds_nothing(address: str, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    opened = httpx.post(f"{address}/api/v1/webhooks/alertmanager", json=wire_body(), headers=headers)
    assert opened.status_code == 202
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run"]
    command += [f"{address}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}", "--checks", "all"]
    command += ["--phases", "examples,coverage,fuzzing", "-n", str(EXAMPLES), "--seed", "1", "--no-color"]
    command += ["--generation-database", "none", "--max-failures", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
