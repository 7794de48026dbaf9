"""Attributes that were written after their rows count as known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from neigung.profiles.hindsight import hindsight
from neigung.profiles.quality import check
from neigung.profiles.store import Profiles

DAY = pd.Timedelta(days=1)


def lines(customers: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for number in range(customers):
        for order in range(int(rng.integers(1, 9))):
            at = pd.Timestamp("2024-01-01") + DAY * float(rng.uniform(0, 400))
            rows.append((f"c{number}", f"{number}-{order}", at, round(float(rng.gamma(2, 20)), 2)))
    return pd.DataFrame(rows, columns=["customer_id", "order_id", "occurred_at", "net_value"])


LINES = lines()
OF = LINES.groupby("customer_id")
LAST, FIRST, COUNT = OF["occurred_at"].max(), OF["occurred_at"].min(), OF["order_id"].nunique()
END = LINES["occurred_at"].max()
RNG = np.random.default_rng(2)
NOISE = pd.Series(RNG.normal(0, 1, len(COUNT)), COUNT.index)


def found(values: Any, **more: Any) -> list[str]:
    customers = pd.DataFrame({"mine": values, **more}).rename_axis("customer_id").reset_index()
    profiles = Profiles.from_tables({"order_lines": LINES, "customers": customers})
    return [one.what for one in hindsight(profiles.tables)]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (COUNT, "the number of all orders"),
        (OF["net_value"].sum().round(2), "the sum of all orders"),
        (OF["net_value"].sum() * 1.19 + 0.1 * NOISE, "what follows the sum of all orders"),
        ((END - LAST) / DAY, "what follows the day of the customer's last order"),
        (LAST.dt.floor("D"), "the day of the customer's last order"),
        (LAST.dt.date, "the day of the customer's last order"),
        ((LAST - 3 * DAY).where(LAST - 3 * DAY > FIRST), "a later day"),
    ],
)
def test_what_only_came_later_is_found(values: Any, what: str) -> None:
    [said] = found(values)
    assert said.startswith(what)


@pytest.mark.parametrize(
    "values",
    [
        FIRST - 10_000 * DAY,  # birthdays
        FIRST,
        END + 30 * DAY + (LAST - FIRST),  # the end of a subscription
        (30 + 10 * NOISE).round(),  # an age
        pd.Series("1", COUNT.index),
        pd.Series(1.0, COUNT.index),
        pd.Series(np.nan, COUNT.index),
    ],
)
def test_what_is_known_before_is_not(values: Any) -> None:
    assert found(values) == []


def test_a_row_that_was_recorded_after_the_last_order_may_hold_it() -> None:
    assert found(COUNT, occurred_at=LAST + DAY) == []
    assert found(COUNT, occurred_at=FIRST) == ["the number of all orders of the customer"]


def test_check_names_the_attribute_with_an_example() -> None:
    customers = pd.DataFrame({"orders_total": COUNT}).reset_index()
    profiles = Profiles.from_tables({"order_lines": LINES, "customers": customers})
    [text] = [one.text for one in check(profiles).findings if "orders_total" in one.text]
    assert "holds the number of all orders of the customer in 100%" in text
    assert "such as" in text
    assert "Give the rows occurred_at" in text
    assert " c0" not in text
