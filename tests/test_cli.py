"""The command line as a person meets it: real processes, exit codes, one clear line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.addresses import NO_ADDRESSES, PASSWORD
from tests.api.running import house, problem
from tests.fakes.recording import Recording
from tests.fakes.slack import FakeSlack
from tests.fakes.world import sources_of, world
from tests.processes import ROOT, free_port, sitrep
from tests.web.stages import opened

SITREP = str(Path(sys.executable).parent / "sitrep")


def run(*arguments: str, text: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SITREP_", "KUBE"))}
    return subprocess.run(
        [SITREP, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**inherited, **settings},
        cwd=ROOT,
    )


def test_an_unknown_setting_stops_the_start_with_one_line() -> None:
    done = run("serve", SITREP_COLOUR="red")
    assert done.returncode == 2
    assert done.stderr.startswith("sitrep: unknown setting SITREP_COLOUR")
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_named(folder: Path) -> None:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", SITREP_PORT=port, SITREP_DATA_DIR=str(folder / "data"))
    assert done.returncode == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_without_a_database_of_its_own_is_told_so() -> None:
    done = run("serve", "--role", "worker", SITREP_PORT=str(free_port()))
    assert done.returncode == 1
    assert "SITREP_DATABASE_URL" in done.stderr


def test_a_database_that_cannot_be_reached_is_named() -> None:
    done = run("migrate", SITREP_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_an_address_of_no_database_is_one_line_without_the_password(folder: Path, url: str) -> None:
    (folder / "url").write_text(url)
    for command in ("migrate", "serve"):
        done = run(command, SITREP_DATABASE_URL_FILE=str(folder / "url"), SITREP_PORT=str(free_port()))
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("sitrep: SITREP_DATABASE_URL: must be postgresql://")
        assert len(done.stderr.splitlines()) == 1
        assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.anyio
async def test_the_first_screen_shows_no_password(folder: Path, database_url: str) -> None:
    settings = {
        "SITREP_DATABASE_URL": database_url,
        "SITREP_PROMETHEUS_URL": f"http://shop:{PASSWORD}@prometheus.example/p",
        "SITREP_LOKI_URL": f"http://shop:{PASSWORD}@loki.example",
    }
    async with sitrep(folder / "log", settings, role="api") as running:
        screen = running.log.read_text()
    assert "http://prometheus.example/p" in screen
    assert "http://loki.example" in screen
    assert PASSWORD not in screen


@pytest.mark.anyio
async def test_the_header_of_a_proxy_counts_from_its_network_only(database_url: str) -> None:
    settings = {
        "SITREP_TRUSTED_PROXY_HEADER": "X-Signed-In-As",
        "SITREP_TRUSTED_PROXIES": "10.1.0.0/16,fd00::/8",
        "SITREP_API_TOKENS": "read-" + "token",
    }
    async with house(database_url, settings) as running:
        for address, status in (
            ("10.1.2.3", 200),
            ("::ffff:10.1.2.3", 200),
            ("fd00::7", 200),
            ("10.2.0.1", 401),
            ("127.0.0.1", 401),
            ("a-socket", 401),
        ):
            header = {"X-Signed-In-As": "ada", "X-Forwarded-For": "10.1.2.3"}
            async with running.caller(address, "sitrep.example", **header) as client:
                answer = await client.get("/")
            assert answer.status_code == status, address
    async with house(database_url, {"SITREP_TRUSTED_PROXY_HEADER": "X-Signed-In-As"}) as running:
        for address, status in (("127.0.0.1", 200), ("::1", 200), ("203.0.113.9", 403)):
            async with running.caller(address, "sitrep.example", **{"X-Signed-In-As": "ada"}) as client:
                answer = await client.get("/")
            if status == 200:
                assert answer.status_code == 200, address
            else:
                problem(answer, status)


@pytest.mark.anyio
async def test_the_embedded_database_starts_stops_with_us_and_keeps_its_data(folder: Path) -> None:
    settings = {"SITREP_DATA_DIR": str(folder / "data")}
    body = Recording.named("checkout_oom", now=datetime.now(UTC)).payload("checkout_oom")
    async with sitrep(folder / "first.log", settings) as first, aiohttp.ClientSession() as client:
        async with client.post(f"{first.url}/api/v1/webhooks/alertmanager", json=body) as answer:
            accepted = json.loads(await answer.read())["incidents"][0]["id"]
        assert "curl" in first.log.read_text(), "one screen says what to try"
        assert await first.stop() == 0
    assert _postgres_of(folder) == [], "the database went with us"
    async with sitrep(folder / "second.log", settings) as second, aiohttp.ClientSession() as client:
        async with client.get(f"{second.url}/api/v1/incidents/{accepted}") as answer:
            assert answer.status == 200
        other = await asyncio.to_thread(run, "serve", SITREP_PORT=str(free_port()), **settings)
        assert other.returncode == 1
        assert second.url in other.stderr, "who comes second is told where the first one is"
        second.process.send_signal(signal.SIGKILL)
        await second.process.wait()
        for _ in range(100):
            if not _postgres_of(folder):
                break
            time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs
    assert _postgres_of(folder) == [], "the database goes when we are killed, too"


def _postgres_of(folder: Path) -> list[str]:
    found = subprocess.run(["pgrep", "-af", "postgres"], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if str(folder) in line]


@pytest.mark.anyio
async def test_investigate_needs_no_database_and_prints_only_json_when_asked(folder: Path) -> None:
    recording = Recording.named("checkout_oom", now=datetime.now(UTC))
    payload = folder / "alert.json"
    payload.write_text(json.dumps(recording.payload("checkout_oom")))
    async with world(recording) as stand_ins:
        settings = sources_of(stand_ins, folder)
        done = await asyncio.to_thread(run, "investigate", str(payload), "--output", "json", **settings)
        assert done.returncode == 0, done.stderr
        incident = json.loads(done.stdout)
        assert incident["hypotheses"][0]["cause"] == "memory.limit_too_low"
        assert incident["subjects"][0]["name"] == "checkout"
        slack = await asyncio.to_thread(
            run, "investigate", "-", "--output", "slack", text=payload.read_text(), **settings
        )
        assert slack.stdout.startswith("🔴")
        assert "checkout" in slack.stdout.splitlines()[0]
        assert stand_ins.kubernetes.writes == [], "it only reads"


@pytest.mark.parametrize(("text", "said"), [("{", "JSON"), ('{"version":"4","groupKey":"x"}', "alerts"), ("[]", "")])
def test_investigate_says_what_is_wrong_with_a_payload(folder: Path, text: str, said: str) -> None:
    path = folder / "bad.json"
    path.write_text(text)
    done = run("investigate", str(path), SITREP_KUBERNETES="off")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_investigate_of_a_file_that_is_not_there_is_wrong_usage() -> None:
    done = run("investigate", "nowhere.json")
    assert done.returncode == 2
    assert "nowhere.json" in done.stderr


def test_playbooks_are_listed_with_every_alert_by_name() -> None:
    listed = json.loads(run("playbooks", "list", "--output", "json").stdout)
    assert all(set(one) == {"name", "alerts"} for one in listed)
    alerts = [alert for one in listed for alert in one["alerts"]]
    assert len([alert for alert in alerts if "*" not in alert]) == 138
    assert {"KubePodCrashLooping", "etcdNoLeader", "TargetDown"} <= set(alerts)
    assert "crash_loop: KubePodCrashLooping" in run("playbooks", "list").stdout.splitlines()


def test_a_playbook_is_shown_with_its_questions_what_they_mean_and_what_to_check() -> None:
    shown = run("playbooks", "show", "KubePodCrashLooping").stdout
    for text in (
        "KubePodCrashLooping, about a Pod: crash_loop",
        "restarts_last_hour (count, more is worse, and a day ago): restarts in an hour",
        "137: killed",
        "memory_working_set (bytes",
        "good to know:",
        "  kubectl -n {{ namespace }} logs {{ labels.pod }}",
        "runbook: https://runbooks.prometheus-operator.dev/runbooks/kubernetes/kubepodcrashlooping",
    ):
        assert text in shown
    assert "about a StatefulSet" in run("playbooks", "show", "KubePodCrashLooping", "--kind", "StatefulSet").stdout
    assert "no playbook names it" in run("playbooks", "show", "NobodyKnowsIt").stdout


def test_a_teams_playbooks_are_shown_over_ours_and_a_broken_one_is_told_beside(folder: Path) -> None:
    (folder / "mine.yaml").write_text("extends: crash_loop\nnotes: [Ask the shop.]\n")
    (folder / "bad.yaml").write_text("name: bad\ncolour: red\n")
    done = run("playbooks", "show", "KubePodCrashLooping", SITREP_PLAYBOOKS_DIR=str(folder))
    assert done.returncode == 0
    assert "Ask the shop." in done.stdout
    assert "bad.yaml:2" in done.stderr
    listed = run("playbooks", "list", "--output", "json", SITREP_PLAYBOOKS_DIR=str(folder))
    assert {"mine"} <= {one["name"] for one in json.loads(listed.stdout)}


def test_a_folder_of_playbooks_is_checked(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: bad\ncolour: red\n")
    done = run("playbooks", "lint", str(folder))
    assert done.returncode == 1
    assert "bad.yaml:2" in done.stdout
    (folder / "bad.yaml").write_text("name: good\n")
    done = run("playbooks", "lint", str(folder))
    assert (done.returncode, done.stdout) == (0, "")
    assert run("playbooks", "lint", str(folder / "nowhere")).returncode == 2


@pytest.mark.anyio
async def test_a_person_has_an_incident_looked_into_again_from_the_command_line(database_url: str) -> None:
    async with house(database_url) as running:
        identifier = await opened(running)
        done = await asyncio.to_thread(run, "incidents", "ask", identifier, SITREP_DATABASE_URL=database_url)
        assert (done.returncode, done.stdout) == (0, f"{identifier} is looked into again\n")
        timeline = (await running.http.get(f"/api/v1/incidents/{identifier}/timeline")).json()["items"]
        assert "enrichment.asked" in [line["kind"] for line in timeline]
        other = str(uuid4())
        done = await asyncio.to_thread(run, "incidents", "ask", other, SITREP_DATABASE_URL=database_url)
        assert done.returncode == 1
        assert other in done.stderr
        assert "Traceback" not in done.stderr


def test_asking_without_a_database_says_what_to_set(folder: Path) -> None:
    done = run("incidents", "ask", str(uuid4()), SITREP_DATA_DIR=str(folder / "none"))
    assert done.returncode == 1
    assert "SITREP_DATABASE_URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert run("incidents", "ask", "x").returncode == 2


@pytest.mark.anyio
async def test_doctor_gives_advice_without_calling_it_a_fault() -> None:
    async with FakeSlack() as slack:
        slack.scopes.remove("channels:history")
        known = {"SITREP_SLACK_TOKEN": slack.token, "SITREP_SLACK_API_URL": slack.api_url}
        settings = {"SITREP_KUBERNETES": "off", "SITREP_PROBES": "off", "SITREP_SLACK_CHANNEL": "C0ONCALL", **known}
        done = await asyncio.to_thread(run, "doctor", **settings)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("note  slack: ")]
    assert "channels:history" in lines[at]
    assert lines[at + 1].startswith("      fix: add channels:history")
    assert "FAIL" not in done.stdout
