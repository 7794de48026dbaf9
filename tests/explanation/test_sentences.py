import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neigung.explanation.reasons import ReasonWriter
from neigung.explanation.sentences import Sentence
from neigung.features.feature import Column
from neigung.language.values import value_text
from neigung.models.rows import Rows
from tests.report.conftest import COLUMNS


def column(name: str, unit: str, english: str | None = None, german: str | None = None) -> Column:
    kind = "category" if unit == "category" else "number"
    return Column(name, name, None, unit, "", kind, f"The {name}", f"{name}", english, german)


GAP, CHANNEL = column("gap", "days"), column("channel", "category")


def sentence(english: str, german: str, unit: str = "orders") -> Sentence:
    own = column("own", unit, english, german)
    return Sentence(own, {one.name: one for one in (own, GAP, CHANNEL)})


def test_languages_may_read_different_columns():
    told = sentence("{value}, every {gap}", "{value}, zuletzt „{channel}“, alle {gap}")
    assert told.names == ("own", "gap", "channel")
    values = [2.0, 7.0, "web"]
    assert told.write(values, "en") == "2 orders, every 7 days"
    assert told.write(values, "de") == "2 Bestellungen, zuletzt „web“, alle 7 Tage"


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_ends_where_a_value_is_missing(missing):
    told = sentence("{value}, every {gap}, lately “{channel}”", "{value}")
    assert told.write([2.0, missing, "web"], "en") == "2 orders"
    assert told.write([missing, 7.0, "web"], "en") == "The own: unknown"
    assert told.write([2.0, 7.0, None], "en") == "2 orders, every 7 days"


def test_needs_its_own_value_even_if_it_does_not_name_it():
    told = sentence("Every {gap}", "Alle {gap}")
    assert told.write([2.0, 7.0], "en") == "Every 7 days"
    assert told.write([None, 7.0], "de") == "own: unbekannt"


@pytest.mark.parametrize(
    ("english", "text"),
    [
        ("{nowhere}, {value}", "The own: 2 orders"),
        ("{value}, {nowhere}, every {gap}", "2 orders"),
        ("Bought before", "Bought before"),
    ],
)
def test_columns_that_do_not_exist(english, text):
    assert sentence(english, "{value}").write([2.0, 7.0], "en") == text


def usual_of(english: str, unit: str, value: float | str, usual: dict, **texts: str) -> str:
    own = replace(column("own", unit, english, "{value}"), **texts)
    columns = {one.name: one for one in (own, GAP, CHANNEL)}
    told = Sentence(own, columns, usual)
    return told.write([value, 7.0] if "gap" in told.names else [value], "en")


@pytest.mark.parametrize(
    ("english", "unit", "value", "usual", "text"),
    [
        ("{value}, then none", "orders", 2.0, 5.0, "2 orders (typical: 5), then none"),
        ("{value}", "orders", 2.0, 0.0, "2 orders (typical: none)"),
        ("{value}", "orders", 0.0, 0.0, "No orders (typical)"),
        ("For {value}", "days", 2.0, 0.2, "For 2 days (typical: less than a day)"),
        ("For {value}", "days", 0.21, 0.2, "For 0.2 days (typical)"),
        ("For {value}", "hours", 2.0, 1.0, "For 2 hours (typical: 1 hour)"),
        ("At {value}", "clock", 9.5, 14.0, "At 9:30 (typical: 14:00)"),
        ("Worth {value}", "currency", 2.0, 0.0, "Worth 2.00 (typical: 0.00)"),
        ("Worth {value}", "currency", 2.004, 2.0, "Worth 2.00 (typical)"),
        ("{value} off", "share", 0.2, 0.0, "20% off (typical: 0%)"),
        ("{value} off", "share", 0.204, 0.2, "20% off (typical)"),
        ("{value} off", "share", 0.21, 0.2, "21% off (typical: 20%)"),
        ("Came {value} times", "count", 3.0, 0.0, "Came 3 times (typical: never)"),
        ("Came {value} times", "count", 1.0, 2.0, "Came once (typical: twice)"),
        ("{value} times as often", "ratio", 1.04, 0.8, "Just as often (typical: 0.8)"),
        (
            "{value} times as often",
            "ratio",
            0.04,
            1.8,
            "Less than a tenth as often (typical: 1.8)",
        ),
        ("By “{value}”", "category", "web", "app", "By “web” (most often: “app”)"),
        ("By “{value}”", "category", "web", "web", "By “web” (the most common)"),
        ("{value}", "orders", 2.0, None, "2 orders"),
        ("{value}", "orders", 2.0, math.nan, "2 orders"),
    ],
)
def test_what_is_usual(english, unit, value, usual, text):
    assert usual_of(english, unit, value, {"own": usual}) == text


