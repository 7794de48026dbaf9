import numpy as np
import pytest

from neigung.evaluation.clusters import Clusters
from neigung.evaluation.offers.offers_tested import Placebo
from neigung.evaluation.offers.placebo import placebo_sentence, placebo_table
from tests.evaluation.offer_trials import offers


def table_of(test, arm, uplift):
    return placebo_table(test, Placebo(arm, uplift), Clusters(test.groups))


def test_permuted_arms_find_nothing_where_the_true_ones_do():
    """100 placebos of targeted studies with large effects: 1 in 100 may find something."""
    found = 0
    for seed in range(100):
        test = offers(n=1500, seed=seed, effect=2.0, targeted=0.5)
        rng = np.random.default_rng(seed)
        noise = test.uplift * 0 + rng.normal(0, 0.01, test.uplift.shape)
        found += table_of(test, rng.permutation(test.arm), noise)["found"].any()
    assert found <= 4
    assert table_of(test, test.arm, test.uplift)["found"].any()


def test_spread_compares_the_predictions():
    test = offers(n=1000)
    table = table_of(test, np.random.default_rng(0).permutation(test.arm), test.uplift / 4)
    spread = table.set_index("check").loc["spread"]
    assert spread["value"] == pytest.approx(0.25)
    assert not spread["found"]
    assert "nothing was found" in placebo_sentence(table, "purchase")
    assert "wurde nichts gefunden" in placebo_sentence(table, "purchase", "de")


def test_what_was_found_is_said():
    test = offers(n=6000, effect=2.0)
    table = table_of(test, test.arm, test.uplift)
    english, german = (placebo_sentence(table, "purchase", one) for one in ("en", "de"))
    assert "20% +" in english
    assert "cannot be trusted" in english
    assert "nicht zu trauen" in german


def test_few_rows_give_no_placebo():
    test = offers(n=80)
    table = table_of(test, test.arm, test.uplift)
    assert table.empty
    assert placebo_sentence(table, "purchase") == "Placebo: not computed."
    assert placebo_sentence(table, "purchase", "de") == "Placebo: nicht gerechnet."
