"""In which money amounts are, and cents beside units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.quality import check, require_sound
from neigung.profiles.store import Profiles


@pytest.fixture
def lines() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = 600
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 90, rows).astype(str),
            "order_id": [f"o{row}" for row in range(rows)],
            "occurred_at": pd.date_range("2025-01-01", periods=rows, freq="7h"),
            "net_value": rng.gamma(2, 15, rows).round(2) + 0.01,
            "channel": rng.choice(["web", "store"], rows),
        }
    )


def found(lines: pd.DataFrame, severity: str = "bad") -> list[str]:
    report = check(Profiles.from_tables({"order_lines": lines}))
    return [one.text for one in report.findings if one.severity == severity]


def cents(lines: pd.DataFrame, where: pd.Series) -> pd.DataFrame:
    amounts = lines["net_value"]
    return lines.assign(net_value=amounts.where(~where, (amounts * 100).round()))


def test_two_currencies_are_refused(lines: pd.DataFrame) -> None:
    codes = ["EUR"] * 400 + ["USD"] * 150 + ["eur "] * 50
    profiles = Profiles.from_tables({"order_lines": lines.assign(currency=codes)})
    with pytest.raises(ProfileError, match=r"has 2: EUR \(450 rows\), USD \(150 rows\).*Convert"):
        require_sound(profiles)
    assert check(profiles).findings[0].severity == "refused"


def test_returns_in_another_currency_are_refused(lines: pd.DataFrame) -> None:
    returns = lines.head(9).assign(value=1.0, Currency="CHF")
    profiles = Profiles.from_tables(
        {"order_lines": lines.assign(currency="EUR"), "returns": returns}
    )
    with pytest.raises(ProfileError, match=r"EUR \(600 rows\), CHF \(9 rows\)"):
        require_sound(profiles)


@pytest.mark.parametrize(
    "codes", ["EUR", ["€"] * 300 + ["EUR"] * 300, [None] * 300 + ["EUR"] * 300]
)
def test_one_currency_is_told(lines: pd.DataFrame, codes: object) -> None:
    [text] = [t for t in found(lines.assign(currency=codes), "ok") if "Amounts count" in t]
    assert "in EUR" in text
    assert "VAT and shipping" in text
    require_sound(Profiles.from_tables({"order_lines": lines.assign(currency=codes)}))


@pytest.mark.parametrize("by", ["month", "channel", "row"])
def test_cents_beside_units(lines: pd.DataFrame, by: str) -> None:
    where = {
        "month": lines["occurred_at"] >= "2025-05-01",
        "channel": lines["channel"] == "store",
        "row": pd.Series(np.arange(len(lines)) % 3 == 0),
    }[by]
    [text] = [text for text in found(cents(lines, where)) if "cents" in text]
    if by != "row":  # else some amounts in units are whole, too
        assert f"{where.sum():,} of 600 rows" in text
    assert "divide them by 100" in text


def test_no_noise(lines: pd.DataFrame) -> None:
    assert not any("cents" in text for text in found(lines))
    whole = lines.assign(net_value=lines["net_value"].round() + 1)
    assert not any("cents" in text for text in found(whole))
    dear = lines["channel"] == "store"  # a channel of dear goods at round prices
    prices = lines["net_value"].where(~dear, (lines["net_value"] * 10).round())
    assert not any("cents" in text for text in found(lines.assign(net_value=prices)))
    free = lines.assign(net_value=lines["net_value"].where(~dear, 0))
    assert not any("cents" in text for text in found(free))
