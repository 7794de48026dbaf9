from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neigung.explanation.contributions import Contributions
from neigung.explanation.reasons import ReasonWriter, _largest, facts, reasons
from neigung.features.feature import Column
from neigung.language.values import value_text
from tests.report.conftest import COLUMNS


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


def test_strongest_first_and_one_fact_is_told_once(one_row):
    given_values = one_row(
        order_count_30d=-0.2, order_count_90d=0.9, discount_share=-0.5, last_channel=0.1
    )
    found = reasons(given_values, frame(), k=3)[0]
    assert [reason.feature for reason in found] == [
        *("order_count_90d", "discount_share", "last_channel")
    ]
    # What its columns add up to, so that all reasons add up to the prediction.
    assert [reason.contribution for reason in found] == [0.9 - 0.2, -0.5, 0.1]
    assert [reason.value for reason in found] == [8.0, 0.35, "web"]
    assert found[1].text("de") == "35 % durch Rabatte gespart"
    assert found[1].text("en") == "35% saved through discounts"


def test_a_fact_is_told_by_the_column_that_moves_most_its_way(one_row):
    # The largest move goes up, but the fact as a whole goes down.
    writer = ReasonWriter([replace(column, fact="all") for column in COLUMNS])
    [[reason]] = writer.write(np.array([[-0.2, -0.3, 0.45, 0.0, 0.0, 0.0]]), frame())
    assert (reason.feature, round(reason.contribution, 12)) == ("order_gap_median", -0.05)
    # The same where some are left after others have cancelled out.
    given_values = one_row(order_count_30d=0.5, order_count_90d=-0.4, discount_share=0.2)
    first, second = reasons(given_values, frame())[0]
    assert first.feature == "discount_share"
    assert (second.feature, round(second.contribution, 12)) == ("order_count_30d", 0.1)


def test_facts_across_features_and_those_that_cancel_out(one_row):
    columns = [replace(c, fact="rhythm" if c.unit == "days" else None) for c in COLUMNS]
    writer = ReasonWriter(columns)
    values = np.array([[0.1, 0.2, -0.25, 0.25, 0.0, 0.0], [0.1, -0.3, 0.1, 0.2, 0.1 + 0.2, -0.3]])
    X = pd.concat([frame(), frame()])
    first, second = writer.write(values, X, k=9)
    assert [(one.feature, round(one.contribution, 9)) for one in first] == [
        ("order_gap_median", 0.3)
    ]
    values[1, 4:] = [0.1 + 0.2 - 0.3, 0.0]  # 5.6e-17, which is nothing
    [_, second] = writer.write(values, X, k=9)
    assert [one.feature for one in second] == ["order_count_90d", "order_gap_median"]


def test_what_is_usual_stands_behind_the_customers_value(one_row):
    usual = {"days_since_last_order": 9.0, "last_channel": "app", "discount_share": None}
    given_values = replace(
        one_row(days_since_last_order=-0.7, last_channel=0.2, discount_share=0.1), usual=usual
    )
    told = texts(reasons(given_values, frame()))
    assert told == [
        (
            "Last order 41 days ago (typical: 9 days), usually every 12 days",
            "Letzte Bestellung vor 41 Tagen (typisch: 9 Tage), sonst alle 12 Tage",
        ),
        (
            "Channel of the last order: “web” (most often: “app”)",
            "Kanal der letzten Bestellung: „web“ (am häufigsten: „app“)",
        ),
        ("35% saved through discounts", "35 % durch Rabatte gespart"),
    ]
    told = texts(reasons(given_values, frame(days_since_last_order=9.04, last_channel="app")))
    assert told[0][0] == "Last order 9 days ago (typical), usually every 12 days"
    assert told[1] == (
        "Channel of the last order: “app” (the most common)",
        "Kanal der letzten Bestellung: „app“ (am häufigsten)",
    )
    told = texts(reasons(given_values, frame(days_since_last_order=np.nan, last_channel=None)))
    assert told[0][0] == "Days since the last order: unknown"
    assert told[1][0] == "Channel of the last order: unknown"


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
        (0.8, "ratio", "0.8", "0,8"),
        (9.0, "clock", "9:00", "9:00"),
        (23.999, "clock", "0:00", "0:00"),
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
    st.sampled_from(["days", "share", "currency", "ratio", "count", "orders", "clock"]),
    st.sampled_from(["plain", "dative", "ago", "every", "every_capital", "times", "times_as"]),
)
def test_any_number_can_be_written(value, unit, case):
    for language in ("en", "de"):
        text = value_text(value, unit, language, case)
        assert text
        assert "nan" not in text
        assert "inf" not in text


@given(
    st.lists(st.lists(st.integers(-9, 9), min_size=6, max_size=6), min_size=1, max_size=4),
    st.integers(0, 7),
)
def test_strongest_against_a_loop(rows, k):
    told = facts(COLUMNS)
    writer = ReasonWriter(COLUMNS)
    X = pd.concat([frame()] * len(rows))
    for row, found in zip(rows, writer.write(np.array(rows, dtype=float), X, k), strict=True):
        sums = {fact: sum(v for v, f in zip(row, told, strict=True) if f == fact) for fact in told}
        wanted = sorted((abs(size) for size in sums.values() if size), reverse=True)[:k]
        assert [abs(one.contribution) for one in found] == wanted
        for one in found:
            j = [column.name for column in COLUMNS].index(one.feature)
            assert one.contribution == sums[told[j]]
            sign = np.sign(one.contribution)
            others = [sign * v for v, f in zip(row, told, strict=True) if f == told[j]]
            assert sign * row[j] == max(others) > 0


def test_an_artefact_from_before_there_were_facts_is_told_by_its_features():
    assert [column.fact for column in COLUMNS] == [None] * len(COLUMNS)
    assert facts(COLUMNS) == [column.feature for column in COLUMNS]


def test_same_sentence_is_one_fact():
    def column(name, sentence):
        return Column(name, name, None, "days", "", "number", name, name, sentence, sentence)

    told = [column("a", "{value} and {b}"), column("c", "{a} and {b}"), column("d", "{value}")]
    assert facts(told) == ["a", "a", "d"]


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=12, max_size=12), min_size=1, max_size=5),
    st.integers(0, 14),
)
def test_the_largest_as_a_stable_sort_finds_them(rows, k):
    sizes = np.array(rows, dtype=float)
    wanted = np.argsort(-sizes, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(_largest(sizes, k), wanted)
