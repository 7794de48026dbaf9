"""The rolling fit: each model learns only from outcomes that were over, and is calibrated later."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from neigung.errors import InputError
from neigung.features.feature import Column
from neigung.models.dataset import Dataset
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.propensity.rolling import fit_rolling, fit_with_seed
from neigung.models.splits import make_splits

CUTOFFS = [dt.datetime(2025, 1, 1) + dt.timedelta(days=30 * n) for n in range(8)]
SPLITS = make_splits(CUTOFFS, 30, 3)
PARAMS = {"n_estimators": 100}


def made(outcomes: float = 0.8, seed: int = 1) -> Dataset:
    """200 customers at each cutoff; `outcomes` says how often the feature is right."""
    rng = np.random.default_rng(seed)
    n = 200 * len(CUTOFFS)
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "customer_id": [str(number) for number in range(200)] * len(CUTOFFS),
            "cutoff": np.repeat(CUTOFFS, 200),
            "label": np.where(rng.random(n) < outcomes, x > 0, x <= 0).astype(float),
            "x": x,
        }
    )
    column = Column("x", "x", None, "count", "orders", "number", "x", "x")
    return Dataset(frame, (column,))


def test_the_trees_learn_from_all_training_cutoffs_and_nothing_else() -> None:
    dataset = made()
    fitted = fit_rolling(dataset, SPLITS, PARAMS, seed=7)
    rows = dataset.at(*SPLITS.train)
    alone = PropensityClassifier(PARAMS, random_state=7).fit(rows.X, rows.y)
    assert fitted.model.model_text_ == alone.model_text_

    changed = made()
    at_test = changed.frame["cutoff"] == SPLITS.test
    changed.frame.loc[at_test, "label"] = 1 - changed.frame.loc[at_test, "label"]
    again = fit_rolling(changed, SPLITS, PARAMS, seed=7)
    assert again.model.model_text_ == fitted.model.model_text_
    assert again.model.calibration_ == fitted.model.calibration_


def test_each_fold_knows_its_own_past_only() -> None:
    dataset = made()
    fitted = fit_rolling(dataset, SPLITS, PARAMS, seed=7)
    assert [fold for fold, _ in fitted.folds] == list(SPLITS.folds)
    for fold, model in fitted.folds:
        rows = dataset.at(*fold.train)
        alone = PropensityClassifier(PARAMS, random_state=7).fit(rows.X, rows.y)
        assert model.model_text_ == alone.model_text_


def test_probabilities_are_calibrated() -> None:
    dataset = made()
    model = fit_rolling(dataset, SPLITS, PARAMS, seed=7).model
    test = dataset.at(SPLITS.test)
    probability = model.predict_proba(test.X)[:, 1]
    for side in (probability < 0.5, probability >= 0.5):
        assert probability[side].mean() == pytest.approx(test.y[side].mean(), abs=0.08)


def test_one_outcome_in_the_validation_is_refused() -> None:
    dataset = made()
    validated = dataset.frame["cutoff"].isin([fold.validation for fold in SPLITS.folds])
    dataset.frame.loc[validated, "label"] = 0.0
    with pytest.raises(InputError, match="Both outcomes"):
        fit_rolling(dataset, SPLITS, PARAMS, seed=7)


def test_newest_rows_are_scored_by_trees_that_had_not_seen_them() -> None:
    dataset = made()
    fitted = fit_rolling(dataset, SPLITS, PARAMS, seed=7)
    rows, probability = fitted.out_of_sample(dataset)
    newest = SPLITS.train[-1]
    assert rows.cutoffs == (newest,)
    past = dataset.at(*(cutoff for cutoff in SPLITS.train if cutoff < newest))
    alone = PropensityClassifier(PARAMS, random_state=7).fit(past.X, past.y)
    alone.calibration_ = fitted.model.calibration_
    np.testing.assert_array_equal(probability, alone.predict_proba(rows.X)[:, 1])


def test_another_seed_changes_the_trees_alone() -> None:
    dataset = made()
    model = fit_rolling(dataset, SPLITS, PARAMS, seed=7).model
    again = fit_with_seed(dataset, SPLITS, model, 8)
    assert again.model_text_ != model.model_text_
    assert again.calibration_ == model.calibration_
    same = fit_with_seed(dataset, SPLITS, model, 7)
    assert same.model_text_ == model.model_text_