@given(
    st.sampled_from(["share", "currency", "clock", "days", "ratio", "count"]),
    st.floats(0, 20) | st.floats(0, 1) | st.integers(0, 3000).map(float),
    st.floats(-1.5, 1.5) | st.floats(-0.1, 0.1) | st.floats(-0.01, 0.01),
)
def test_the_usual_value_is_told_as_such_where_both_are_written_alike(unit, usual, step):
    value = max(0.001, usual + step)
    alike = value_text(value, unit) == value_text(usual, unit)
    assert usual_of("It is {value}", unit, value, {"own": usual}).endswith(" (typical)") == alike


def test_what_is_usual_of_the_first_value_named_where_the_own_one_is_not():
    usual = {"own": 3.0, "gap": 9.0}
    told = usual_of("Orders every {gap}, lately more", "ratio", 1.2, usual)
    assert told == "Orders every 7 days (typical: 9 days), lately more"
    assert usual_of("Bought before", "ratio", 1.2, usual) == "Bought before"
    assert usual_of("After {gap}, in {value}", "share", 0.5, usual) == (
        "After 7 days, in 50% (typical: 300%)"
    )


def test_words_for_nothing_and_for_the_unknown():
    words = {"zero_en": "Nothing saved, {gap} long", "missing_en": "No orders, so nothing saved"}
    usual = {"own": 0.25, "gap": 9.0}
    assert usual_of("{value} saved", "share", 0.0, usual, **words) == (
        "Nothing saved, 7 days long (typical: 25%)"
    )
    assert usual_of("{value} saved", "share", 0.2, usual, **words) == "20% saved (typical: 25%)"
    assert usual_of("{value} saved", "share", None, usual, **words) == "No orders, so nothing saved"
    assert usual_of("{value} saved", "share", math.nan, usual) == "The own: unknown"
    # No number of days behind "all on the same day"; a sum of nothing is usual in words.
    words = {"zero_en": "All on the same day"}
    assert usual_of("{value} apart", "days", 0.0, usual, **words) == "All on the same day"
    words = {"zero_en": "No returns"}
    assert usual_of("{value} back", "currency", 2.0, {"own": 0.0}, **words) == (
        "2.00 back (typical: none)"
    )


def test_a_plain_text_says_what_is_usual_too():
    own = column("own", "orders")
    told = Sentence(own, {"own": own}, {"own": 3.0})
    assert told.write([2.0], "en") == "The own: 2 orders (typical: 3)"
    assert told.write([3.0], "de") == "own: 3 Bestellungen (typisch)"
    assert told.write([None], "de") == "own: unbekannt"


def test_begins_with_a_capital_but_leaves_categories_as_they_are():
    own = column("own", "category", "{value} first", "{value} zuerst")
    assert Sentence(own, {"own": own}).write(["web"], "en") == "“web” first"
    assert sentence("{value}", "{value}").write([0.0], "en") == "No orders"
    assert sentence("{value}", "{value}").write([0.0], "de") == "Keine Bestellungen"


def test_rows_without_a_column_that_a_sentence_names():
    rows = Rows(
        {
            "days_since_last_order": np.array([41.0, 41.0]),
            "last_channel": np.array(["web", None], dtype=object),
        }
    )
    values = np.zeros((2, len(COLUMNS)))
    values[:, [0, 5]] = [[0.5, 0.2], [0.5, -0.6]]
    values[:, 1] = 0.1  # of a column the rows do not have
    told = ReasonWriter(COLUMNS).write(values, rows)
    assert [[one.text_en for one in row] for row in told] == [
        [
            "Last order 41 days ago",
            "Channel of the last order: “web”",
            "Median of the days between two orders: unknown",
        ],
        [
            "Channel of the last order: unknown",
            "Last order 41 days ago",
            "Median of the days between two orders: unknown",
        ],
    ]
    assert [one.value for one in told[1]] == [None, 41.0, None]


def test_the_same_words_with_another_contribution_are_told_apart():
    rows = Rows({"days_since_last_order": np.array([41.0, 41.0, 41.0])})
    values = np.zeros((3, len(COLUMNS)))
    values[:, 0] = [0.5, -0.5, 0.5]
    told = ReasonWriter(COLUMNS).write(values, rows, arms=["5%", "5%", "10%"])
    heads = [one.text_de.split(" – ")[0] for [one] in told]
    assert heads == [
        "Stärkere Reaktion auf 5 % erwartet",
        "Schwächere Reaktion auf 5 % erwartet",
        "Stärkere Reaktion auf 10 % erwartet",
    ]
    assert [one.contribution for [one] in told] == [0.5, -0.5, 0.5]
