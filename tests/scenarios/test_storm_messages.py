"""Golden messages of storms. UPDATE_GOLDEN=1 writes them anew."""

from dataclasses import replace

import pytest

from app.domain.alert import AlertStatus
from app.notify.markup import visible
from app.notify.rendering import HEAD_LAYOUT, Renderer, Telling
from tests.notify.ten_points import broken_points
from tests.scenarios.incidents import NOW, oom_after_rollout
from tests.scenarios.storms import STORMS, node_down, parent_of
from tests.scenarios.test_messages import GOLDEN, PAGE, UPDATE, golden_text, tell

# These three are of one workload: its series, its change, its past. A storm has many.
OF_ONE_WORKLOAD = {
    "3 a number with its usual value",
    "6 one change, or that there was none",
    "9 a similar incident, or that there is none",
}


@pytest.mark.parametrize("name", STORMS)
def test_the_message_of_a_storm_reads_as_recorded(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    text = golden_text(parent_of(STORMS[name]()))
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STORMS)
def test_the_message_of_a_storm_meets_what_does_not_speak_of_one_workload(name: str) -> None:
    assert set(broken_points(tell(parent_of(STORMS[name]())))) <= OF_ONE_WORKLOAD


def test_what_is_critical_in_a_storm_is_named_in_its_message() -> None:
    shown = tell(parent_of(node_down())).shown
    assert "critical: shop/checkout, shop/ledger" in shown
    assert "payments/app-7 (image.not_found)" in shown


def test_the_thread_of_a_storm_lists_all_that_it_swept_in() -> None:
    text = golden_text(parent_of(node_down())).partition("=== details")[2]
    assert [number for number in range(5, 83) if f"app-{number}" not in text] == []


def test_a_message_that_was_sent_before_the_storm_points_to_it() -> None:
    swept = replace(oom_after_rollout(), parent_headline="node-7: 83 workloads failing together")
    shown = visible(Renderer(None).render(HEAD_LAYOUT, swept, Telling(NOW, PAGE)))
    assert shown.splitlines()[1:3] == [
        "Part of a storm, which has a message of its own:",
        "node-7: 83 workloads failing together",
    ]
    assert "kubectl" not in shown


def test_the_message_counts_from_the_third_time_of_a_day_on() -> None:
    assert "3rd time today" in tell(replace(oom_after_rollout(), times_today=3)).shown
    assert "time today" not in tell(replace(oom_after_rollout(), times_today=2)).shown


def test_a_storm_that_is_over_says_so() -> None:
    parent = replace(parent_of(node_down()), state=AlertStatus.RESOLVED, resolved_at=NOW)
    assert "resolved, was 83 workloads failing together" in tell(parent).shown
