"""Own columns of numbers among which stand a few words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neigung.profiles.store import Profiles


def opened(income: list[Any]) -> Profiles:
    ids = [f"k{row}" for row in range(len(income))]
    lines = pd.DataFrame(
        {"customer_id": ids, "order_id": ids, "occurred_at": "2025-01-01", "net_value": 1.0}
    )
    customers = pd.DataFrame({"customer_id": ids, "occurred_at": "2024-01-01", "income": income})
    return Profiles.from_tables({"order_lines": lines, "customers": customers})


def test_the_words_are_missing_and_this_is_told() -> None:
    profiles = opened([*(f"{number}.5" for number in range(96)), "unknown", "?", "n/a", None])
    income = profiles.table("customers").income
    assert income.type().is_floating()
    assert income.to_pyarrow().to_pylist() == [*(n + 0.5 for n in range(96)), *[None] * 4]
    assert any(
        "income holds numbers, but for 3 of 99 values (3.0%) such as '?'" in one.text
        and one.severity == "mended"
        for one in profiles.said
    )


def test_dates_among_words() -> None:
    days = pd.date_range("2020-01-01", periods=60).astype(str).tolist()
    born = opened([*days, "unknown"]).table("customers").income
    assert born.type().is_timestamp()


@pytest.mark.parametrize(
    "values",
    [
        [str(number % 8) for number in range(99)] + ["X"],  # codes, one of them a letter
        [f"{number:05}" for number in range(60)] + ["x"],  # postcodes
        [f"{number}" for number in range(50)] + ["word"] * 50,
        [str(number) for number in range(60)],  # text on purpose
    ],
    ids=["codes", "postcodes", "half", "all"],
)
def test_what_stays_text(values: list[str]) -> None:
    profiles = opened(values)
    assert profiles.table("customers").income.to_pyarrow().to_pylist() == values


def test_numbers_beside_words_for_nothing() -> None:
    income = opened(["1", "2", "NULL", "3"]).table("customers").income
    assert income.to_pyarrow().to_pylist() == [1, 2, None, 3]


def test_decimal_commas_are_doubted() -> None:
    profiles = opened([f"{number},5" for number in range(60)])
    assert any("income has 60 different texts that look like" in note for note in profiles.notes)
