import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neigung.explanation.contributions import Contributions
from neigung.explanation.reasons import facts, reasons, strongest
from neigung.explanation.values import value_text
from neigung.features.feature import Column


def frame(**values) -> pd.DataFrame:
    full = {
        "days_since_last_order": 41.0,
        "order_gap_median": 12.0,
        "order_count_30d": 3.0,
        "order_count_90d": 8.0,
        "discount_share": 0.35,
        "last_channel": "web",
    }
    return pd.DataFrame({name: [value] for name, value in (full | values).items()})


def texts(found) -> list[tuple[str, str]]:
    return [(reason.text_en, reason.text_de) for reason in found[0]]


@pytest.mark.parametrize(
    ("values", "english", "german"),
    [
        (
            {},
            "Last order 41 days ago, usually every 12 days",
            "Letzte Bestellung vor 41 Tagen, sonst alle 12 Tage",
        ),
        (
            {"days_since_last_order": 1.0, "order_gap_median": 1.0},
            "Last order 1 day ago, usually every day",
            "Letzte Bestellung vor 1 Tag, sonst jeden Tag",
        ),
        (
            {"days_since_last_order": 0.0, "order_gap_median": 0.0},
            "Last order less than a day ago, usually several times a day",
            "Letzte Bestellung vor weniger als einem Tag, sonst mehrmals am Tag",
        ),
        (
            {"days_since_last_order": 3.46, "order_gap_median": 1234.0},
            "Last order 3.5 days ago, usually every 1,234 days",
            "Letzte Bestellung vor 3,5 Tagen, sonst alle 1.234 Tage",
        ),
        # Only one order: no gap to tell of.
        ({"order_gap_median": np.nan}, "Last order 41 days ago", "Letzte Bestellung vor 41 Tagen"),
        (
            {"days_since_last_order": np.nan},
            "Days since the last order: unknown",
            "Tage seit der letzten Bestellung: unbekannt",
        ),
    ],
)
def test_recency(one_row, values, english, german):
    found = reasons(one_row(days_since_last_order=-0.7), frame(**values))
    assert texts(found) == [(english, german)]


def test_template_of_an_absent_column(one_row):
    X = frame().drop(columns="order_gap_median")
    found = reasons(one_row(days_since_last_order=-0.7), X)
    assert texts(found)[0][0] == "Last order 41 days ago"


def test_first_clause_missing_gives_the_plain_text():
    column = Column(
        *("trend", "trend", None, "ratio", "", "number", "Trend", "Trend"),
        *("{nowhere} now, {value} before", "{nowhere} jetzt, {value} vorher"),
    )
    given_values = Contributions(np.array([[1.0]]), 0.0, (column,), np.array([1.0]))
    found = reasons(given_values, pd.DataFrame({"trend": [1.83]}))
    assert texts(found) == [("Trend: 1.8", "Trend: 1,8")]


def test_plain_text_says_the_unit_once(one_row):
    found = reasons(one_row(order_gap_median=0.5, order_count_30d=0.4), frame())
    english, german = zip(*texts(found), strict=True)
    assert english == (
        "Median of the days between two orders: 12",
        "Number of orders in the last 30 days: 3",
    )
    assert german == (
        "Median der Tage zwischen zwei Bestellungen: 12",
        "Anzahl der Bestellungen in den letzten 30 Tagen: 3",
    )


def test_strongest_first_and_one_per_feature(one_row):
    given_values = one_row(
        order_count_30d=-0.2, order_count_90d=0.9, discount_share=-0.5, last_channel=0.1
    )
    found = reasons(given_values, frame(), k=3)[0]
    assert [reason.feature for reason in found] == [
        *("order_count_90d", "discount_share", "last_channel")
    ]
    assert [reason.contribution for reason in found] == [0.9, -0.5, 0.1]
    assert [reason.value for reason in found] == [8.0, 0.35, "web"]
    assert found[1].text("de") == "35 % durch Rabatte gespart"
    assert found[1].text("en") == "35% saved through discounts"


