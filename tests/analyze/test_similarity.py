"""What it resembles, honestly."""

from dataclasses import replace

from app.analyze.similarity import resembling, similar_line
from app.domain.incident import Hypothesis, PastIncident, Recollection
from tests.builders import deployment, past_incident

HALVED = Hypothesis(1, deployment(), "memory.limit_too_low", "", "high", 0.9)


def found(*past: PastIncident, name: str = "checkout") -> tuple[PastIncident, ...]:
    return resembling(Recollection(past, 90), (deployment(name),), ("KubePodCrashLooping",), (HALVED,))


def test_the_same_workload_with_the_same_cause_scores_full() -> None:
    assert found(past_incident())[0].score == 1.0


def test_the_same_cause_elsewhere_is_alike_but_less() -> None:
    assert 0.5 <= found(past_incident(), name="cart")[0].score < 1.0


def test_another_cause_at_the_same_place_is_not_alike() -> None:
    assert found(past_incident("image.not_found")) == ()


def test_what_was_confirmed_comes_before_what_was_only_observed() -> None:
    observed, confirmed = past_incident(confirmed=False, days_ago=1), past_incident(fix="more memory", days_ago=30)
    assert [one.confirmed for one in found(observed, confirmed)] == [True, False]


def test_the_line_tells_date_fix_duration_and_how_sure_it_is() -> None:
    past = past_incident()
    memory = Recollection((past,), 90)
    assert similar_line((past,), memory) == "Like 3 Oct: rollback fixed it in 21 min (confirmed)"
    assert similar_line((replace(past, confirmed=False),), memory).endswith("(observed)")
    assert similar_line((replace(past, fix=""),), memory) == "Like 3 Oct: ended after 21 min, fix not recorded"


def test_that_nothing_is_similar_is_said_only_where_memory_was_asked() -> None:
    assert similar_line((), Recollection(days_searched=90)) == "Nothing similar in 90 days"
    assert similar_line((), Recollection()) == ""
