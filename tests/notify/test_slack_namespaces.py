"""A channel for some namespaces is told nothing of others: not their names, and never a line of their logs."""

import re
from dataclasses import fields, replace
from uuid import uuid4

import pytest

from app.domain.incident import Assessment, Briefing, Incident
from app.domain.narrowing import evidence_within, within
from app.domain.playbook import Guidance
from app.domain.scope import EVERYTHING, Scope
from app.notify.notifier import DETAILS, HEAD
from app.notify.notifiers.slack import SlackNotifier
from app.notify.notifiers.slack.routes import Routes
from app.settings import Route, Settings, SettingsError, load_settings
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, opened, slack_notifier, slack_settings
from tests.scenarios.across import FOREIGN, SECRET_LINE, across, evidence
from tests.scenarios.incidents import oom_after_rollout
from tests.scenarios.storms import STORMS, parent_of

SHOP = Scope(frozenset({"shop"}))
SHOP_ROUTE = Route(matchers=['namespace="shop"'], channels=["C0SHOP"])


def leaks(text: str) -> list[str]:
    return [word for word in FOREIGN if re.search(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])", text)]


async def told(incident: Incident, channel: str, *routes: Route, news: tuple[str, ...] = ()) -> dict[str, str]:
    """Everything that is posted there: lock screen and body of head, details and news."""
    async with FakeSlack(channels=("C0ONCALL", "C0SHOP", "C0PAY")) as slack:
        notifier = slack_notifier(slack, slack_routes=list(routes))
        head = await notifier.send(letter(incident, target=channel))
        for part in (DETAILS, "news:broadcast:1"):
            one = letter(
                incident, target=channel, part=part, nonce=uuid4(), head_reference=head, news=news or ("worse",)
            )
            await notifier.send(one)
    names = (HEAD, DETAILS, "news")
    return {name: f"{message.text}\n{message.body}" for name, message in zip(names, slack.messages, strict=True)}


@pytest.mark.anyio
async def test_a_channel_for_one_namespace_hears_nothing_of_the_others() -> None:
    messages = await told(across(), "C0SHOP", SHOP_ROUTE, news=(f"likely cause found: {SECRET_LINE}", "got worse"))
    for name, text in messages.items():
        assert leaks(text) == [], (name, text)
    assert "checkout" in messages[HEAD]
    assert "and 2 workloads elsewhere" in messages[HEAD]
    assert "Likely: something in another namespace" in messages[HEAD]
    assert "checkout answers 5xx" in messages[DETAILS]
    assert "there is news of a workload in another namespace" in messages["news"]
    assert "got worse" in messages["news"]


@pytest.mark.anyio
async def test_the_link_of_such_a_channel_shows_as_little() -> None:
    def link(incident: Incident) -> str:
        return "https://sitrep.example/" + "-".join(sorted(incident.scope.places or {"everything"}))

    async with FakeSlack(channels=("C0ONCALL", "C0SHOP")) as slack:
        notifier = opened(SlackNotifier(slack_settings(slack, slack_routes=[SHOP_ROUTE]), link))
        for channel in ("C0SHOP", "C0ONCALL"):
            await notifier.send(letter(across(), target=channel, nonce=uuid4()))
    ours, main = slack.messages
    assert "https://sitrep.example/shop|details" in ours.body
    assert "https://sitrep.example/everything|details" in main.body


@pytest.mark.anyio
async def test_the_main_channel_is_told_everything() -> None:
    messages = await told(across(), "C0ONCALL", SHOP_ROUTE)
    assert "ledger" in messages[HEAD]
    assert "elsewhere" not in messages[HEAD]


