"""Recovered is said only when the alert's own expression answered and no longer holds."""

from datetime import UTC, datetime, timedelta

from app.domain.evidence import Evidence, Gap, Series
from app.domain.subject import Subject
from app.follow.recovery import judge_recovery

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")


def series(name: str, minutes_ago: float, value: float | None = 0.01) -> Series:
    at = (NOW - timedelta(minutes=minutes_ago)).timestamp()
    return Series(f"e-{name}", CHECKOUT, name, "app_error_ratio", "ratio", {}, ((at, value),))


def test_a_fresh_value_and_a_silent_condition_confirm_the_recovery() -> None:
    recovery = judge_recovery(Evidence.seen([series("alert_value", 1)]), NOW)
    assert recovery.confirmed
    assert "recovered" in recovery.statement


def test_a_condition_that_still_holds_is_said_and_not_a_recovery() -> None:
    recovery = judge_recovery(Evidence.seen([series("alert_value", 1), series("alert_condition", 1)]), NOW)
    assert not recovery.confirmed
    assert "still holds" in recovery.statement


def test_a_condition_that_held_an_hour_ago_does_not_stand_in_the_way() -> None:
    recovery = judge_recovery(Evidence.seen([series("alert_value", 1), series("alert_condition", 60)]), NOW)
    assert recovery.confirmed


def test_old_values_and_missing_series_confirm_nothing() -> None:
    for seen in ([], [series("alert_value", 30)], [series("alert_value", 1, None)]):
        recovery = judge_recovery(Evidence.seen(seen), NOW)
        assert not recovery.confirmed
        assert "not confirmed" in recovery.statement


def test_a_question_that_was_not_answered_confirms_nothing() -> None:
    evidence = Evidence.seen([series("alert_value", 1)]) + Evidence(gaps=(Gap("prometheus", "the expression", "500"),))
    assert not judge_recovery(evidence, NOW).confirmed
