"""Numbers read as they did when each room wrote its own, in both languages."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np
import pandas as pd
import pytest

from neigung.language import STORED, numbers, units
from tests.language import before
from tests.language.pseudo import PSEUDO

GRID = [
    *itertools.chain.from_iterable(
        (sign * mantissa * 10.0**power for sign in (1, -1))
        for mantissa in (0, 1, 1.25, 4.95, 4.96, 5.55, 9.949, 9.95, 9.99, 0.5)
        for power in range(-6, 8)
    ),
    math.nan, math.inf, -math.inf, 1 / 3, 0.0005, 0.005, 0.995, 0.9995, 12345.5,
]  # fmt: skip
DAYS = ["2017-12-25T00:00:00", dt.date(2025, 1, 2), dt.datetime(1999, 12, 31, 23, 59),
        pd.Timestamp("2024-02-29 12:00"), np.datetime64("2026-03-01T00:00:00")]  # fmt: skip


@pytest.mark.parametrize("language", STORED)
@pytest.mark.parametrize("places", range(5))
def test_numbers(language: str, places: int) -> None:
    for value in GRID:
        assert numbers.number_text(value, places, language) == before.number(
            value, places, language
        )
        assert numbers.share_text(value, language, places) == before.share(value, language, places)
        for sign in ("", "+"):
            text = numbers.signed_text(value, places, language, sign, ",")
            assert text == before.signed(value, places, language, sign)
            three = numbers.signed_text(value, 3, language, sign)
            assert three == before.metric(value, language, sign)


@pytest.mark.parametrize("language", STORED)
def test_shares_money_counts_and_days(language: str) -> None:
    for value in GRID:
        assert units.percent_text(value, language) == before.percent(value, language)
        assert units.money_text(value, language) == before.money(value, language)
        assert numbers.localised(f"{value:.2f}", language) == before.two(value, language)
        if math.isfinite(value):
            assert numbers.count_text(value, language) == before.number(value, 0, language)
            whole = int(value)
            assert numbers.count_text(whole, language) == before.whole(whole, language)
    for day in DAYS:
        assert numbers.date_text(day, language) == before.day(day, language)


@pytest.mark.parametrize("language", STORED)
@pytest.mark.parametrize("unit", ["log_odds", "points", "money"])
def test_units(language: str, unit: units.Unit) -> None:
    for value in GRID:
        assert units.effect_text(value, unit, language) == before.effect(value, unit, language)
        for places in range(4):
            now = units.amount(value, unit, places, language)
            assert now == before.amount(value, unit, places, language)
    for arm in ("10%", "7.5 %", " 2,5% ", "push", "none", "10 % off", "12.50%"):
        assert units.arm_text(arm, language) == before.arm(arm, language)


def test_other_languages_have_their_own_signs(pseudo: object) -> None:
    assert numbers.localised("1,234.5", PSEUDO) == "1\N{NARROW NO-BREAK SPACE}234,5"
    # What Babel does not know is written as in English; some put the sign before the number.
    assert numbers.localised("12.5%", "tlh") == "12.5%"
    assert numbers.localised("12.5%", "tr") == "%12,5"
    assert numbers.date_text("2025-05-12", "fr") == "12 mai 2025"
    assert numbers.list_text(["a"], "de") == "a"