@pytest.mark.anyio
async def test_what_lies_in_its_namespace_alone_is_told_a_channel_as_ever() -> None:
    assert await told(oom_after_rollout(), "C0SHOP", SHOP_ROUTE) == await told(
        oom_after_rollout(), "C0SHOP", Route(matchers=['severity="critical"'], channels=["C0SHOP"])
    )


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["storm_node", "storm_burst", "storm_backlog", "storm_dependency"])
async def test_a_storm_that_reaches_further_names_nobody_else(name: str) -> None:
    incident = parent_of(STORMS[name]())
    assert incident.assessment
    spaces = {entry.subject.namespace for entry in incident.assessment.blast_radius} - {""}
    own = min(spaces)
    foreign = {
        word
        for entry in incident.assessment.blast_radius
        if entry.subject.namespace not in {"", own}
        for word in (entry.subject.name, entry.subject.namespace)
    } - {entry.subject.name for entry in incident.assessment.blast_radius if entry.subject.namespace == own}
    assert len(foreign) > 4
    route = Route(matchers=[f'namespace="{own}"'], channels=["C0SHOP"])
    messages = await told(incident, "C0SHOP", route)
    for text in messages.values():
        found = [word for word in foreign if re.search(rf"(?<![A-Za-z0-9-]){re.escape(word)}(?![A-Za-z0-9-])", text)]
        assert found == [], text


@pytest.mark.parametrize(
    ("route", "places"),
    [
        ({"matchers": ['namespace="shop"']}, {"shop"}),
        ({"matchers": ['namespace="shop"', 'severity="critical"']}, {"shop"}),
        ({"matchers": ['{namespace="shop", team="a"}']}, {"shop"}),
        ({"matchers": ['namespace=~"shop|cart"']}, {"shop", "cart"}),
        ({"matchers": ['namespace=~"shop|cart"', 'namespace="shop"']}, {"shop"}),
        ({"matchers": ['namespace="shop"', 'cluster=~"eu|us"']}, {"eu/shop", "us/shop"}),
        ({"matchers": ['namespace=~"shop.*"']}, None),
        ({"matchers": ['namespace!="shop"']}, None),
        ({"matchers": ['team="shop"']}, None),
        ({"matchers": ['namespace=""']}, None),
        ({"matchers": ['team="shop"'], "namespaces": ["shop", "eu/cart"]}, {"shop", "eu/cart"}),
        ({"matchers": ['namespace="shop"'], "namespaces": ["*"]}, None),
    ],
)
def test_a_channel_is_for_the_namespaces_that_its_route_names(
    route: dict[str, list[str]], places: set[str] | None
) -> None:
    routes = Routes(Settings(slack_routes=[Route(channels=["C1"], **route)]))
    assert routes.scope("C1").places == (None if places is None else frozenset(places))


def test_a_channel_of_several_routes_is_told_what_any_of_them_allows() -> None:
    shop, cart = ({"matchers": [f'namespace="{name}"'], "channels": ["C1", "C0MAIN"]} for name in ("shop", "cart"))
    anything = {"matchers": ['severity="critical"'], "channels": ["C2"]}
    settings = Settings(slack_channel="C0MAIN", slack_routes=[Route(**one) for one in (shop, cart, anything)])
    routes = Routes(settings)
    assert routes.scope("C1").places == {"shop", "cart"}
    assert routes.scope("C0MAIN") == routes.scope("C2") == EVERYTHING


def test_a_channel_that_stands_in_the_settings_no_more_is_told_nothing_that_others_are_not() -> None:
    assert Routes(Settings(slack_channel="C0MAIN")).scope("C0OLD") == EVERYTHING
    limited = Routes(Settings(slack_channel="C0MAIN", slack_routes=[SHOP_ROUTE]))
    assert limited.scope("C0OLD").places == frozenset()


def test_a_wrong_namespace_of_a_route_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^SITREP_SLACK_ROUTES.0.namespaces.0: "):
        load_settings({"SITREP_SLACK_ROUTES": "[{matchers: ['a=\"b\"'], channels: [C1], namespaces: [Shop]}]"})


