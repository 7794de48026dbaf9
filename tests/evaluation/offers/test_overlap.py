import numpy as np
import pandas as pd
import pytest

from neigung.evaluation.offers.overlap import (
    balance_sentence,
    balance_table,
    floored,
    overlap_sentences,
    overlap_table,
    without_chance,
)
from tests.evaluation.offer_trials import ARMS, offers


def overlap_of(test):
    return overlap_table(test.arm, ARMS, test.probabilities, test.randomised, "none")


def test_known_small_chances_are_kept_and_estimated_ones_floored():
    chances = [[0.998, 0.002], [0.998, 0.002], [1.0, 0.0]]
    known = [True, False, True]
    assert floored(chances, known)[:, 1].tolist() == [0.002, 0.01, 0.0]
    assert without_chance(chances, known)[:, 1].tolist() == [False, True, True]


def test_equal_chances_lose_nothing():
    table = overlap_of(offers())
    assert table["n"].sum() == 4000
    np.testing.assert_allclose(table["effective"], table["n"])
    assert table["usable"].all()
    assert (table["randomised"] == 1).all()


def test_effective_rows_by_hand():
    arm = ["a"] * 100 + ["b"] * 100
    chances = np.column_stack([[0.5] * 50 + [0.25] * 50 + [0.5] * 100, np.full(200, 0.5)])
    row = overlap_table(arm, ["a", "b"], chances, [True] * 200, "b").set_index("arm").loc["a"]
    # Weights 2 and 4, 50 times each: 300 squared over 1000.
    assert row["effective"] == pytest.approx(90)
    assert row["smallest"] == 0.25
    assert row["median"] == 0.5


@pytest.mark.parametrize(
    ("chances", "rows", "usable"),
    [
        ([0.5, 0.5], 49, [False, True]),
        ([0.5, 0.5], 50, [True, True]),
        ([0.005, 0.995], 50, [False, True]),
    ],
)
def test_arms_without_support_are_not_usable(chances, rows, usable):
    arm = ["5%"] * rows + ["none"] * 500
    n = len(arm)
    table = overlap_table(arm, ["5%", "none"], np.tile(chances, (n, 1)), [False] * n, "none")
    assert table["usable"].tolist() == usable


def test_without_a_usable_control_nothing_is_usable():
    arm = ["none"] * 10 + ["5%"] * 500
    table = overlap_table(arm, ["none", "5%"], np.full((510, 2), 0.5), [True] * 510, "none")
    assert not table["usable"].any()


def test_weighting_balances_targeted_offers():
    test = offers(n=20_000, targeted=1.0)
    kind = np.where(test.X["x"] > 0, "buyer", "visitor")
    X = test.X.assign(kind=pd.Categorical(kind))
    table = balance_table(X, test.arm, ARMS, test.probabilities, "none").set_index(
        ["column", "arm"]
    )
    for column in ("x", "kind"):
        before, after = table.loc[(column, "20%"), ["before", "after"]].abs()
        assert before > 0.5
        assert after < 0.1
    assert table.loc[("z", "20%"), "before"] == pytest.approx(0, abs=0.1)


def test_differences_by_hand():
    X = pd.DataFrame(
        {
            "age": [30.0, 50.0] * 50 + [40.0, 60.0] * 50,
            "gap": [1.0] * 75 + [np.nan] * 25 + [1.0] * 100,
            "kind": ["a"] * 80 + ["b"] * 20 + ["a"] * 100,
            "same": ["x"] * 200,
        }
    )
    arm = ["5%"] * 100 + ["none"] * 100
    table = balance_table(X, arm, ["none", "5%"], np.full((200, 2), 0.5), "none")
    table = table.set_index("column")
    assert table.loc["age", "before"] == pytest.approx(-1)
    assert table.loc["age", "after"] == pytest.approx(-1)
    assert table.loc["gap", "level"] == "(missing)"
    assert table.loc["gap", "before"] == pytest.approx(0.25 / np.sqrt(0.25 * 0.75 / 2))
    assert abs(table.loc["kind", "before"]) == pytest.approx(0.2 / np.sqrt(0.2 * 0.8 / 2))
    assert table.loc["same", ["before", "after"]].tolist() == [0, 0]


def test_booleans_infinities_and_unused_levels_are_taken():
    X = pd.DataFrame(
        {
            "flag": pd.array([True, False, None, True] * 50, dtype="boolean"),
            "wild": [np.inf, 1.0, -np.inf, 2.0] * 50,
            "kind": pd.Categorical(["a"] * 200, categories=["a", "b"]),
            "empty": [np.nan] * 200,
        }
    )
    arm = ["none", "none", "5%", "5%"] * 50
    table = balance_table(X, arm, ["none", "5%"], np.full((200, 2), 0.5), "none")
    assert table["column"].tolist() == ["flag", "wild", "kind", "empty"]
    # With nothing to compare there is no difference to show.
    assert table.loc[table["column"] == "empty", "before"].abs().fillna(0).item() == 0


def test_few_rows_have_no_balance():
    table = balance_table(
        pd.DataFrame({"x": [1.0, 2.0]}), ["a", "b"], ["a", "b"], np.full((2, 2), 0.5), "a"
    )
    assert table.empty
    assert balance_sentence(table) == ""


def test_words_say_how_the_arms_came_about():
    drawn, judged = overlap_of(offers()), overlap_of(offers(targeted=0.5))
    assert "drawn by lot with known chances" in overlap_sentences(drawn)[0]
    assert "ausgelost" in overlap_sentences(drawn, "de")[0]
    assert "people or rules decided" in overlap_sentences(judged)[0]
    assert "Menschen oder Regeln" in overlap_sentences(judged, "de")[0]
    half = overlap_of(offers(randomised=np.arange(4000) % 2 == 0))
    assert overlap_sentences(half)[0].startswith("50% of the 4,000 offers were drawn")
    assert "4.000 Angebote" in overlap_sentences(half, "de")[0]


def test_words_name_the_arm_that_cannot_be_judged():
    arm = ["none"] * 100 + ["5%"] * 100 + ["10%"] * 3
    n = len(arm)
    chances = np.tile([0.6, 0.3, 0.1], (n, 1))
    chances[:30] = [0.999, 0.001, 0.0]
    table = overlap_table(arm, ["none", "5%", "10%"], chances, [False] * n, "none")
    sentences = overlap_sentences(table)
    assert "only 3 offers, 50 are needed" in sentences[3]
    assert "14.8% of the customers had practically no chance" in sentences[2]
    assert "14,8 % der Kunden" in overlap_sentences(table, "de")[2]


def test_words_name_the_worst_imbalance():
    row = {"column": ["age", "orders"], "arm": ["5%", "5%"], "level": ["", ""]}
    table = pd.DataFrame(row | {"before": [0.3, 0.5], "after": [0.02, -0.2]})
    assert balance_sentence(table).endswith(
        "after it 1, most of all orders (0.20 standard deviations)."
    )
    assert "orders (0,20 Standardabweichungen)" in balance_sentence(table, "de")
