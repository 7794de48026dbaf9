"""Data end where nearly all rows end, and a shop that rests is no fault."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from neigung.profiles import ends
from neigung.profiles.ends import Day, Ends, ends_of_days
from neigung.profiles.store import Profiles

NOW = dt.datetime(2026, 12, 1)


def days(first: str, last: str, rows: int, every: int = 1) -> list[Day]:
    """So many rows on each of these days, of half as many customers."""
    mornings = pd.date_range(first, last, freq=f"{every}D").to_pydatetime()
    return [Day(morning, morning, rows, (rows + 1) // 2) for morning in mornings]


def day(on: str, rows: int = 1) -> list[Day]:
    return days(on, on, rows)


SHOP = days("2023-01-01", "2024-06-30", 10)
CHRISTMAS = days("2022-11-20", "2022-12-24", 40)
NEXT_CHRISTMAS = days("2023-11-20", "2023-12-24", 40)


def told(found: Ends) -> tuple[str, str, int, int]:
    return f"{found.first:%Y-%m-%d}", f"{found.last:%Y-%m-%d}", found.before, found.behind


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (SHOP, ("2023-01-01", "2024-06-30", 0, 0)),
        ([*SHOP, *day("2024-12-15", 3)], ("2023-01-01", "2024-06-30", 0, 3)),  # one order's lines
        ([*SHOP, *day("2024-12-15"), *day("2034-06-30")], ("2023-01-01", "2024-06-30", 0, 2)),
        ([*day("1970-01-01", 3), *SHOP], ("2023-01-01", "2024-06-30", 3, 0)),
        ([*SHOP, *day("9999-12-31")], ("2023-01-01", "2024-06-30", 0, 1)),
        # a shop that was closed for five months sells as on other days, or is at it just now
        ([*SHOP, *day("2024-12-01", 8)], ("2023-01-01", "2024-12-01", 0, 0)),
        ([*SHOP, *day("2026-11-28")], ("2023-01-01", "2026-11-28", 0, 0)),
        # one that sells in winter only has had such gaps before
        (
            [*CHRISTMAS, *NEXT_CHRISTMAS, *day("2024-11-19", 2)],
            ("2022-11-20", "2024-11-19", 0, 0),
        ),
        ([*CHRISTMAS, *day("2023-11-19", 12)], ("2022-11-20", "2023-11-19", 0, 0)),
        # one that sells on Saturdays
        (days("2022-01-01", "2024-06-22", 200, 7), ("2022-01-01", "2024-06-22", 0, 0)),
        (
            [*days("2022-01-01", "2024-06-22", 200, 7), *day("2024-12-01")],
            ("2022-01-01", "2024-06-22", 0, 1),
        ),
        # of a handful of rows nobody can tell, but for what has not come yet
        (days("2024-01-01", "2024-12-01", 1, 90), ("2024-01-01", "2024-09-27", 0, 0)),
        ([*day("2024-01-01"), *day("2024-02-01"), *day("2099-12-31")],
         ("2024-01-01", "2024-02-01", 0, 1)),
        # days and months exchanged
        (
            [*days("2023-01-01", "2026-11-30", 100), *days("2026-12-05", "2027-11-05", 3, 30)],
            ("2023-01-01", "2026-11-30", 0, 36),
        ),
        # a simulated shop may reach beyond today, or begin after it
        (days("2024-01-01", "2026-12-30", 100), ("2024-01-01", "2026-12-30", 0, 0)),
        (days("2030-01-01", "2031-12-30", 100), ("2030-01-01", "2031-12-30", 0, 0)),
    ],
)  # fmt: skip
def test_where_data_end(rows: list[Day], expected: tuple[str, str, int, int]) -> None:
    assert told(ends_of_days(rows, NOW)) == expected


def lines(*extra: str) -> pd.DataFrame:
    when = [*pd.date_range("2024-01-01", periods=400, freq="12h"), *map(pd.Timestamp, extra)]
    frame = pd.DataFrame({"occurred_at": pd.Series(when, dtype="M8[us]")})
    frame["customer_id"] = [f"c{number % 20}" for number in range(len(frame))]
    return frame.assign(order_id=frame.index.astype(str), net_value=5.0)


def test_a_store_knows_its_ends() -> None:
    profiles = Profiles.from_tables({"order_lines": lines("2024-12-15 10:00")})
    sound, raw = pd.Timestamp("2024-07-18 12:00"), pd.Timestamp("2024-12-15 10:00")
    assert profiles.span()[1] == sound
    assert profiles.span(trusted=True)[1] == raw
    assert (profiles.ends().behind, profiles.ends().ahead) == (1, 0)
    whole = Profiles.from_tables({"order_lines": lines()})
    assert whole.span() == whole.span(trusted=True)


def test_the_clock_decides_what_has_not_come_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "present", lambda: dt.datetime(2024, 7, 1))
    profiles = Profiles.from_tables({"order_lines": lines("2024-08-20")})
    assert profiles.ends().ahead > 0
