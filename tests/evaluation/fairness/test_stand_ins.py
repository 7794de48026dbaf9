import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from neigung.evaluation.fairness import stand_ins
from neigung.evaluation.fairness.stand_ins import recovered_table, stand_in_table
from neigung.features.feature import Column

N = 900


def column(name, kind="number"):
    return Column(name, name, None, "count", "theme", kind, name, name)


def labelled(groups):
    return {"attribute_x": pd.Series(pd.Categorical(groups))}


def strengths(groups, importance=None, **columns):
    X = pd.DataFrame(columns)
    kinds = [column(name, "number" if X[name].dtype.kind == "f" else "category") for name in X]
    table = stand_in_table(labelled(groups), X, kinds, importance or {})
    return table.set_index("column")


def recovered(groups, customers=None, **columns):
    customers = np.arange(len(groups)) if customers is None else customers
    return recovered_table(labelled(groups), pd.DataFrame(columns), customers).iloc[0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_column_that_is_the_attribute_is_a_perfect_stand_in(rng):
    sex = rng.choice(["f", "m"], N)
    found = strengths(
        sex,
        {"copy": 0.25, "noise": 0.5},
        copy=pd.Categorical(sex),
        number=np.where(sex == "f", 1.0, 2.0),
        missing=np.where(sex == "f", 1.0, np.nan),
        noise=rng.normal(size=N),
        constant=np.ones(N),
    )
    assert found["strength"][["copy", "number", "missing"]].min() > 0.99
    assert found["strength"]["noise"] < 0.15
    assert found["strength"]["constant"] == 0
    assert found["importance"].to_dict() == {
        **{"copy": 0.25, "number": 0, "missing": 0},
        **{"noise": 0.5, "constant": 0},
    }
    assert found["strength"].is_monotonic_decreasing


def test_what_rises_and_falls_again_is_seen(rng):
    number = rng.normal(size=N)
    middle = np.where(np.abs(number) < 0.7, "middle", "ends")
    assert abs(roc_auc_score(middle == "middle", number) - 0.5) < 0.05
    assert strengths(middle, number=number)["strength"]["number"] > 0.8


def test_a_small_group_is_not_lost_among_the_large(rng):
    group = np.where(np.arange(N) < 60, "small", rng.choice(["a", "b"], N))
    shop = pd.Categorical(np.where(group == "small", "special", "usual"))
    found = strengths(group, shop=shop).loc["shop"]
    assert found["level"] == "small"
    assert found["strength"] > 0.99


def test_what_is_missing_with_the_attribute_is_no_stand_in(rng):
    known = rng.random(N) < 0.5
    group = np.where(known, rng.choice(["a", "b"], N), "(missing)")
    other = np.where(known, 1.0, np.nan)
    assert strengths(group, other=other)["strength"]["other"] == 0
    assert recovered(group, other=other)["reason"] == "needs another column that varies, found none"


def test_thousands_of_categories_tell_nothing_by_chance(rng):
    group = rng.choice(["a", "b"], N)
    town = pd.Categorical([f"t{i}" for i in rng.integers(0, 5000, N)])
    assert strengths(group, town=town)["strength"]["town"] < 0.15
    found = recovered(group, town=town)
    assert found["low"] < 0.55
    assert found["high"] > 0.45


def test_noise_is_not_taken_for_strength(rng):
    group = rng.choice(["a", "b"], N)
    noise = {f"noise_{i}": rng.normal(size=N) for i in range(12)}
    # Without the correction for chance it would be about sqrt(9 / 900).
    assert strengths(group, **noise)["strength"].mean() < 0.06


def test_all_columns_together_recover_what_each_tells_in_part(rng):
    group = rng.choice(["a", "b", "c"], N)
    parts = {f"part_{i}": np.where(group == "a", 0.6, 0.0) + rng.normal(size=N) for i in range(4)}
    found = recovered(group, **parts)
    alone = roc_auc_score(group == "a", parts["part_0"])
    assert 0.6 < found["low"] < found["auroc"] < found["high"] < 0.9
    assert found["high"] - found["low"] < 0.1
    assert alone < roc_auc_score(group == "a", sum(parts.values()))
    noise = recovered(group, noise=rng.normal(size=N))
    assert noise["low"] < 0.53
    assert noise["high"] > 0.47
    assert (found["rows"], found["reason"]) == (N, "")


def test_customers_are_never_learned_by_heart(rng):
    customers = np.repeat(np.arange(N // 6), 6)
    group = np.repeat(rng.choice(["a", "b"], N // 6), 6)
    own = np.repeat(rng.normal(size=N // 6), 6)
    found = recovered(group, customers, own=own)
    assert found["low"] < 0.5 + 0.1
    single = recovered(group, own=own)
    assert single["auroc"] > found["auroc"] + 0.15
    assert found["high"] - found["low"] > 1.5 * (single["high"] - single["low"])


def test_the_auroc_is_that_of_others_also_with_ties(rng):
    guess, inside = rng.normal(size=300).round(), rng.random(300) < 0.3
    auroc, pull = stand_ins._placed(guess, inside)
    assert auroc == pytest.approx(roc_auc_score(inside, guess))
    assert pull.mean() == pytest.approx(0, abs=1e-12)


def test_of_many_rows_a_sample_is_looked_at(rng, monkeypatch):
    monkeypatch.setattr(stand_ins, "MOST_ROWS", 200)
    group = rng.choice(["a", "b"], N)
    found = recovered(group, number=rng.normal(size=N))
    assert found["rows"] == 200


@pytest.mark.parametrize(
    ("groups", "customers", "reason"),
    [
        (["a"] * 100, range(100), "needs two groups of 50 rows, found 1"),
        (["a"] * 90 + ["b"] * 10, range(100), "needs two groups of 50 rows, found 1"),
        (["(missing)"] * 100, range(100), "needs two groups of 50 rows, found 0"),
        (["a", "b"] * 50, ["c"] * 100, "needs 50 customers, found 1"),
    ],
)
def test_what_cannot_be_recovered_says_why(groups, customers, reason):
    found = recovered(groups, customers, number=np.arange(100.0))
    assert np.isnan(found["auroc"])
    assert found["reason"] == reason


def test_nothing_to_look_at_gives_empty_tables():
    assert strengths(["a"] * 100, number=np.arange(100.0)).empty
    assert stand_in_table({}, pd.DataFrame(), (), {}).empty
    assert recovered_table({}, pd.DataFrame(), ()).empty