def test_the_view_for_a_namespace_says_nothing_of_others_in_any_field() -> None:
    seen = within(across(), SHOP)
    assert leaks(repr(replace(seen, groups=()))) == [], repr(seen)
    assert seen.assessment
    assert [one.statement for one in seen.assessment.findings] == ["checkout answers 5xx"]
    assert [one.because for one in seen.assessment.hypotheses] == [("used 255Mi",)]
    assert [field.path for change in seen.assessment.changes for field in change.diff] == ["image"]
    assert [alert.labels["namespace"] for alert in seen.alerts] == ["shop"]
    assert [entry.text for entry in seen.timeline] == ["in another namespace", "ErrorsHigh fires for shop/checkout"]
    assert (seen.scope, seen.elsewhere) == (SHOP, 2)
    assert within(across(), EVERYTHING) == across()


def test_what_playbooks_measured_is_not_for_some_namespaces_and_what_they_advise_names_no_other() -> None:
    incident = across()
    assert incident.assessment
    guidance = Guidance(
        playbooks=("node_memory",),
        measured=("pods that use most memory on it: unheard-of, unheard-of-0 12Gi",),
        notes=("Page cache does not count.",),
        first_checks=("kubectl -n shop get pods", f"kubectl -n {FOREIGN[0]} get pods"),
    )
    seen = within(replace(incident, assessment=replace(incident.assessment, guidance=guidance)), SHOP)
    assert seen.assessment
    told_of = replace(guidance, measured=(), first_checks=("kubectl -n shop get pods",))
    assert seen.assessment.guidance == told_of


def test_evidence_for_a_namespace_holds_its_own_and_what_is_nobodys() -> None:
    kept = evidence_within(evidence(), SHOP)
    assert [item.id for item in kept.items] == ["n", "sshop", "vshop", "lcheckout"]
    assert evidence_within(evidence(), EVERYTHING) == evidence()


def test_a_name_that_holds_anothers_is_not_taken_for_it() -> None:
    """`pay-api` of ours is no mention of the namespace `pay`."""
    case = across()
    assert case.assessment
    ours = replace(case.subjects[1], name="pay-api")
    finding = replace(case.assessment.findings[1], subject=ours, statement="pay-api answers 5xx")
    mine = replace(
        case,
        subjects=(ours, case.subjects[0]),
        assessment=replace(case.assessment, findings=(finding,), subjects=(ours,)),
    )
    seen = within(mine, SHOP)
    assert seen.assessment
    assert [one.statement for one in seen.assessment.findings] == ["pay-api answers 5xx"]


LOOKED_AT = {
    Incident: {
        *("title", "headline", "groups", "alerts", "subjects", "assessment", "gaps", "timeline", "parent_id"),
        *("parent_headline", "scope", "elsewhere"),
    },
    Assessment: {
        *("headline", "briefing", "findings", "hypotheses", "changes", "similar", "blast_radius", "subjects"),
        "guidance",
    },
    Briefing: {
        *("symptom", "facts", "still", "impact", "cause_line", "because", "against", "change", "no_change"),
        *("first_step", "similar", "ruled_out", "odd"),
    },
}
HARMLESS = {
    Incident: {
        *("id", "state", "enrichment", "severity", "started_at", "received_at", "alertname", "cluster", "revision"),
        *("children", "onset_at", "announced_at", "first_notified_at", "resolved_at", "timings", "source_milliseconds"),
        *("deliveries", "resolution", "storm", "parked", "times_today"),
    },
    Assessment: {"onset_at"},
    Briefing: set[str](),
}


@pytest.mark.parametrize("of", LOOKED_AT)
def test_every_field_that_a_message_is_made_of_has_been_thought_about(of: type[Incident]) -> None:
    """A new one may tell of other namespaces: let `within` look at it, and put it here."""
    assert {one.name for one in fields(of)} == LOOKED_AT[of] | HARMLESS[of]
