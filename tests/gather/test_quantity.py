from decimal import Decimal

import pytest

from app.domain.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250m", "0.25"),
        ("128Mi", "134217728"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("2E", "2000000000000000000"),
        ("100M", "100000000"),
        ("0.5", "0.5"),
        (".5Gi", "536870912"),
        ("1500000n", "0.0015"),
        ("7u", "0.000007"),
        ("-2k", "-2000"),
        ("3", "3"),
    ],
)
def test_a_quantity_is_read_exactly(text: str, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "many", "1 Mi", "1K", "0x10", "1e", "٣", "1" * 60, None])
def test_what_is_no_quantity_is_none(text: object) -> None:
    assert parse_quantity(text) is None


def test_a_number_counts_as_it_stands() -> None:
    assert parse_quantity(2) == Decimal(2)
