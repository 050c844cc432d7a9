"""`sitrep doctor` as a person runs it, against stand-ins; what is wrong has a line with its fix."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.store.engine import Store
from app.store.heartbeats import WATCHDOG, Heartbeats
from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Trouble
from tests.fakes.slack import FakeSlack
from tests.fakes.world import World, sources_of, world
from tests.gather.canned import CannedServer
from tests.test_cli import run

pytestmark = pytest.mark.anyio
ALERTMANAGER = {"versionInfo": {"version": "0.28.1"}, "cluster": {"status": "ready"}, "uptime": "2026-01-01T00:00:00Z"}
# No database: the sources are what is looked at.
AWAY = {"SITREP_DATABASE_URL": "", "SITREP_DATA_DIR": "/nonexistent/sitrep"}


@dataclass(frozen=True)
class Ward:
    """All that a doctor looks at, well until a test says otherwise."""

    stand_ins: World
    slack: FakeSlack
    pagerduty: FakePagerDuty
    alertmanager: CannedServer
    environment: dict[str, str]

    def server(self, name: str) -> FakeServer:
        found: FakeServer = getattr(self, name, None) or getattr(self.stand_ins, name)
        return found


@asynccontextmanager
async def ward(folder: Path, database_url: str) -> AsyncIterator[Ward]:
    store = Store(database_url)
    await Heartbeats(store).beat(WATCHDOG)
    await store.aclose()
    recording = Recording.named("checkout_oom", now=datetime.now(UTC))
    async with (
        world(recording) as stand_ins,
        FakeSlack() as slack,
        FakePagerDuty() as pagerduty,
        CannedServer(ALERTMANAGER) as alertmanager,
    ):
        environment = {
            **sources_of(stand_ins, folder),
            "SITREP_DATABASE_URL": database_url,
            "SITREP_ALERTMANAGER_URL": alertmanager.url,
            "SITREP_SLACK_TOKEN": slack.token,
            "SITREP_SLACK_API_URL": slack.api_url,
            "SITREP_SLACK_CHANNEL": "C0ONCALL",
            "SITREP_PAGERDUTY_TOKEN": pagerduty.token,
            "SITREP_PAGERDUTY_FROM": pagerduty.sender,
            "SITREP_PAGERDUTY_API_URL": pagerduty.url,
        }
        yield Ward(stand_ins, slack, pagerduty, alertmanager, environment)


async def doctor(environment: Mapping[str, str]) -> tuple[int, list[tuple[str, str]]]:
    """The exit code, and each line with its fix. In this process: to start one takes seconds."""
    done = await asyncio.to_thread(CliRunner().invoke, cli.app, ["doctor"], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, parted(done.output)


def parted(output: str) -> list[tuple[str, str]]:
    """Each line with its fix, which no line that fails may lack."""
    found = re.findall(r"^(\S.*)(?:\n      fix: (.*))?", output, re.MULTILINE)
    assert all(fix for line, fix in found if line.startswith("FAIL")), output
    return found


async def ills(environment: Mapping[str, str]) -> dict[str, str]:
    """The lines that fail, with their fixes; the exit code must say so."""
    code, lines = await doctor(environment)
    failed = {line.removeprefix("FAIL").strip(): fix for line, fix in lines if line.startswith("FAIL")}
    assert code == (1 if failed else 0), lines
    return failed


async def test_where_all_is_well_every_line_says_so_and_the_exit_code_is_zero(folder: Path, database_url: str) -> None:
    async with ward(folder, database_url) as here:
        done = await asyncio.to_thread(run, "doctor", **here.environment)
        assert here.stand_ins.kubernetes.writes == []
    assert "Traceback" not in done.stderr
    lines = parted(done.stdout)
    assert done.returncode == 0, lines
    told = "\n".join(line for line, _ in lines)
    for name in ("kubernetes", "prometheus", "loki", "alertmanager", "slack", "pagerduty", "database", "watchdog"):
        assert f"ok    {name}: " in told, told


@pytest.mark.parametrize(
    ("resource", "statement"),
    [
        ("events", "may not list events in the cluster"),
        ("pods/log", "may not get pods/log in the cluster"),
        ("replicasets", "may not list replicasets.apps in the cluster"),
        ("endpointslices", "may not list endpointslices.discovery.k8s.io in the cluster"),
        ("resourcequotas", "may not list resourcequotas in the cluster"),
        ("controllerrevisions", "may not list controllerrevisions.apps in the cluster"),
        ("storageclasses", "may not get storageclasses.storage.k8s.io in the cluster"),
        ("nodes", "may not list nodes in the cluster"),
        ("persistentvolumes", "may not get persistentvolumes in the cluster"),
        ("horizontalpodautoscalers", "may not get horizontalpodautoscalers.autoscaling in the cluster"),
        ("jobs", "may not get jobs.batch in the cluster"),
    ],
)
async def test_a_missing_permission_is_named_by_verb_and_resource(folder: Path, resource: str, statement: str) -> None:
    async with FakeKubernetes(Recording(now=datetime.now(UTC)), forbidden=[resource]) as fake:
        failed = await ills({"KUBECONFIG": str(fake.kubeconfig(folder / "kubeconfig")), **AWAY})
        assert fake.writes == []
    fix = failed[f"kubernetes: {statement}"]
    verb = statement.split()[2]
    assert f"grant {verb} on" in fix
    assert len(failed) <= 3, "the summary, and this resource alone"


async def test_in_some_namespaces_each_is_named_with_its_role(folder: Path) -> None:
    async with FakeKubernetes(Recording(now=datetime.now(UTC))) as fake:
        fake.granted = {"shop", "cart"}
        fake.forbidden = {"shop:events"}
        given = {"KUBECONFIG": str(fake.kubeconfig(folder / "kubeconfig")), **AWAY}
        everywhere = await ills(given)
        failed = await ills({**given, "SITREP_KUBERNETES_NAMESPACES": "shop,cart"})
    assert failed.pop("kubernetes: may not list events in namespace shop").startswith(
        "grant list on events to Sitrep's service account by a Role in shop"
    )
    assert list(failed) == ["kubernetes: v1.36.1; not all that questions need may be read"]
    assert any("SITREP_KUBERNETES_NAMESPACES" in fix for fix in everywhere.values())


@pytest.mark.parametrize(
    ("name", "statement", "fix"),
    [
        ("prometheus", r"not authenticated \(401\)", "SITREP_PROMETHEUS_TOKEN"),
        ("loki", r"not authenticated \(401\)", "SITREP_LOKI_TOKEN"),
        ("alertmanager", r"not authenticated \(401\)", "SITREP_ALERTMANAGER_URL"),
        ("kubernetes", r"token refused \(401\)", "token"),
        ("slack", "HTTP 401", "SITREP_SLACK_TOKEN"),
        ("pagerduty", "HTTP 401", "SITREP_PAGERDUTY_TOKEN"),
    ],
)
async def test_a_wrong_token_is_named_for_each_source_and_notifier(
    folder: Path, database_url: str, name: str, statement: str, fix: str
) -> None:
    async with ward(folder, database_url) as here:
        here.server(name).trouble = Trouble("status", status=401)
        failed = await ills(here.environment)
    assert len(failed) == 1, failed
    ((line, told),) = failed.items()
    assert re.search(f"^{name}: .*{statement}", line), line
    assert fix in told


@pytest.mark.parametrize(
    ("name", "refuse"),
    [
        ("slack", lambda here: setattr(here.slack, "token", "xoxb-" + "another")),
        ("pagerduty", lambda here: setattr(here.pagerduty, "token", "u+" + "another")),
        ("kubernetes", lambda here: setattr(here.stand_ins.kubernetes, "token", "an" + "other")),
        ("prometheus", lambda here: setattr(here.stand_ins.prometheus, "token", "an" + "other")),
        ("loki", lambda here: setattr(here.stand_ins.loki, "token", "an" + "other")),
    ],
)
async def test_a_token_that_is_refused_in_the_vendors_own_words_is_named(
    folder: Path, database_url: str, name: str, refuse: Callable[[Ward], None]
) -> None:
    async with ward(folder, database_url) as here:
        refuse(here)
        ((line, fix),) = (await ills(here.environment)).items()
    assert line.startswith(f"{name}: ")
    assert "oken" in fix or "TOKEN" in fix


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("prometheus", "login"),
        ("loki", "SITREP_LOKI_"),
        ("alertmanager", "login"),
        ("kubernetes", "login page"),
        ("slack", "SITREP_SLACK_API_URL"),
        ("pagerduty", "SITREP_PAGERDUTY_API_URL"),
    ],
)
async def test_an_address_that_answers_a_page_is_named(folder: Path, database_url: str, name: str, fix: str) -> None:
    async with ward(folder, database_url) as here:
        here.server(name).trouble = Trouble("html")
        ((line, told),) = (await ills(here.environment)).items()
    assert line.startswith(f"{name}: ")
    assert fix in told


@pytest.mark.parametrize("name", ["prometheus", "loki", "alertmanager"])
async def test_an_address_with_the_wrong_path_is_named(folder: Path, database_url: str, name: str) -> None:
    async with ward(folder, database_url) as here:
        here.server(name).trouble = Trouble("status", status=404)
        ((line, fix),) = (await ills(here.environment)).items()
    assert "(404)" in line
    assert "base address" in fix


async def test_each_cluster_has_its_lines_and_its_settings_are_named_as_they_stand_in_the_file(folder: Path) -> None:
    empty = Recording(now=datetime.now(UTC))
    async with world(empty) as eu, world(empty) as us:
        eu.kubernetes.kubeconfig(folder / "eu")
        us.kubernetes.kubeconfig(folder / "us")
        eu.kubernetes.forbidden = {"events"}
        us.prometheus.trouble = Trouble("html")
        text = f"""
