"""A first export has many faults at once: `neigung check` names them all, the worst first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Shop

FAULTS = {
    "an order years ahead": "2099-12-31",
    "two currencies": "currency",
    "a file that is not read": "consents.xlsx",
    "one id for many": "'guest'",
    "ids that differ by case": "A17",
    "ids written as floats": "fraction of zeros",
    "words for nothing": "'NULL'",
    "goods sent back below zero": "returns: all 200",
    "rows that stand twice": "equal another row",
    "no row for weeks": "no row on the",
    "order numbers that start again": "days apart",
    "customers without a date": "without occurred_at",
}


@pytest.fixture
def first_export(shop: Shop) -> Path:
    """Three hundred customers of a year, and a dozen faults."""
    rng = np.random.default_rng(0)
    n = 3000
    days = np.sort(rng.integers(0, 365, n))
    days = days[(days < 150) | (days > 185)]
    n = len(days)
    lines = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 300, n).astype(str),
            "order_id": np.arange(n).astype(str),
            "occurred_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(days, unit="D"),
            "net_value": rng.gamma(2, 15, n).round(2),
            "currency": np.where(rng.random(n) < 0.1, "CHF", "EUR"),
            "voucher_code": np.where(rng.random(n) < 0.2, "SPRING", "NULL"),
        }
    )
    lines.loc[lines.index % 3 == 0, "customer_id"] = "guest"
    lines.loc[[5, 6], "customer_id"] = ["A17", "a17"]
    lines.loc[lines.index[-40:], "order_id"] = [str(i % 4) for i in range(40)]
    lines.loc[lines.index[-40:], "customer_id"] = "12"
    lines.loc[lines.index[-40:], "occurred_at"] = pd.date_range("2023-01-02", periods=40, freq="9D")
    lines = pd.concat([lines, lines.iloc[:50]])
    lines.loc[len(lines)] = ["7", "late", pd.Timestamp("2099-12-31"), 9.9, "EUR", "NULL"]
    shop.write({})
    folder = shop.folder / "profiles"
    (folder / "order_lines").mkdir(parents=True)
    lines.iloc[:1500].to_csv(folder / "order_lines" / "1.csv", index=False)
    ids = lines.customer_id.where(~lines.customer_id.str.isdigit(), lines.customer_id + ".0")
    rest = lines.assign(customer_id=ids).iloc[1500:]
    rest.to_csv(folder / "order_lines" / "2.csv", index=False)
    back = lines.iloc[:200].assign(value=-lines.net_value.iloc[:200])
    back[["customer_id", "order_id", "occurred_at", "value"]].to_parquet(folder / "returns.parquet")
    people = pd.DataFrame({"customer_id": [str(i) for i in range(1, 300)], "age": 40})
    people.to_parquet(folder / "customers.parquet")
    (folder / "consents.xlsx").write_bytes(b"PK")
    return folder


def test_all_are_named_in_one_screen(first_export: Path, shop: Shop) -> None:
    ended = shop.run("check", str(first_export))
    told = ended.out + ended.err
    assert ended.code == 2
    assert [fault for fault, words in FAULTS.items() if words not in told] == []
    assert len(told.splitlines()) <= 30
    severities = [line.split()[0] for line in ended.out.splitlines() if line[:1].islower()]
    order = ["refused", "bad", "warn", "mended", "ok"]
    found = [order.index(one) for one in severities if one in order]
    assert found == sorted(found)
