"""The feature table equals a brute-force recomputation."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.features.conftest import CUTOFFS, RETENTION
from tests.features.oracle import oracle, second_hop

CUSTOMERS = [f"k{number:03d}" for number in (0, 1, 2, *range(3, 60, 4))]

# Gaps between orders are exact numbers of three decimals, so that sums do not depend on row order.
ROUNDED = ("gap", "recency", "overdue", "case_days")


@pytest.mark.parametrize("cutoff", CUTOFFS, ids=str)
def test_every_column_equals_the_oracle(
    store: dict[str, pd.DataFrame], frame: pd.DataFrame, cutoff: pd.Timestamp
) -> None:
    for customer in CUSTOMERS:
        expected = oracle(store, customer, cutoff, RETENTION)
        found = frame.loc[(customer, cutoff)]
        _assert_equal(expected, found, f"{customer} at {cutoff}")


def test_the_second_hop_equals_the_oracle(
    store: dict[str, pd.DataFrame], frame: pd.DataFrame
) -> None:
    cutoff = CUTOFFS[1]
    for customer in CUSTOMERS[::4]:
        expected = second_hop(store, customer, cutoff, RETENTION)
        _assert_equal(expected, frame.loc[(customer, cutoff)], customer)


def test_the_oracle_knows_every_column(store: dict[str, pd.DataFrame], frame: pd.DataFrame) -> None:
    cutoff = CUTOFFS[1]
    expected = oracle(store, "k007", cutoff, RETENTION)
    expected |= second_hop(store, "k007", cutoff, RETENTION)
    assert set(frame.columns) == set(expected)


def _assert_equal(expected: dict[str, object], found: pd.Series, where: str) -> None:
    for name, value in expected.items():
        got = found[name]
        what = f"{name} of {where}: expected {value}, found {got}"
        if value is None:
            assert pd.isna(got), what
        elif isinstance(value, str):
            assert got == value, what
        else:
            loose = 3e-3 if any(part in name for part in ROUNDED) else 2e-6
            assert math.isclose(got, float(value), rel_tol=loose, abs_tol=loose), what  # type: ignore[arg-type]
