"""A shop with many empty days has gaps, too: those long beside its own."""

from __future__ import annotations

import pandas as pd
import pytest

from neigung.profiles.quality import check
from neigung.profiles.store import Profiles


def gaps(days: pd.DatetimeIndex) -> list[str]:
    lines = pd.DataFrame({"customer_id": "1", "occurred_at": days, "net_value": 1.0})
    lines["order_id"] = [str(number) for number in range(len(lines))]
    findings = check(Profiles.from_tables({"order_lines": lines})).findings
    return [one.text for one in findings if "no row on the" in one.text]


@pytest.mark.parametrize("every", [1, 3, 7])
def test_a_gap_beside_the_shops_own(every: int) -> None:
    days = pd.date_range("2022-01-01", "2023-12-31", freq=f"{every}D")
    assert gaps(days) == []
    [gap] = gaps(days[(days < "2023-03-01") | (days > "2023-05-01")])
    assert "from 2023-0" in gap
