"""Ids that are alike, ids that stand for many, and ids that no other table knows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neigung.profiles.quality import check
from neigung.profiles.store import Profiles


def lines(ids: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": ids,
            "order_id": [f"o{row}" for row in range(len(ids))],
            "occurred_at": pd.date_range("2025-01-01", periods=len(ids), freq="h"),
            "net_value": 9.5,
        }
    )


def found(severity: str, **tables: pd.DataFrame) -> list[str]:
    report = check(Profiles.from_tables(tables))
    return [one.text for one in report.findings if one.severity == severity]


@pytest.mark.parametrize(
    ("one", "other"), [("C7", "c7"), ("007", "7"), ("Kunde", "kunde"), ("00000", "0")]
)
def test_ids_that_differ_by_case_or_zeros_alone(one: str, other: str) -> None:
    texts = found("warn", order_lines=lines([one, other, other, "x"]))
    assert any("2 of 3 customer_ids differ from another" in text for text in texts)
    assert any(repr(one) in text and repr(other) in text for text in texts)


def test_ids_that_are_not_alike() -> None:
    texts = found("warn", order_lines=lines(["A1", "B1", "0", "10", "100"]))
    assert not any("differ from another" in text for text in texts)


@pytest.mark.parametrize("dated", [True, False])
def test_leading_zeros_lost_in_the_customers(dated: bool) -> None:
    customers = pd.DataFrame({"customer_id": range(5), "age": 40.0})
    customers = customers.assign(occurred_at="2024-01-01") if dated else customers
    texts = found("bad", order_lines=lines([f"{n:05}" for n in range(5)]), customers=customers)
    assert any(
        "5 of these ids are there in other case or with other leading zeros, such as '0' here and "
        "'00000' there" in text
        for text in texts
    )


def test_leading_zeros_lost_in_the_order_ids_of_returns() -> None:
    orders = lines(["1", "2"]).assign(order_id=["0001", "0002"])
    returns = pd.DataFrame(
        {"customer_id": ["1"], "order_id": [1], "occurred_at": "2025-01-02", "value": 1.0}
    )
    assert any(
        "'1' here and '0001' there" in t for t in found("warn", order_lines=orders, returns=returns)
    )


@pytest.mark.parametrize("stand_in", ["guest", "0", "k0"])
def test_one_id_with_a_third_of_all_orders(stand_in: str) -> None:
    many = [f"k{row % 200}" for row in range(400)] + [stand_in] * 200
    [text, *_] = found("bad", order_lines=lines(many))
    assert f"belong to the one customer_id {stand_in!r}" in text


def test_a_stand_in_with_fewer() -> None:
    many = [f"k{row % 500}" for row in range(1_000)] + ["Guest"] * 30
    assert any("'Guest'" in text for text in found("bad", order_lines=lines(many)))


@pytest.mark.parametrize(
    "ids",
    [
        ["a"] * 50 + ["b", "c", "d", "e"],  # five customers
        [f"k{row % 100}" for row in range(1_000)] + ["k1"] * 80,  # a good customer
        [str(row % 100) for row in range(1_000)],  # one is called 0
    ],
    ids=["few", "good", "zero"],
)
def test_no_noise(ids: list[str]) -> None:
    assert not any("the one customer_id" in text for text in found("bad", order_lines=lines(ids)))


def test_ids_that_a_spreadsheet_cut_short() -> None:
    texts = found("bad", order_lines=lines(["4.01234E+12", "4.01234E+12", "7E+X"]))
    assert any("cut customer_id short in 2 of 3 rows" in text for text in texts)
