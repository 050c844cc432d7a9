"""What could not be seen, in one line: sources that failed, and those that are still asked."""

from app.domain.evidence import PENDING, Gap
from app.notify.gaps import not_seen, still_asking

REFUSED = Gap("kubernetes", "state of shop/checkout", "connection refused")
LATE = Gap("prometheus", "memory of shop/checkout", "no answer in 10 s")
BROKEN = Gap("loki", "errors of shop/checkout", "HTTP 500")
WAITING = Gap("loki", "errors of shop/checkout", PENDING)


def test_each_source_that_failed_is_named_with_its_reason() -> None:
    events = Gap("kubernetes", "events of shop/checkout", "connection refused")
    line = not_seen((REFUSED, events, LATE, BROKEN), 90)
    assert line == "Not seen: Kubernetes (connection refused), Prometheus (no answer in 10 s), Loki (HTTP 500)"


def test_a_single_question_is_told_with_it() -> None:
    assert not_seen((BROKEN,), 90) == "Not seen: Loki: errors of shop/checkout (HTTP 500)"


def test_sources_that_fail_alike_are_told_together() -> None:
    both = (Gap("kubernetes", "", "no answer in 10 s"), LATE, Gap("loki", "a", "x"), Gap("loki", "b", "y"))
    assert not_seen(both, 90) == "Not seen: Kubernetes, Prometheus (no answer in 10 s), Loki (x +1)"


def test_an_open_question_is_no_failure() -> None:
    assert not_seen((WAITING,), 90) == ""
    assert still_asking((LATE, WAITING, WAITING)) == "Still asking: Loki"
    assert still_asking((LATE,)) == ""
