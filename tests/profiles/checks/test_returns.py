"""What was sent back has one sign, and is no more than was bought."""

from __future__ import annotations

import pandas as pd
import pytest

from neigung.errors import ProfileError
from neigung.profiles.quality import check, require_sound
from neigung.profiles.store import Profiles


def store(*values: float) -> Profiles:
    count = len(values)
    frame = pd.DataFrame({"customer_id": [f"c{n}" for n in range(count)], "order_id": range(count)})
    lines = frame.assign(occurred_at="2024-01-05", net_value=100.0)
    returns = frame.assign(occurred_at="2024-01-15", value=values)
    return Profiles.from_tables({"order_lines": lines, "returns": returns})


def test_returns_booked_below_zero_are_mended_and_told() -> None:
    profiles = store(-40, -10, 0)
    assert sorted(map(float, profiles.table("returns").value.to_list())) == [0, 10, 40]
    assert [one.severity for one in profiles.said if "below zero" in one.text] == ["mended"]
    require_sound(profiles)


def test_returns_of_both_signs() -> None:
    profiles = store(-40, 50)
    [finding] = [one for one in check(profiles).findings if "below zero" in one.text]
    assert finding.severity == "refused"
    assert "1 of 2 rows (50.0%)" in finding.text
    assert "customer c0, order 0, -40.00" in finding.text
    with pytest.raises(ProfileError, match="below zero"):
        require_sound(profiles)
    few = store(-40, *[50] * 30)
    require_sound(few)
    [finding] = [one for one in check(few).findings if "below zero" in one.text]
    assert finding.severity == "warn"


def test_more_sent_back_than_bought() -> None:
    [finding] = [one for one in check(store(40, 150)).findings if "was sent back" in one.text]
    assert finding.severity == "warn"
    assert "1 of 2 orders" in finding.text
    assert "customer c1, order 1: 150.00 of 100.00" in finding.text
