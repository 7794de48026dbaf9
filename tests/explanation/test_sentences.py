import math

import numpy as np
import pytest

from neigung.explanation.reasons import ReasonWriter
from neigung.explanation.sentences import Sentence
from neigung.features.feature import Column
from neigung.models.rows import Rows
from tests.explanation.conftest import COLUMNS


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
    heads = [one.text_de.split(", weil")[0] for [one] in told]
    assert heads == [
        "Reagiert stärker auf 5 %",
        "Reagiert schwächer auf 5 %",
        "Reagiert stärker auf 10 %",
    ]
    assert [one.contribution for [one] in told] == [0.5, -0.5, 0.5]
