"""Bulk SHAP values against LightGBM's own, on trees with all that LightGBM can ask."""

import gc

import lightgbm as lgb
import numpy as np
import pytest

from neigung.explanation import bulk
from neigung.explanation.bulk import shap_values

PARAMS = {
    **{"num_leaves": 24, "min_data_in_leaf": 3, "verbosity": -1, "num_threads": 1, "seed": 4},
    **{"min_sum_hessian_in_leaf": 0, "cat_smooth": 1, "cat_l2": 1, "min_data_per_group": 5},
}


def trained(X, y, trees=8, categorical=(), **params):
    given = PARAMS | params
    data = lgb.Dataset(X, y, params=given, categorical_feature=list(categorical))
    return lgb.train(given, data, trees)


def assert_exact(booster, X, threads=1):
    own = booster.predict(X, pred_contrib=True)[:, :-1]
    assert np.abs(own).max() > 0
    np.testing.assert_allclose(shap_values(booster, X, threads), own, atol=1e-11, rtol=1e-11)


@pytest.fixture(scope="module")
def rows():
    """Numbers, gaps, few values, and categories in the last column: more rows than a block."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(700, 5))
    X[:, 1] = np.round(X[:, 1] * 2)
    X[rng.random(700) < 0.3, 2] = np.nan
    X[:, 4] = rng.integers(0, 30, 700)
    noise = rng.normal(size=700)
    y = X[:, 0] * X[:, 1] + np.nan_to_num(X[:, 2], nan=2.0) + (X[:, 4] % 3) * X[:, 3] + noise
    return X, y


@pytest.fixture
def strange(rows):
    """Values that training never saw."""
    X = rows[0].copy()
    X[:9] = np.nan
    X[9:18] = (
        np.array([np.inf, -np.inf, 0.0, 1e300, -1e-300])[:, None].repeat(2, 1).ravel()[:9, None]
    )
    X[:, 4] = rows[0][:, 4]
    X[18:24, 4] = [np.nan, 31, 500, 1e9, -1, 0]
    return X


def test_numbers_gaps_and_categories(rows, strange):
    booster = trained(*rows, categorical=[4])
    assert "'=='" in str(booster.dump_model()["tree_info"]), "the model must split on a category"
    assert_exact(booster, rows[0])
    assert_exact(booster, strange)


def test_missing_values_that_training_never_saw(rows, strange):
    X = np.nan_to_num(rows[0])
    booster = trained(X, rows[1])
    assert "'None'" in str(booster.dump_model()["tree_info"]), "no split may know missing values"
    assert_exact(booster, strange)


def test_one_column_asked_again_and_again():
    X = np.arange(400.0)[:, None]
    assert_exact(trained(X, np.sin(X[:, 0] / 20)), X)


def test_stumps_and_trees_without_a_split(rows):
    assert_exact(trained(*rows, num_leaves=2), rows[0])
    none = trained(rows[0], np.ones(700))
    assert not shap_values(none, rows[0]).any()


def test_paths_of_many_columns():
    """One outlier after the other is split off, so that a path asks some twenty columns."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 24))
    X[np.arange(270, 294), np.arange(24)] += 9
    y = np.exp(np.sort(rng.normal(size=300)) * 5)
    booster = trained(X, y, 3, num_leaves=40, min_data_in_leaf=1, max_bin=300, min_data_in_bin=1)
    trees = bulk.Forest.of(bulk.read_trees(booster.dump_model()["tree_info"]))
    assert trees.points.max() > 7, "there must be a path of many columns"
    own = booster.predict(X, pred_contrib=True)[:, :-1]
    np.testing.assert_allclose(shap_values(booster, X), own, atol=1e-10 * np.abs(own).max())


def test_any_number_of_rows_and_threads(rows, monkeypatch):
    booster = trained(*rows, categorical=[4])
    monkeypatch.setattr(bulk, "_ROWS_AT_ONCE", 300)
    for count in (0, 1, 256, 257, 700):
        assert shap_values(booster, rows[0][:count]).shape == (count, 5)
        np.testing.assert_array_equal(
            shap_values(booster, rows[0][:count], threads=3), shap_values(booster, rows[0])[:count]
        )


def test_trees_are_prepared_once_and_forgotten_with_the_booster(rows, monkeypatch):
    booster = trained(*rows)
    shap_values(booster, rows[0])
    monkeypatch.setattr(bulk, "read_trees", lambda dumped: pytest.fail("read again"))
    shap_values(booster, rows[0])
    kept = len(bulk._forests)
    del booster
    gc.collect()
    assert len(bulk._forests) < kept


def test_zero_as_missing_is_refused(rows):
    X = np.where(np.isnan(rows[0]), 0.0, rows[0])
    with pytest.raises(ValueError, match="zero as missing"):
        shap_values(trained(X, rows[1], zero_as_missing=True), X)
