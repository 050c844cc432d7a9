"""docs/adopt: the configurations are real, and every alert ends where the page says."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.telemetry import REGISTRY
from tests.architecture.tools import ROOT, helm, names_a_registry, run, tool

FOLDER = ROOT / "docs/adopt"
ALERTMANAGER = ("beside", "instead", "pagerduty")
OWN = ("alertname=SitrepDown", "about=sitrep", "severity=critical")
FALLBACK = ("alertname=SitrepFallback", "about=sitrep", "alert=KubePodCrashLooping", "severity=critical")
BROKEN_WAY = ("alertname=AlertmanagerFailedToSendAlerts", "integration=webhook", "severity=warning")
WATCHDOG = ("alertname=Watchdog", "severity=none")
WARNING = ("alertname=KubePodCrashLooping", "severity=warning", "namespace=shop")
CRITICAL = ("alertname=KubeNodeUnreachable", "severity=critical")


@cache
def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def receivers_of(name: str, alert: tuple[str, ...]) -> list[str]:
    amtool = tool("amtool", "prometheus-alertmanager")
    done = run(amtool, "config", "routes", "test", "--config.file", str(FOLDER / f"{name}.yaml"), *alert)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@pytest.mark.parametrize("name", ALERTMANAGER)
def test_amtool_accepts_the_configuration(name: str) -> None:
    done = run(tool("amtool", "prometheus-alertmanager"), "check-config", str(FOLDER / f"{name}.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.parametrize(
    ("name", "alert", "receivers"),
    [
        ("beside", WARNING, ["sitrep", "slack"]),
        ("beside", CRITICAL, ["sitrep", "slack-critical"]),
        ("beside", OWN, ["slack"]),
        ("beside", BROKEN_WAY, ["slack"]),
        ("beside", WATCHDOG, ["sitrep"]),
        ("instead", WARNING, ["sitrep"]),
        ("instead", CRITICAL, ["sitrep"]),
        ("instead", OWN, ["slack-plain"]),
        ("instead", FALLBACK, ["slack-plain"]),
        ("instead", BROKEN_WAY, ["slack-plain"]),
        ("instead", WATCHDOG, ["sitrep"]),
        ("pagerduty", WARNING, ["sitrep"]),
        ("pagerduty", CRITICAL, ["oncall"]),
        ("pagerduty", OWN, ["slack-plain"]),
        ("pagerduty", FALLBACK, ["slack-plain"]),
        ("pagerduty", WATCHDOG, ["sitrep"]),
    ],
)
def test_an_alert_lands_at_the_receivers_that_the_page_promises(
    name: str, alert: tuple[str, ...], receivers: list[str]
) -> None:
    assert receivers_of(name, alert) == receivers


@pytest.mark.parametrize("name", ALERTMANAGER)
def test_sitrep_never_hears_of_its_own_trouble(name: str) -> None:
    told = {receiver["name"]: receiver for receiver in load(name)["receivers"]}
    for alert in (OWN, FALLBACK, BROKEN_WAY):
        assert not [receiver for receiver in receivers_of(name, alert) if "webhook_configs" in told[receiver]]


@pytest.mark.parametrize("name", ALERTMANAGER)
def test_every_webhook_tells_of_resolution_bounds_its_body_and_reads_its_token_from_a_file(name: str) -> None:
    webhooks = [hook for receiver in load(name)["receivers"] for hook in receiver.get("webhook_configs", [])]
    assert webhooks
    for hook in webhooks:
        assert hook["send_resolved"] is True
        assert hook["url"].endswith(":8080/api/v1/webhooks/alertmanager")
        # 8 MiB is the limit: this leaves 16 KiB an alert, several times what a real one has.
        assert hook["max_alerts"] == 500
        assert hook["http_config"]["authorization"]["credentials_file"].startswith("/")


def test_pagerduty_and_sitrep_share_one_receiver_so_that_the_dedup_keys_match() -> None:
    paging = [receiver for receiver in load("pagerduty")["receivers"] if "pagerduty_configs" in receiver]
    assert paging
    assert all("webhook_configs" in receiver for receiver in paging)


def test_the_operator_variant_uses_only_fields_that_the_operator_knows() -> None:
    config = load("alertmanagerconfig")
    assert (config["apiVersion"], config["kind"]) == ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig")
    assert set(config["spec"]["route"]) <= {"receiver", "groupBy", "groupWait", "groupInterval", "repeatInterval"}
    ((hook,),) = [receiver["webhookConfigs"] for receiver in config["spec"]["receivers"]]
    assert set(hook) == {"url", "sendResolved", "maxAlerts", "httpConfig"}
    assert set(hook["httpConfig"]) == {"authorization"}
    assert set(hook["httpConfig"]["authorization"]["credentials"]) == {"name", "key"}
    assert config["spec"]["route"]["receiver"] == config["spec"]["receivers"][0]["name"]


def test_grafana_posts_to_its_own_address_with_a_token_from_its_environment() -> None:
    ((receiver,),) = [point["receivers"] for point in load("grafana")["contactPoints"]]
    assert receiver["type"] == "webhook"
    assert receiver["disableResolveMessage"] is False
    assert receiver["settings"]["url"].endswith("/api/v1/webhooks/grafana")
    assert receiver["settings"]["authorization_credentials"].startswith("$")


def test_the_plain_rules_are_the_ones_of_the_chart() -> None:
    done = run(
        helm(), "template", "sitrep", "helm/sitrep", "-s", "templates/prometheusrule.yaml",
        "--set", "prometheusRule.enabled=true", "--set-string", 'prometheusRule.selector=job="sitrep"',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert load("rules")["groups"] == yaml.safe_load(done.stdout)["spec"]["groups"]


def test_the_rules_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    tests = tmp_path / "rules.test.yaml"
    text = (Path(__file__).parent / "rules.promtool.yaml").read_text(encoding="utf-8")
    tests.write_text(text.replace("[RULES]", f"['{FOLDER / 'rules.yaml'}']"), encoding="utf-8")
    done = run(tool("promtool", "prometheus"), "test", "rules", str(tests))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_the_rules_ask_for_is_one_that_sitrep_shows() -> None:
    asked = set(re.findall(r"\bsitrep_\w+", (FOLDER / "rules.yaml").read_text(encoding="utf-8")))
    assert asked
    assert asked - {family.name for family in REGISTRY.collect()} == set()


def test_every_alert_about_sitrep_carries_the_label_that_routes_it_past_sitrep() -> None:
    rules = [rule for group in load("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == 10
    assert all(rule["labels"]["about"] == "sitrep" for rule in rules)


def test_the_page_links_every_file_and_names_no_other() -> None:
    page = (ROOT / "docs/adopt.md").read_text(encoding="utf-8")
    assert set(re.findall(r"adopt/([\w.-]+\.yaml)", page)) == {path.name for path in FOLDER.iterdir()}
    for path in [ROOT / "docs/adopt.md", *FOLDER.iterdir()]:
        assert names_a_registry(path) == []
