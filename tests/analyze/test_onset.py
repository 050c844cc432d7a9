"""When it began."""

from datetime import UTC, datetime

from app.analyze.onset import change_point, find_onset
from app.analyze.world import World
from app.domain.incident import Case
from tests.builders import (
    NOW,
    ago,
    alert,
    case,
    container_status,
    ended,
    event,
    node,
    node_subject,
    pod,
    replica_set,
    series,
)


def onset(judged: Case) -> datetime | None:
    return find_onset(World(judged, NOW))


def test_without_any_sign_it_is_the_alerts_start() -> None:
    assert onset(case()) == ago(8)


def test_a_jump_of_the_alerts_own_value_before_the_alert_is_the_onset() -> None:
    assert onset(case(series("alert_value", [0.1] * 15 + [0.9] * 15))) == ago(14)


def test_a_value_that_only_wobbles_moves_nothing() -> None:
    assert onset(case(series("alert_value", [0.1, 0.11, 0.1, 0.09] * 8))) == ago(8)


def test_the_first_event_of_the_trouble_is_the_onset() -> None:
    waiting = container_status(waiting={"reason": "ImagePullBackOff"})
    failed = event("Failed", "Failed to pull image")
    assert onset(case(pod(statuses=[waiting]), replica_set(), failed)) == ago(11)


def test_the_first_rise_of_the_restart_counter_is_the_onset() -> None:
    assert onset(case(series("restarts", [0] * 10 + [1, 2, 3] + [3] * 10))) == ago(12)


def test_a_container_that_ended_before_the_alert_is_the_onset() -> None:
    crashed = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(1, minutes_ago=20))
    assert onset(case(pod(statuses=[crashed]), replica_set())) == ago(20)


def test_trouble_of_this_morning_is_another_story() -> None:
    crashed = container_status(waiting={"reason": "CrashLoopBackOff"}, last=ended(1, minutes_ago=600))
    assert onset(case(pod(statuses=[crashed]), replica_set())) == ago(8)


def test_a_node_is_away_since_its_condition_changed() -> None:
    assert onset(case(node("node-3", "Unknown"), subjects=[node_subject()])) == ago(10)


def test_alerts_of_the_year_one_break_nothing() -> None:
    ancient = alert()
    early = datetime(1, 1, 1, tzinfo=UTC)
    assert onset(case(alerts=[type(ancient)("f", ancient.status, {}, {}, early, None)])) == early


def test_a_change_point_needs_enough_points_on_both_sides() -> None:
    assert change_point(((0.0, 1.0), (60.0, 9.0))) is None
    assert change_point(tuple((60.0 * index, 1.0) for index in range(30))) is None
