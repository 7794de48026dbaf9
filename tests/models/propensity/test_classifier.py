import hashlib
import json
import os
import subprocess
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from neigung.errors import InputError
from neigung.models.propensity.classifier import PropensityClassifier
from neigung.models.rows import Rows

PARAMS = {"n_estimators": 40, "min_data_in_leaf": 5}


def customers(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Numbers and categories, some missing, and an outcome that depends on both."""
    rng = np.random.default_rng(seed)
    channel = rng.choice(["web", "app", "Geschäft"], rows)
    X = pd.DataFrame(
        {
            "orders": rng.poisson(3, rows).astype(float),
            "days since": rng.exponential(30, rows),
            'größe "x" [cm]': rng.normal(size=rows),
            "channel": pd.Categorical(channel),
            "constant": 1.0,
            "empty": np.nan,
        }
    )
    log_odds = 0.6 * X["orders"] - X["days since"] / 20 + (channel == "web")
    y = (rng.random(rows) < expit(log_odds - 1)).astype(float)
    X.loc[rng.random(rows) < 0.1, "days since"] = np.nan
    X.loc[rng.random(rows) < 0.1, "channel"] = None
    return X, y


@pytest.fixture(scope="module")
def fitted() -> PropensityClassifier:
    return (
        PropensityClassifier(PARAMS, random_state=3)
        .fit(*customers(600))
        .calibrate(*customers(300, seed=1))
    )


def test_contributions_sum_to_the_margin(fitted: PropensityClassifier) -> None:
    X, _ = customers(500, seed=2)
    contributions = fitted.contributions(X)
    assert contributions.shape == (500, X.shape[1] + 1)
    np.testing.assert_allclose(contributions.sum(axis=1), fitted.margin(X), rtol=1e-9, atol=1e-12)
    assert (contributions[:, 4:6] == 0).all()
    assert np.ptp(contributions[:, -1]) == 0


def test_probabilities_are_the_calibrated_margin_and_learned_something(
    fitted: PropensityClassifier,
) -> None:
    X, y = customers(2000, seed=4)
    probability = fitted.predict_proba(X)
    assert probability.sum(axis=1) == pytest.approx(np.ones(2000))
    np.testing.assert_array_equal(probability[:, 1], expit(fitted.margin(X)))
    np.testing.assert_array_equal(fitted.predict(X), probability[:, 1] > 0.5)
    assert probability[:, 1].mean() == pytest.approx(y.mean(), abs=0.05)
    assert np.corrcoef(probability[:, 1], y)[0, 1] > 0.4


def test_calibration_keeps_the_ranks_and_not_the_trees(fitted: PropensityClassifier) -> None:
    X, _ = customers(400, seed=5)
    raw = PropensityClassifier(PARAMS, random_state=3).fit(*customers(600))
    assert raw.model_text_ == fitted.model_text_
    np.testing.assert_array_equal(np.argsort(raw.margin(X)), np.argsort(fitted.margin(X)))
    assert not np.allclose(raw.margin(X), fitted.margin(X))


def test_frames_from_json_and_in_other_order_give_the_same(fitted: PropensityClassifier) -> None:
    X, _ = customers(50, seed=6)
    from_json = pd.DataFrame(json.loads(X.to_json(orient="records", force_ascii=False)))
    shuffled = from_json[X.columns[::-1]].astype(object).assign(extra="ignored")
    np.testing.assert_allclose(fitted.margin(shuffled), fitted.margin(X), rtol=1e-8)
    np.testing.assert_array_equal(fitted.margin(X.iloc[[7]]), fitted.margin(X)[[7]])


def test_unseen_categories_count_as_missing(fitted: PropensityClassifier) -> None:
    X, _ = customers(4, seed=7)
    kiosk = X.assign(channel=["kiosk", "fax", "web", None])
    assert fitted.unseen(kiosk) == {"channel": 2}
    assert fitted.unseen(X) == {}
    missing = X.assign(channel=[None, None, "web", None])
    np.testing.assert_array_equal(fitted.margin(kiosk), fitted.margin(missing))


def test_rows_are_predicted_once_for_scores_and_explanations(
    fitted: PropensityClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, _ = customers(40, seed=5)
    rows = Rows({name: X[name].astype(object).to_numpy() for name in X})
    wanted = fitted.margin(X)
    np.testing.assert_array_equal(fitted.margin(rows), wanted)
    monkeypatch.setattr(fitted.booster_, "predict", lambda *args, **kwargs: pytest.fail("again"))
    np.testing.assert_array_equal(fitted.margin(rows), wanted)


def test_no_rows_give_no_predictions(fitted: PropensityClassifier) -> None:
    X = customers(5)[0].iloc[:0]
    assert fitted.predict_proba(X).shape == (0, 2)
    assert fitted.contributions(X).shape == (0, X.shape[1] + 1)


def test_twenty_customers_are_enough_to_learn() -> None:
    X = pd.DataFrame({"orders": np.arange(20.0), "channel": ["web", "app"] * 10})
    model = PropensityClassifier().fit(X, np.arange(20) >= 10)
    assert model.booster_.num_trees() > 1
    assert model.margin(X)[-1] > model.margin(X)[0]


def test_infinite_numbers_do_not_break_anything() -> None:
    X, y = customers(200)
    X.loc[:9, "orders"] = np.inf
    model = PropensityClassifier(PARAMS).fit(X, y)
    contributions = model.contributions(X)
    np.testing.assert_allclose(contributions.sum(axis=1), model.margin(X), rtol=1e-9)


def test_early_stopping_adds_fewer_trees() -> None:
    X, y = customers(400)
    noise = np.random.default_rng(0).permutation(y)
    model = PropensityClassifier({"n_estimators": 300, "learning_rate": 0.3})
    stopped = clone(model).fit(X, y, eval_set=(X, noise))
    assert 1 <= stopped.booster_.num_trees() < 50


def test_names_that_lightgbm_cannot_tell_apart_still_work() -> None:
    X = pd.DataFrame({"a b": np.arange(100.0), "a_b": 0.0, "a:b": np.arange(100.0) % 7})
    model = PropensityClassifier(PARAMS).fit(X, np.arange(100) > 40)
    assert model.feature_names_ == ("a b", "a_b", "a:b")
    assert model.margin(X)[99] > model.margin(X)[0]


def test_follows_scikit_learn() -> None:
    X, y = customers(300)
    model = PropensityClassifier(PARAMS, random_state=5, num_threads=1)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(random_state=6).random_state == 6
    assert model.fit(X, y) is model
    assert model.classes_.tolist() == [0, 1]
    assert cross_val_score(model, X, y, scoring="roc_auc", cv=2).mean() > 0.6
    with pytest.raises(NotFittedError):
        PropensityClassifier().predict_proba(X)
    with pytest.raises(NotFittedError):
        PropensityClassifier().calibrate(X, y)


def test_refitting_forgets_the_calibration() -> None:
    X, y = customers(300)
    model = PropensityClassifier(PARAMS).fit(X, y).calibrate(X, y).fit(X, y)
    assert model.calibration_.slope == 1


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (np.zeros(60), "Both outcomes, 0 and 1, are needed in the training data, but all 60 rows"),
        (np.arange(60) % 3, "Labels must be 0 or 1 in the training data, but found 2"),
        (np.r_[np.nan, np.arange(59) % 2], "Labels must be 0 or 1"),
        (np.arange(59) % 2, "60 labels are needed"),
    ],
)
def test_labels_that_teach_nothing_are_refused(y: np.ndarray, text: str) -> None:
    with pytest.raises(InputError, match=text):
        PropensityClassifier().fit(customers(60)[0], y)


def test_one_outcome_at_the_calibration_cutoff_is_refused(fitted: PropensityClassifier) -> None:
    with pytest.raises(InputError, match="needed in the calibration cutoff, but all 60 rows"):
        clone(fitted).fit(*customers(600)).calibrate(customers(60)[0], np.ones(60))


@pytest.mark.parametrize("name", ["objective", "seed", "num_threads", "max_bin"])
def test_fixed_parameters_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"may be chosen except {name}"):
        PropensityClassifier({name: 1}).fit(*customers(60))


def test_text_is_the_same_on_any_number_of_threads_and_loads() -> None:
    X, y = customers(600)
    one = PropensityClassifier(PARAMS, num_threads=1).fit(X, y)
    two = PropensityClassifier(PARAMS, num_threads=2).fit(X, y)
    assert one.model_text_ == two.model_text_
    assert "num_threads" not in one.model_text_
    assert lgb.Booster(model_str=one.model_text_).num_trees() == 40
    assert PropensityClassifier(PARAMS, random_state=1).fit(X, y).model_text_ != one.model_text_


_FIT = """
import hashlib, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_classifier import PARAMS, customers
from neigung.models.propensity.classifier import PropensityClassifier
model = PropensityClassifier(PARAMS, random_state=3).fit(*customers(600))
model.calibrate(*customers(300, seed=1))
text = model.model_text_ + json.dumps(model.to_dict())
print(hashlib.sha256(text.encode()).hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_fits_the_same_bytes(fitted: PropensityClassifier, hash_seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _FIT, os.path.dirname(__file__)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    text = fitted.model_text_ + json.dumps(fitted.to_dict())
    assert ran.stdout.strip() == hashlib.sha256(text.encode()).hexdigest()


def test_survives_being_kept_as_text(fitted: PropensityClassifier) -> None:
    X, _ = customers(100, seed=8)
    state = json.loads(json.dumps(fitted.to_dict()))
    again = PropensityClassifier.from_dict(state, fitted.model_text_)
    np.testing.assert_array_equal(again.contributions(X), fitted.contributions(X))
    assert again.to_dict() == fitted.to_dict()
