"""Label matchers as Alertmanager reads them, and the channels that they lead to."""

from dataclasses import replace

import pytest

from app.domain.incident import DeliveryState, Incident
from app.notify.matchers import all_match, parse_matchers
from app.notify.notifiers.slack.routes import Routes
from app.settings import Route, Settings, SettingsError
from tests.scenarios.incidents import oom_after_rollout


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ('severity="critical"', {"severity": "critical"}, True),
        ("severity=critical", {"severity": "critical"}, True),
        ('severity = "critical"', {"severity": "warning"}, False),
        ('severity!="critical"', {"severity": "warning"}, True),
        ('severity!="critical"', {}, True),
        ('team=""', {}, True),
        ('team=~"pay.*"', {"team": "payments"}, True),
        ('team=~"pay"', {"team": "payments"}, False),
        ('team=~"a|b"', {"team": "ab"}, False),
        ('team!~"pay.*"', {"team": "payments"}, False),
        ('team!~"pay.*"', {"team": "shop"}, True),
        ('team=~".*"', {}, True),
        ('team=~".+"', {}, False),
        ('{team="a", severity=~"c.*"}', {"team": "a", "severity": "critical"}, True),
        ('{team="a",severity="x",}', {"team": "a", "severity": "critical"}, False),
        (r'note="say \"hi\", ok"', {"note": 'say "hi", ok'}, True),
        (r'path=~"a\\.b"', {"path": "a.b"}, True),
        (r'path=~"a\\.b"', {"path": "axb"}, False),
        ('"a label"="x"', {"a label": "x"}, True),
    ],
)
def test_a_matcher_reads_as_in_alertmanager(text: str, labels: dict[str, str], expected: object) -> None:
    assert all_match(parse_matchers(text), [labels]) is expected


@pytest.mark.parametrize("text", ["", "{}", "severity", 'a="b" c="d"', 'team=~"("', '="x"', 'a="b'])
def test_what_is_no_matcher_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"matcher|regular"):
        parse_matchers(text)


def channels(*routes: Route, incident: Incident | None = None) -> tuple[str, ...]:
    return Routes(Settings(slack_channel="C0MAIN", slack_routes=list(routes))).channels(incident or oom_after_rollout())


def test_every_route_that_matches_gives_its_channels_once() -> None:
    critical = Route(matchers=['severity="critical"'], channels=["C0A", "C0B"])
    shop = Route(matchers=['namespace="shop"', 'alertname=~"Kube.*"'], channels=["C0B", "C0C"])
    other = Route(matchers=['namespace="ml"'], channels=["C0D"])
    assert channels(critical, shop, other) == ("C0A", "C0B", "C0C")


def test_without_a_matching_route_the_main_channel_takes_it() -> None:
    assert channels(Route(matchers=['namespace="ml"'], channels=["C0D"])) == ("C0MAIN",)
    assert Routes(Settings()).channels(oom_after_rollout()) == ()


def test_one_alert_must_meet_all_matchers_of_a_route() -> None:
    incident = oom_after_rollout()
    (alert,) = incident.alerts
    split = (
        replace(alert, labels={"alertname": "A", "team": "x"}),
        replace(alert, labels={"alertname": "B", "team": "y"}),
    )
    both = Route(matchers=['alertname="A"', 'team="y"'], channels=["C0D"])
    assert channels(both, incident=replace(incident, alerts=split)) == ("C0MAIN",)


def test_the_cluster_can_be_matched_even_if_no_label_says_it() -> None:
    assert channels(Route(matchers=['cluster="prod"'], channels=["C0P"])) == ("C0P",)


def test_a_bad_route_stops_the_start_and_names_the_setting() -> None:
    with pytest.raises(SettingsError, match="SITREP_SLACK_ROUTES"):
        channels(Route(matchers=["severity"], channels=["C0A"]))


def test_a_storm_goes_where_its_children_would_have_gone() -> None:
    heads = [DeliveryState("slack", channel, "head", "due", None, 0) for channel in ("C0SHOP", "C0PAY")]
    details = DeliveryState("slack", "C0SHOP", "details", "due", None, 0)
    storm = replace(oom_after_rollout(), alerts=(), storm="node:prod/node-7", deliveries=(*heads, details))
    assert channels(incident=storm) == ("C0SHOP", "C0PAY")
