"""Numbers, times and lines as people read them."""

import pytest

from app.analyze.wording import against_usual, cut, duration, plain_words, quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (512 * 1024**2, "bytes", "512Mi"),
        (1.5 * 1024**3, "bytes", "1.5Gi"),
        (300, "bytes", "300 B"),
        (0.084, "ratio", "8.4 %"),
        (0.003, "ratio", "0.3 %"),
        (0.9, "ratio", "90 %"),
        (2.9, "seconds", "2.9 s"),
        (0.04, "seconds", "40 ms"),
        (120, "per_second", "120/s"),
        (0.25, "cores", "0.2 cores"),
        (6, "count", "6"),
        (0, "ratio", "0 %"),
        (float("nan"), "ratio", "unknown"),
    ],
)
def test_a_value_is_told_in_the_digits_that_matter(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (45, "45 s"),
        (720, "12 min"),
        (3 * 3600 + 300, "3 h 5 min"),
        (26 * 3600, "26 h"),
        (4 * 86400, "4 d"),
        (-3, "0 s"),
    ],
)
def test_a_duration_is_told_in_one_or_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_usual_value_stands_beside_the_value_where_it_is_known() -> None:
    assert against_usual(2.9, 0.4, "seconds") == "2.9 s (usual 0.4 s)"
    assert against_usual(2.9, None, "seconds") == "2.9 s"


def test_a_long_line_is_cut_at_a_word() -> None:
    assert cut("one two three four five", 15) == "one two three…"
    assert cut("  one\n two ") == "one two"
    assert len(cut("x" * 500)) == 90


def test_an_alerts_name_becomes_plain_words() -> None:
    assert plain_words("KubePodNotReady") == "kube pod not ready"
    assert plain_words("CPUThrottlingHigh") == "CPU throttling high"
