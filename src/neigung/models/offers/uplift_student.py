"""The booster that is kept: it imitates the guesses of many models and explains itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neigung.models.booster import model_text
from neigung.models.encoding import Floats

STUDENT: Mapping[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""More leaves and rounds than a response booster: guesses have a shape but little noise."""

ROUNDS = 100


def student(
    array: Floats,
    categorical: Sequence[int],
    guesses: Floats,
    *,
    seed: int,
    num_threads: int = 1,
) -> tuple[str, float, float]:
    """LightGBM text of a booster fitted to out-of-fold guesses, and how to read it.

    The booster evens out what the models of the single folds got differently, and so says less
    than the guesses; `scale * booster + shift` has their mean and spread again.

    Args:
        array: Encoded features (n, p).
        categorical: Positions of the categorical ones.
        guesses: Shape (n,).
        seed: Seed of the sampling.
        num_threads: Threads of LightGBM.

    Returns:
        Text, scale and shift.
    """
    import lightgbm as lgb

    spread = float(guesses.std())
    # Boosters of one spread, so that LightGBM's own thresholds mean the same in every unit.
    target = guesses / spread if spread > 0 else guesses * 0.0

    params = {
        **STUDENT,
        "feature_fraction": max(STUDENT["feature_fraction"], min(1.0, 12 / array.shape[1])),
        "min_data_in_leaf": min(STUDENT["min_data_in_leaf"], max(5, len(array) // 40)),
        "seed": seed,
        "num_threads": num_threads,
    }
    data = lgb.Dataset(array, target, categorical_feature=list(categorical), params=params)
    booster = lgb.train(params, data, ROUNDS)
    said = np.asarray(booster.predict(array, num_threads=num_threads), dtype=np.float64)
    scale = spread / float(said.std()) if said.std() > 1e-6 else 0.0
    return model_text(booster), scale, float(guesses.mean() - scale * said.mean())
