"""The propensity model: one LightGBM booster and a calibration that keeps its ranks."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from neigung.errors import InputError
from neigung.models.booster import model_text
from neigung.models.encoding import Floats, FrameEncoder
from neigung.models.propensity.calibration import SigmoidCalibration
from neigung.models.rows import Features, Rows

DEFAULTS: Mapping[str, Any] = {
    "n_estimators": 300,
    "learning_rate": 0.03,
    "num_leaves": 8,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "lambda_l1": 0.01,
    "lambda_l2": 10.0,
    "path_smooth": 20.0,
}
"""Parameters of a model that nobody tuned; also the first trial of the tuning."""

FIXED: Mapping[str, Any] = {
    "objective": "binary",
    "bagging_freq": 1,
    # 127 bins lost nothing against 255 on shopping histories and take a third less time.
    "max_bin": 127,
    # Without the filter a binned data set serves every min_data_in_leaf of the tuning.
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""What makes a booster reproducible and comparable, and is therefore not open to choice."""

FEWEST_COLUMNS = 10
"""How many columns each tree may choose from, whatever `feature_fraction` says."""

PATIENCE = 20
"""Rounds without progress on `eval_set` after which no more trees are added."""


class PropensityClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probability that a customer does what the study's target says, with exact contributions.

    Gradient boosted trees (Ke et al., "LightGBM", NeurIPS 2017) give a margin in log-odds;
    `calibrate` lays a rising line through it (Platt 1999). Contributions are TreeSHAP values
    (Lundberg et al., "From local explanations to global understanding with explainable AI for
    trees", Nature Machine Intelligence 2020) in calibrated log-odds. The same data, parameters
    and seed give the same trees, byte for byte, on any number of threads.

    Args:
        params: LightGBM parameters by their main names, over `DEFAULTS`; those in `FIXED` are
            refused. `min_data_in_leaf` shrinks to a tenth of the rows on small data, and each tree
            sees at least `FEWEST_COLUMNS` columns.
        random_state: Seed of the sampling of rows and columns.
        num_threads: Threads for fitting and predicting; changes speed only. More than one pays
            on large data and idle cores: LightGBM's threads wait for each other by spinning, and
            beside another program two of them were 20 times slower than one.

    >>> X = pd.DataFrame({"orders": np.arange(200) % 20})
    >>> y = (X["orders"] > 9).astype(float)
    >>> model = PropensityClassifier({"n_estimators": 30}).fit(X, y).calibrate(X, y)
    >>> model.predict(pd.DataFrame({"orders": [1, 19]})).tolist()
    [0.0, 1.0]
    >>> bool(np.allclose(model.contributions(X).sum(axis=1), model.margin(X)))
    True
    """

    def __init__(
        self,
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
        num_threads: int = 1,
    ) -> None:
        self.params = params
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(
        self,
        X: pd.DataFrame,
        y: npt.ArrayLike,
        eval_set: tuple[pd.DataFrame, npt.ArrayLike] | None = None,
    ) -> Self:
        """Fit the trees; the margin stays uncalibrated until `calibrate`.

        Args:
            X: Numbers and categories, with missing values, one row per customer and cutoff.
            y: Shape (n,), outcomes 0 or 1.
            eval_set: Rows that stop the adding of trees early, never the test's.

        Raises:
            InputError: One outcome only, no usable feature, or a parameter that is fixed.
        """
        import lightgbm as lgb

        encoder = FrameEncoder.fit(X)
        labels = binary_labels(y, len(X))
        params = training_params(
            self.params or {}, X.shape, seed=self.random_state, num_threads=self.num_threads
        )
        rounds = params.pop("n_estimators")
        common: dict[str, Any] = {
            "feature_name": _booster_names(encoder.feature_names),
            "categorical_feature": encoder.categorical_indices,
            "params": params,
        }
        train = lgb.Dataset(
            encoder.transform(X),
            labels,
            **common,
        )
        valid: list[lgb.Dataset] = []
        callbacks: list[Any] = []
        if eval_set is not None:
            X_eval, y_eval = eval_set
            y_eval = binary_labels(y_eval, len(X_eval), "eval_set")
            valid.append(lgb.Dataset(encoder.transform(X_eval), y_eval, reference=train, **common))
            callbacks.append(lgb.early_stopping(PATIENCE, verbose=False))
        booster = lgb.train(params, train, rounds, valid_sets=valid, callbacks=callbacks)
        self._set_fitted(encoder, model_text(booster), SigmoidCalibration())
        return self

    def calibrate(self, X: pd.DataFrame, y: npt.ArrayLike) -> Self:
        """Fit the calibration on rows later than those of `fit`, here or anew.

        Raises:
            InputError: One outcome only.
        """
        labels = binary_labels(y, len(X), "the calibration cutoff")
        self.calibration_ = SigmoidCalibration.fit(self._raw(X, "margin"), labels)
        return self

    def margin(self, X: Features) -> Floats:
        """Calibrated log-odds, shape (n,)."""
        raw = self._raw(X, "margin")
        return self.calibration_.apply(raw)

    def predict_proba(self, X: Features) -> Floats:
        """Probabilities of outcome 0 and 1, shape (n, 2)."""
        from scipy.special import expit

        positive = expit(self.margin(X))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: Features) -> Floats:
        """The likelier outcome, shape (n,), 0.0 or 1.0."""
        return (self.margin(X) > 0).astype(np.float64)

    def contributions(self, X: Features) -> Floats:
        """Exact SHAP values in calibrated log-odds, shape (n, features + 1).

        The last column is the base value; every row sums to the row's `margin`.
        """
        values = self._raw(X, "contributions") * self.calibration_.slope
        values[:, -1] += self.calibration_.intercept
        return values

    def unseen(self, X: Features) -> dict[str, int]:
        """Per column, how many categories were not known at training and count as missing."""
        check_is_fitted(self, "booster_")
        return self.encoder_.unseen(X)

    def to_dict(self) -> dict[str, Any]:
        """All but the trees (`model_text_`) and the threads, ready for JSON."""
        check_is_fitted(self, "booster_")
        return {
            "params": dict(self.params or {}),
            "random_state": self.random_state,
            "features": list(self.feature_names_),
            "categories": self.categories_,
            "calibration": {
                "slope": self.calibration_.slope,
                "intercept": self.calibration_.intercept,
            },
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], model_text: str) -> Self:
        """The classifier of which `to_dict` and `model_text_` were kept."""
        model = cls(params=state["params"], random_state=state["random_state"])
        categories = {name: tuple(values) for name, values in state["categories"].items()}
        model._set_fitted(
            FrameEncoder(tuple(state["features"]), categories),
            model_text,
            SigmoidCalibration(**state["calibration"]),
        )
        return model

    def _set_fitted(
        self, encoder: FrameEncoder, model_text: str, calibration: SigmoidCalibration
    ) -> None:
        import lightgbm as lgb

        self.encoder_ = encoder
        self.feature_names_ = encoder.feature_names
        self.categories_ = {name: list(values) for name, values in encoder.categories.items()}
        self.classes_ = np.array([0.0, 1.0])
        self.n_features_in_ = len(encoder.feature_names)
        self.model_text_ = model_text
        # Read back from its text, so that what is evaluated is what is stored.
        self.booster_ = lgb.Booster(model_str=model_text)
        self.calibration_ = calibration

    def _raw(self, X: Features, what: str) -> Floats:
        check_is_fitted(self, "booster_")
        if isinstance(X, Rows) and what == "margin":  # Read by scores and by explanations.
            return X.once((self.booster_, what), lambda: self._asked(X, what))
        return self._asked(X, what)

    def _asked(self, X: Features, what: str) -> Floats:
        """What the booster says of rows, before the calibration."""
        array = self.encoder_.transform(X)
        if not len(array):  # LightGBM refuses empty input.
            return np.empty((0,) if what == "margin" else (0, self.n_features_in_ + 1))
        kind = "raw_score" if what == "margin" else "pred_contrib"
        values = self.booster_.predict(array, num_threads=self.num_threads, **{kind: True})
        return np.asarray(values, dtype=np.float64)


def binary_labels(y: npt.ArrayLike, rows: int, where: str = "the training data") -> Floats:
    """Outcomes as float64 of shape (rows,), checked.

    Raises:
        InputError: A wrong number of labels, something other than 0 and 1, or one outcome only.

    >>> binary_labels([1, 1], 2)
    Traceback (most recent call last):
    neigung.errors.InputError: Both outcomes, 0 and 1, are needed in the training data, but all 2 \
rows have 1. Choose a longer horizon, other cutoffs or a wider population.
    """
    labels = np.asarray(y, dtype=np.float64)
    if labels.shape != (rows,):
        raise InputError(f"{rows} labels are needed in {where}, but found shape {labels.shape}.")
    found = np.unique(labels)
    odd = found[~np.isin(found, (0.0, 1.0))]
    if len(odd):
        raise InputError(f"Labels must be 0 or 1 in {where}, but found {odd[0]:g}.")
    if len(found) < 2:
        have = f"all {rows} rows have {found[0]:g}" if rows else "there are no rows"
        raise InputError(
            f"Both outcomes, 0 and 1, are needed in {where}, but {have}. "
            "Choose a longer horizon, other cutoffs or a wider population."
        )
    return labels


def training_params(
    params: Mapping[str, Any], shape: tuple[int, int], *, seed: int, num_threads: int
) -> dict[str, Any]:
    """Complete LightGBM parameters for training data of `shape`, with `n_estimators`.

    Raises:
        InputError: A parameter that is fixed.

    >>> training_params({"num_leaves": 7}, (40, 9), seed=1, num_threads=2)["min_data_in_leaf"]
    4
    """
    closed = sorted({*FIXED, "seed", "num_threads"} & params.keys())
    if closed:
        raise InputError(
            f"Parameters of the booster may be chosen except {', '.join(closed)}: fixed, so that "
            "runs are reproducible. Leave them out (seed and threads are arguments of their own)."
        )
    full = {**DEFAULTS, **params, **FIXED, "seed": seed, "num_threads": num_threads}
    rows, columns = shape
    full["min_data_in_leaf"] = min(full["min_data_in_leaf"], max(1, rows // 10))
    # LightGBM stops at the first tree that finds no split, so each must see some signal.
    full["feature_fraction"] = max(full["feature_fraction"], min(1.0, FEWEST_COLUMNS / columns))
    return full


def _booster_names(names: tuple[str, ...]) -> list[str] | Literal["auto"]:
    """Readable names inside the model text; LightGBM refuses blanks, quotes and brackets."""
    safe = [re.sub(r"\W", "_", name) for name in names]
    return safe if len(set(safe)) == len(safe) else "auto"
