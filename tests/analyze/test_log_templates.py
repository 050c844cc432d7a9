"""Lines of one shape become one template."""

import random
import time

import pytest

from app.analyze.log_templates import fold, mask
from tests.builders import log_line


def test_what_varies_is_masked_by_its_kind() -> None:
    line = 'GET /api/v1/orders took 35ms for "anna" from 10.0.0.7:4123 id 7f3a9c0e12 at 0x7fff'
    assert mask(line) == "GET <path> took <number> for <quoted> from <address> id <hex> at <hex>"


@pytest.mark.parametrize("part", ["1", "1.", "a-", "a.", "/a", '"', "a1", "0x", "-", "a_", "f", "1:"])
def test_hostile_lines_are_masked_in_no_time(part: str) -> None:
    line = part * (4000 // len(part)) + "!"
    began = time.perf_counter()
    mask(line)
    assert time.perf_counter() - began < 0.5


def test_lines_that_differ_in_numbers_are_one_pattern_with_all_counts() -> None:
    (only,) = fold([log_line("took 12 ms", 3), log_line("took 99 ms", 4, 2)])
    assert (only.template, only.count, only.baseline_count) == ("took <number> ms", 7, 2)


def test_lines_that_differ_in_a_word_are_one_pattern() -> None:
    lines = [log_line(f"cannot reach {name} after several tries") for name in ("ledger", "cart", "email")]
    (only,) = fold(lines)
    assert only.template == "cannot reach <*> after several tries"
    assert len(only.examples) == 3


def test_lines_of_another_shape_stay_apart() -> None:
    assert len(fold([log_line("connection refused by peer"), log_line("cache warmed in time")])) == 2


def test_without_any_usual_hour_the_usual_count_stays_unknown() -> None:
    (only,) = fold([log_line("took 12 ms", 3, None), log_line("took 99 ms", 4, None)])
    assert only.baseline_count is None


def test_the_order_of_lines_does_not_matter() -> None:
    lines = [log_line(f"worker {name} failed with code {code}") for name in "abc" for code in range(5)]
    expected = fold(lines)
    for seed in range(5):
        random.Random(seed).shuffle(lines)  # noqa: S311 - an order, not a secret
        assert fold(lines) == expected


def test_a_pattern_keeps_an_id_that_stands_in_the_evidence() -> None:
    lines = [log_line("took 12 ms"), log_line("took 99 ms")]
    assert fold(lines)[0].id in {line.id for line in lines}


def test_dates_and_lists_of_addresses_are_masked_whole() -> None:
    line = "from 10.0.0.7,10.0.0.8 at Sun Jul 10 03:55:15 2005 by pod_A8"
    assert mask(line) == "from <address> at <time> by <name>"


def test_reading_and_writing_are_two_shapes() -> None:
    lines = [log_line(f'10.0.0.7 "{verb} /v1/orders HTTP/1.1" status: 500 len: 12') for verb in ("GET", "POST")]
    assert len(fold(lines)) == 2


def test_where_to_mask_is_shared_by_lines_that_differ_in_digits_and_their_words_are_not() -> None:
    lines = [log_line(f"a{n}b c{n}d e{n}f took {n}2 ms at 0x{n}f") for n in (1, 2)]
    assert {one.template for one in fold(lines)} == {mask(line.template) for line in lines}
