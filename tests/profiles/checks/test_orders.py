"""Order ids that stand for several orders, and amounts that stand several times."""

from __future__ import annotations

import pandas as pd
import pytest

from neigung.profiles.quality import check
from neigung.profiles.store import Profiles
from tests.stores import small_store


def said(rows: list[tuple[object, ...]], *words: str) -> list[str]:
    names = ["customer_id", "order_id", "occurred_at", "net_value", "product_id"]
    frame = pd.DataFrame(rows, columns=names[: len(rows[0])])
    findings = check(Profiles.from_tables({"order_lines": frame})).findings
    return [one.text for one in findings if all(word in one.text for word in words)]


def test_numbers_that_start_again() -> None:
    rows = [
        ("1", "17", "2023-03-10", 10.0),
        ("1", "17", "2024-02-20", 30.0),
        ("1", "18", "2023-06-01", 5.0),
        ("2", "17", "2024-01-05", 7.0),
    ]
    [text] = said(rows, "days apart")  # type: ignore[arg-type]
    assert "1 of 3 orders (33.3%)" in text
    assert "customer 1, order 17, 2023-03-10 and 2024-02-20" in text
    assert "make order_id unique" in text
    assert said(rows, "several customers") == []  # type: ignore[arg-type]


def test_a_part_that_ships_late_is_no_fault() -> None:
    rows = [("1", "17", "2023-03-10", 10.0), ("1", "17", "2023-05-01", 30.0)]
    assert said(rows, "days apart") == []  # type: ignore[arg-type]


def test_an_order_of_two_customers() -> None:
    rows = [
        ("1", "17", "2023-03-10 10:00", 10.0),
        ("2", "17", "2023-03-10 10:00", 30.0),
        ("3", "17", "2023-03-11 10:00", 30.0),
    ]
    [text] = said(rows, "several customers")  # type: ignore[arg-type]
    assert "order 17 of 2023-03-10 10:00 to 1 and 2" in text


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([(30, 30), (45, 45), (12, 12)], 1),
        ([(30, 10), (45, 5), (12, 12)], 0),
        ([(30, 30)] * 30, 0),  # a shop of one price
    ],
)
def test_a_total_on_each_line(amounts: list[tuple[float, float]], expected: int) -> None:
    rows = [
        ("1", f"o{number}", f"2024-01-{number + 1:02d}", net, product)
        for number, pair in enumerate(amounts)
        for net, product in zip(pair, "ab", strict=True)
    ]
    assert len(said(rows, "same net_value")) == expected  # type: ignore[arg-type]


def test_a_tidy_store_is_quiet() -> None:
    findings = check(Profiles.from_tables(small_store())).findings
    words = ("days apart", "several customers", "same net_value", "was sent back", "have a time in")
    assert not [one.text for one in findings if any(word in one.text for word in words)]
