import numpy as np
import pandas as pd
import pytest

from neigung.explanation import bulk
from neigung.explanation import contributions as module
from neigung.explanation.contributions import contributions


@pytest.fixture
def hard(test_rows) -> pd.DataFrame:
    """Rows with what training never saw: a new channel, and missing values in a full column."""
    X = test_rows.X.copy()
    X["last_channel"] = X["last_channel"].astype(object)
    X.loc[:9, "last_channel"] = "kiosk"
    X.loc[5:14, "order_count_30d"] = np.nan
    return X


def test_rows_sum_to_the_margin(artefact, hard):
    found = contributions(artefact, hard)
    sums = found.values.sum(axis=1) + found.base
    np.testing.assert_allclose(sums, artefact.classifier.margin(hard), atol=1e-9)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-sums)), artefact.predict(hard)["probability"], atol=1e-9
    )


def test_bulk_equals_lightgbm(artefact, hard, monkeypatch, recwarn):
    exact = contributions(artefact, hard)
    monkeypatch.setattr(module, "MANY_ROWS", 2)
    found = contributions(artefact, hard)
    np.testing.assert_allclose(found.values, exact.values, atol=1e-5)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, found.margin, atol=1e-9)
    assert found.base == exact.base
    assert not [one for one in recwarn if "disagree" in str(one.message)]
    splits = str(artefact.classifier.booster_.dump_model()["tree_info"])
    assert "'=='" in splits, "the model must split on a category"


def test_disagreement_falls_back(artefact, hard, monkeypatch):
    exact = contributions(artefact, hard)
    right = bulk.shap_values
    monkeypatch.setattr(module, "MANY_ROWS", 2)
    # Shared out wrongly, with right sums: only the comparison of rows can see it.
    monkeypatch.setattr(bulk, "shap_values", lambda *args: right(*args)[:, ::-1])
    with pytest.warns(UserWarning, match="disagree"):
        found = contributions(artefact, hard)
    np.testing.assert_array_equal(found.values, exact.values)


def test_unsupported_trees_fall_back(artefact, hard, monkeypatch):
    def refuse(*args):
        raise ValueError("no")

    monkeypatch.setattr(module, "MANY_ROWS", 2)
    monkeypatch.setattr(bulk, "shap_values", refuse)
    with pytest.warns(UserWarning, match="disagree"):
        found = contributions(artefact, hard)
    np.testing.assert_array_equal(found.values, artefact.contributions(hard)[:, :-1])


def test_no_rows(artefact, hard):
    found = contributions(artefact, hard.iloc[:0])
    assert len(found) == 0
    assert found.importance().tolist() == [0.0] * len(artefact.columns)