kubernetes: off
probes: off
clusters:
  prod-eu: {{kubeconfig: {folder}/eu, prometheus_url: "{eu.prometheus.url}"}}
  prod-us: {{kubeconfig: {folder}/us, prometheus_url: "{us.prometheus.url}", loki_token_file: {folder}/none}}
  stage: {{}}
"""
        (folder / "sitrep.yaml").write_text(text, encoding="utf-8")
        code, lines = await doctor({"SITREP_CONFIG_FILE": str(folder / "sitrep.yaml"), **AWAY})
    assert code == 1
    told = dict(lines)
    assert "FAIL  kubernetes in prod-eu: may not list events in the cluster" in told
    assert any(line.startswith("ok    kubernetes in prod-us: ") for line in told)
    assert any(line.startswith("ok    prometheus in prod-eu: ") for line in told)
    (page,) = [line for line in told if line.startswith("FAIL  prometheus in prod-us: ")]
    assert "HTML" in page
    assert "clusters.prod-us.prometheus_token" in told[page]
    assert "SITREP_PROMETHEUS" not in told[page]
    assert "kubeconfig" in told["FAIL  cluster stage: no source is configured"]
    (secret,) = [line for line in told if line.startswith("FAIL  clusters.prod-us.loki_token_file: ")]
    assert f"{folder}/none" in secret
