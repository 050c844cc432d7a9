"""What the one message of a storm claims follows from its members, and never more than they show."""

from dataclasses import replace

import pytest

from app.analyze.storm import describe_storm
from app.analyze.storm_causes import shared_causes
from app.domain.alert import AlertStatus, Severity
from app.domain.incident import Assessment, Finding, Hypothesis
from app.domain.story import storm_title
from app.domain.subject import Subject
from tests.scenarios.incidents import CHECKOUT, oom_after_rollout
from tests.scenarios.storms import burst, member, node_down, storm


def test_a_node_that_only_labels_name_is_a_possibility() -> None:
    told = describe_storm(storm("node:prod/node-7", *(member(n) for n in range(5))))
    assert told.briefing.cause_line == "Possibly: node node-7 is what they share"
    assert told.hypotheses == ()


def test_a_node_that_most_members_blame_is_likely() -> None:
    told = describe_storm(node_down())
    (first,) = told.hypotheses
    assert (first.cause, first.confidence, first.subject.name) == ("node.unreachable", "high", "node-7")
    assert first.because == ("39 of 40 that were looked into say so",)


def test_a_burst_is_explained_by_what_at_least_half_of_the_judged_have() -> None:
    judged = [member(n, cause="config.missing_secret", is_judged=True) for n in range(6)]
    others = [member(n, cause="image.not_found", is_judged=True) for n in range(6, 10)]
    told = describe_storm(storm("burst:prod", *judged, *others, *(member(n) for n in range(10, 14))))
    assert told.briefing.cause_line.startswith("Possibly: most have this in common: a Secret")
    assert "image.not_found" in told.briefing.against
    assert "4 of 14 not looked into yet" in told.briefing.against


def test_a_burst_of_which_nothing_is_known_says_so() -> None:
    told = describe_storm(burst())
    assert told.briefing.cause_line == "I don't know why: what they share is not known yet"


def test_what_was_looked_into_without_a_cause_is_told() -> None:
    looked_into = [member(n, is_judged=True) for n in range(12)]
    told = describe_storm(storm("burst:prod", *looked_into))
    assert told.briefing.against == "no cause found in 12 of 12"
    assert told.briefing.cause_line == "I don't know why: what they share is not known yet"


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("node:prod/node-7", "Storm: node node-7"),
        ("quota:prod/shop", "Storm: quota of shop"),
        ("dependency:prod/db.shop:5432", "Storm: dependency db.shop:5432"),
        ("cause:prod/image.registry_dns", "Storm: image.registry_dns"),
        ("backlog:prod", "Storm: backlog of prod"),
        ("burst:prod", "Storm: prod"),
    ],
)
def test_a_storm_is_called_by_what_its_key_names(key: str, title: str) -> None:
    assert storm_title(key, "prod") == title


def test_a_storm_counts_what_still_fires() -> None:
    over = [member(n, state=AlertStatus.RESOLVED) for n in range(3)]
    assert describe_storm(storm("burst:prod", *over, member(9))).briefing.still == "1 of 4 still firing"
    assert describe_storm(storm("burst:prod", *over)).briefing.still == "all over"


def test_the_order_of_members_does_not_matter_for_what_is_named() -> None:
    members = [member(n) for n in range(8)] + [member(9, severity=Severity.CRITICAL)]
    forward = describe_storm(storm("burst:prod", *members))
    backward = describe_storm(storm("burst:prod", *reversed(members)))
    assert forward.briefing == backward.briefing


def hypothesis(cause: str, subject: Subject, confidence: str = "high") -> Assessment:
    one = Hypothesis(1, subject, cause, "…", confidence, 0.9)  # type: ignore[arg-type]
    base = oom_after_rollout().assessment
    assert base
    return replace(base, hypotheses=(one,), findings=())


def keys(assessment: Assessment) -> list[str]:
    return [one.key for one in shared_causes(assessment, (CHECKOUT,))]


def test_a_cause_in_the_workload_itself_is_shared_with_nobody() -> None:
    assert keys(hypothesis("memory.oom_killed", CHECKOUT)) == []


def test_nodes_quotas_and_dependencies_are_shared() -> None:
    node = Subject("prod", "", "Node", "node-7")
    assert keys(hypothesis("node.unreachable", node)) == ["node:prod/node-7"]
    namespace = Subject("prod", "", "Namespace", "shop")
    assert keys(hypothesis("quota.cpu", namespace)) == ["quota:prod/shop"]
    lost = Finding("f1", "log.dependency_unreachable", CHECKOUT, Severity.WARNING, "…", names="db.shop:5432")
    assessment = replace(hypothesis("dependency.unreachable", CHECKOUT), findings=(lost,))
    assert keys(assessment) == ["dependency:prod/db.shop:5432"]


def test_the_rollout_of_a_neighbour_is_shared() -> None:
    neighbour = replace(CHECKOUT, name="gateway")
    assert keys(hypothesis("rollout.regression", neighbour)) == ["cause:prod/rollout.regression shop/gateway"]


def test_what_hits_a_whole_cluster_is_shared_whatever_workload_shows_it() -> None:
    assert keys(hypothesis("image.registry_dns", CHECKOUT)) == ["cause:prod/image.registry_dns"]


def test_a_guess_is_shared_with_nobody() -> None:
    assert keys(hypothesis("node.unreachable", Subject("prod", "", "Node", "node-7"), "low")) == []
