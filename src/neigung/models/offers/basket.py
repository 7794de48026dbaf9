"""How much a customer spends who orders: the expected basket before discounts."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.models.booster import model_text
from neigung.models.encoding import Floats, FrameEncoder
from neigung.models.offers.uplift_folds import customer_folds
from neigung.models.propensity.classifier import training_params
from neigung.models.rows import Features

FEWEST_BUYERS = 200
"""With fewer orders to learn from, everybody's expected basket is the mean."""

PARAMS: Mapping[str, Any] = {
    "objective": "gamma",
    "n_estimators": 150,
    "num_leaves": 6,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.3,
}

CAPPED_AT = 0.99
"""The trees see baskets up to this quantile; the few above it would decide where they split. The
level of the predictions is set on the uncapped ones."""

_FOLDS = 4
_STRENGTHS = np.linspace(0, 1, 21)


class BasketModel:
    """Expected basket of money, given an order: boosted trees, shrunk to the mean.

    Gamma deviance with a log link (McCullagh and Nelder 1989, *Generalized Linear Models*,
    chapter 8: the spread of baskets grows with their size), so that the mean of money is
    predicted, not of its logarithm. Predictions are level * exp(strength * f(x)): the strength, 0
    to 1, is the one with the lowest deviance on rows that the trees f have not seen, and the level
    makes predictions on those rows sum to what was observed (Copas 1983, "Regression, prediction
    and shrinkage", JRSS B 45). Where features tell nothing of the basket the strength is 0.

    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"usual_basket": rng.gamma(4, 20, 2000)})
    >>> basket = X["usual_basket"] * rng.gamma(3, 1 / 3, 2000)
    >>> model = BasketModel.fit(X, basket, groups=np.arange(2000), seed=0)
    >>> low, high = model.predict(pd.DataFrame({"usual_basket": [30, 150]}))
    >>> bool(20 < low < 45 and 110 < high < 170)
    True
    """

    def __init__(
        self, encoder: FrameEncoder, model_text: str, strength: float, level: float
    ) -> None:
        self.encoder_ = encoder
        self.model_text_ = model_text
        self.strength_ = strength
        self.level_ = level
        self._booster = _booster(model_text) if model_text else None

    @classmethod
    def fit(
        cls,
        X: pd.DataFrame,
        basket: npt.ArrayLike,
        groups: npt.ArrayLike,
        seed: int,
        num_threads: int = 1,
    ) -> Self:
        """Learn from those who ordered.

        Args:
            X: (n, p) numbers and categories of everybody, so that categories are known too that no
                buyer has.
            basket: (n,) undiscounted money; rows that are 0 or NaN did not order.
            groups: (n,) the customer of each row; no customer is on both sides of a fold.
            seed: Of folds and sampling.

        Raises:
            InputError: Nobody ordered, or no feature varies.
        """
        money = np.asarray(basket, dtype=np.float64)
        buyers = np.flatnonzero(money > 0)
        if not len(buyers):
            raise InputError(
                f"An expected basket needs orders, but none of {len(money):,} rows has one. Choose "
                "a longer horizon or more offers."
            )
        money = money[buyers]
        encoder = FrameEncoder.fit(X)
        customers = np.asarray(groups)[buyers]
        if len(buyers) < FEWEST_BUYERS or len(np.unique(customers)) < _FOLDS:
            return cls(encoder, "", 0.0, float(money.mean()))
        array = encoder.transform(X.iloc[buyers])
        capped = np.minimum(money, np.quantile(money, CAPPED_AT))
        fold = customer_folds(len(money), _FOLDS, seed, customers)
        unseen = np.empty(len(money))
        for number in range(_FOLDS):
            held = fold == number
            text = _fit(encoder, array[~held], capped[~held], seed, num_threads)
            unseen[held] = _booster(text).predict(array[held], raw_score=True, num_threads=1)
        strength = _best_strength(unseen, capped)
        if not strength:
            return cls(encoder, "", 0.0, float(money.mean()))
        level = float(money.sum() / np.exp(strength * unseen).sum())
        text = _fit(encoder, array, capped, seed, num_threads)
        return cls(encoder, text, strength, level)

    def predict(self, X: Features) -> Floats:
        """Expected undiscounted money of a customer who orders (n,), above 0."""
        if self._booster is None or not len(X):
            return np.full(len(X), self.level_)
        array = self.encoder_.transform(X)
        raw = self._booster.predict(array, raw_score=True, num_threads=1)
        return np.asarray(self.level_ * np.exp(self.strength_ * raw), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """All but the trees (`model_text_`, empty where there are none), ready for JSON."""
        return {
            "features": list(self.encoder_.feature_names),
            "categories": {name: list(known) for name, known in self.encoder_.categories.items()},
            "strength": self.strength_,
            "level": self.level_,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any], model_text: str) -> Self:
        """The model of which `to_dict` and `model_text_` were kept."""
        categories = {name: tuple(values) for name, values in state["categories"].items()}
        encoder = FrameEncoder(tuple(state["features"]), categories)
        return cls(encoder, model_text, state["strength"], state["level"])


def _best_strength(unseen: Floats, money: Floats) -> float:
    """The strength with the lowest gamma deviance, each at its own best level."""
    # Of the deviance only log(mean) + money / mean depends on the prediction, and at the best
    # level the second part is the same for all strengths.
    losses = []
    for strength in _STRENGTHS:
        shape = np.exp(strength * unseen)
        level = (money / shape).mean()
        losses.append(np.log(level * shape).mean())
    return float(_STRENGTHS[int(np.argmin(losses))])


def _fit(encoder: FrameEncoder, array: Floats, money: Floats, seed: int, num_threads: int) -> str:
    import lightgbm as lgb

    params = training_params(
        {name: value for name, value in PARAMS.items() if name != "objective"},
        (array.shape[0], array.shape[1]),
        seed=seed,
        num_threads=num_threads,
    )
    params["objective"] = PARAMS["objective"]
    rounds = params.pop("n_estimators")
    train = lgb.Dataset(
        array, money, params=params, categorical_feature=encoder.categorical_indices
    )
    booster = lgb.train(params, train, rounds)
    return model_text(booster)


def _booster(text: str) -> Any:
    import lightgbm as lgb

    return lgb.Booster(model_str=text)
