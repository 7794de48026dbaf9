"""The booster that is kept: it imitates the guesses of many models and explains itself."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from neigung.models.encoding import Floats

STUDENT: Mapping[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""More leaves and rounds than a response booster: guesses have a shape but little noise."""

ROUNDS = 150


def student_text(
    array: Floats,
    categorical: Sequence[int],
    target: Floats,
    *,
    seed: int,
    num_threads: int = 1,
) -> str:
    """LightGBM text of a booster fitted to out-of-fold guesses of unit spread.

    Args:
        array: Encoded features (n, p).
        categorical: Positions of the categorical ones.
        target: Guesses (n,).
        seed: Seed of the sampling.
        num_threads: Threads of LightGBM.
    """
    import lightgbm as lgb

    params = {
        **STUDENT,
        "min_data_in_leaf": min(STUDENT["min_data_in_leaf"], max(5, len(array) // 40)),
        "seed": seed,
        "num_threads": num_threads,
    }
    data = lgb.Dataset(array, target, categorical_feature=list(categorical), params=params)
    booster = lgb.train(params, data, ROUNDS)
    # The thread count is the one line of the text that the machine decides.
    return re.sub(r"^\[num_threads: .*\]\n", "", booster.model_to_string(), flags=re.M)