def test_zero_contributions_are_no_reasons(one_row):
    assert reasons(one_row(), frame()) == [[]]


@pytest.mark.parametrize(
    "value", ["{days}", "{value}", "{0.__class__}", "<b>x</b>", "%s", "unknown"]
)
def test_hostile_categories_stay_as_they_are(one_row, value):
    found = reasons(one_row(last_channel=1.0), frame(last_channel=value))
    assert texts(found) == [
        (f"Channel of the last order: “{value}”", f"Kanal der letzten Bestellung: „{value}“")
    ]


def test_quoted_category_is_not_quoted_twice():
    column = Column(
        *("channel", "channel", None, "category", "", "category", "Channel", "Kanal"),
        *("Through “{value}”", "Über „{value}“"),
    )
    given_values = Contributions(np.array([[1.0], [1.0]]), 0.0, (column,), np.ones(2))
    X = pd.DataFrame({"channel": pd.Categorical(["unknown", None])})
    first, second = reasons(given_values, X)
    assert first[0].text_en == "Through “unknown”"
    assert second[0].text_en == "Channel: unknown"
    assert second[0].value is None


def test_many_rows_keep_their_order(one_row, monkeypatch):
    monkeypatch.setattr("neigung.explanation.reasons._ROWS_AT_ONCE", 2)
    one = one_row(days_since_last_order=-1.0)
    many = Contributions(
        np.repeat(one.values, 5, axis=0), one.base, one.columns, np.repeat(one.margin, 5)
    )
    X = pd.concat([frame(days_since_last_order=float(day)) for day in range(2, 7)])
    found = [row[0].text_en.partition(",")[0] for row in reasons(many, X)]
    assert found == [f"Last order {day} days ago" for day in range(2, 7)]


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (1234.5, "currency", "1,234.50", "1.234,50"),
        (-0.001, "currency", "0.00", "0,00"),
        (12345.0, "points", "12,345 points", "12.345 Punkte"),
        (1.0, "orders", "1 order", "1 Bestellung"),
        (2.0, "orders", "2 orders", "2 Bestellungen"),
        (0.0, "days", "0 days", "0 Tage"),
        (1.8, "ratio", "1.8", "1,8"),
        (0.25, "ratio", "0.25", "0,25"),
        (0.0, "share", "0%", "0 %"),
        (0.0001, "share", "under 0.1%", "unter 0,1 %"),
        (0.034, "share", "3.4%", "3,4 %"),
        (0.999, "share", "100%", "100 %"),
        (9.97, "days", "10 days", "10 Tage"),
        (None, "share", "unknown", "unbekannt"),
        (float("inf"), "ratio", "unknown", "unbekannt"),
    ],
)
def test_values(value, unit, english, german):
    assert (value_text(value, unit), value_text(value, unit, "de")) == (english, german)


@given(
    st.floats(-1e15, 1e15) | st.sampled_from([float("nan"), float("-inf")]),
    st.sampled_from(["days", "share", "currency", "ratio", "count", "orders"]),
    st.sampled_from(["plain", "dative", "ago", "every", "every_capital"]),
)
def test_any_number_can_be_written(value, unit, case):
    for language in ("en", "de"):
        text = value_text(value, unit, language, case)
        assert text
        assert "nan" not in text
        assert "inf" not in text


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.integers(1, 4))
def test_strongest_against_a_loop(values, k):
    names = ["a", "b", "a", "c"]
    best = {}
    for j, size in enumerate(values):
        if abs(size) > abs(values[best[names[j]]] if names[j] in best else 0):
            best[names[j]] = j
    wanted = sorted((abs(values[j]) for j in best.values()), reverse=True)[:k]
    [found] = strongest(np.array([values]), names, k)
    assert [abs(values[j]) for j in found if j >= 0] == wanted


def test_same_sentence_is_one_fact():
    def column(name, sentence):
        return Column(name, name, None, "days", "", "number", name, name, sentence, sentence)

    told = [column("a", "{value} and {b}"), column("c", "{a} and {b}"), column("d", "{value}")]
    assert facts(told) == ["a", "a", "d"]
