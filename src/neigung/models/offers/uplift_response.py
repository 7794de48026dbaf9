"""Out-of-fold guesses of response and uplift, made by several kinds of model."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neigung.models.encoding import Floats
from neigung.models.offers.uplift_folds import customer_folds
from neigung.models.offers.uplift_linear import MOST_COEFFICIENTS, linear_design, linear_uplift

Codes = npt.NDArray[np.int64]

BOOSTER: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
"""Parameters of a response booster, decided in benchmarks/uplift_models.py."""

ROUNDS = 150

OBJECTIVES = {"event": "binary", "amount": "tweedie", "number": "regression"}

FEWEST_COLUMNS = 12
MANY_COLUMNS = 60
"""Each tree may choose from at least the few and, of wide tables, from little more than the many
(but from half of all): a tree without the treatment, or with nothing beside it, learns no uplift,
and time goes with the columns."""

FOLDS = 4
TURNS = 4
"""Response models that are averaged, each with folds of its own; half of them monotone."""

MANY_ZEROS = 0.2
"""From this share of zeros on, amounts are modelled as mostly nothing and sometimes much."""


def out_of_fold_guesses(
    array: Floats,
    categorical: Sequence[int],
    codes: Codes,
    y: Floats,
    probabilities: Floats,
    customers: Codes,
    *,
    rates: Sequence[float] | None,
    rising: bool,
    seed: int,
    num_threads: int = 1,
) -> tuple[Floats, Floats]:
    """Guessed uplifts (2, n, arms) and response (n, 1 + arms), by models that did not see the row.

    The first guess is the mean of several boosted response models, the second a linear uplift.

    Args:
        array: Encoded features (n, p).
        categorical: Positions of the categorical ones.
        codes: Shape (n,), 0 the control.
        y: Outcomes (n,).
        probabilities: Shape (n, 1 + arms).
        customers: Shape (n,), codes; the rows of a customer share a fold.
        rates: Of the arms, ascending, or None.
        rising: Whether the outcome may only rise with the rate.
        seed: Seed of folds and sampling.
        num_threads: Threads of LightGBM.
    """
    design = treatment_design(probabilities.shape[1] - 1, rates)
    kind = outcome_kind(y)
    tame = y if kind == "event" else without_outliers(y)
    responses = [
        boosted_response(
            array,
            categorical,
            codes,
            design,
            tame,
            customer_folds(len(y), FOLDS, seed + turn, customers),
            objective=OBJECTIVES[kind],
            monotone=rising and turn % 2 == 0,
            seed=seed + turn,
            num_threads=num_threads,
        )
        for turn in range(TURNS)
    ]
    response = np.mean(responses, axis=0)
    mean = (probabilities * response).sum(axis=1)
    slope, noise = np.ones(len(y)), np.ones(len(y))
    if kind == "event":
        mean = np.clip(mean, 1e-4, 1 - 1e-4)
        slope = noise = mean * (1 - mean)
    elif kind == "amount":
        slope = np.maximum(mean, 0.1 * mean.mean())
        noise = slope**1.5
    linear = linear_uplift(
        linear_design(array, categorical, MOST_COEFFICIENTS // design.shape[1]),
        codes,
        design,
        probabilities,
        tame - mean,
        customer_folds(len(y), FOLDS, seed, customers),
        slope=slope,
        noise=noise,
    )
    if kind != "event" and tame.mean() > 0:
        response *= y.mean() / tame.mean()  # What the outliers add, spread over all.
    return np.stack([(response - response[:, :1])[:, 1:], linear]), response


def tree_share(columns: int, usual: float) -> float:
    """The share of columns that each tree may choose from.

    >>> [tree_share(columns, 0.8) for columns in (5, 40, 80, 400)]
    [1.0, 0.8, 0.75, 0.5]
    """
    return max(min(usual, max(0.5, MANY_COLUMNS / columns)), min(1.0, FEWEST_COLUMNS / columns))


def outcome_kind(y: Floats) -> Literal["event", "amount", "number"]:
    """Whether outcomes happen or not, are amounts that mostly are 0, or any numbers.

    >>> [outcome_kind(np.array(y)) for y in ([0.0, 1.0], [0.0, 9.5, 3.0], [-1.0, 0.0, 2.0])]
    ['event', 'amount', 'number']
    """
    if np.isin(y, (0.0, 1.0)).all():
        return "event"
    return "amount" if y.min() >= 0 and (y == 0).mean() >= MANY_ZEROS else "number"


def without_outliers(y: Floats) -> Floats:
    """Outcomes with the few largest and smallest, zeros aside, drawn in.

    A guess is about who gains, and one order of a thousand times the median says little about
    that; what the outliers add to the mean effect is measured later, from all of y. Limits are
    the 2nd and 98th percentile, or five times the distance of a quartile from the median if that
    is further: numbers without heavy tails stay as they are.

    >>> y = np.array([0.0, 0.0, *range(1, 10), 1e6])
    >>> float(without_outliers(y).max()) < 1e6
    True
    """
    some = y[y != 0]
    low, first, middle, third, high = np.quantile(some, [0.02, 0.25, 0.5, 0.75, 0.98])
    return np.clip(
        y,
        min(low, middle - 5 * (middle - first), 0.0 if y.min() >= 0 else np.inf),
        max(high, middle + 5 * (third - middle), 0.0),
    )


def treatment_design(arms: int, rates: Sequence[float] | None) -> Floats:
    """What tells the arms apart, shape (1 + arms, q), the control in the first row.

    With rates: whether the customer is contacted at all, and the rate; so the arms share what
    they have in common. Without: one indicator per arm.

    >>> treatment_design(2, [0.05, 0.1]).tolist()
    [[0.0, 0.0], [1.0, 0.05], [1.0, 0.1]]
    >>> treatment_design(2, None).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    if rates is None:
        return np.eye(arms + 1)[:, 1:]
    contact = np.ones(arms + 1)
    contact[0] = 0
    return np.column_stack([contact, [0.0, *rates]])


def boosted_response(
    array: Floats,
    categorical: Sequence[int],
    codes: Codes,
    design: Floats,
    y: Floats,
    folds: Codes,
    *,
    objective: str,
    monotone: bool,
    seed: int,
    num_threads: int = 1,
) -> Floats:
    """Expected outcome under every arm, each row predicted by a booster that did not see it.

    One gradient boosting over features and treatment ("S-learner", Künzel and others 2019): the
    trees split on the treatment where the data say that it matters, and share the rest.

    Args:
        array: Encoded features (n, p).
        categorical: Positions of the categorical ones.
        codes: Shape (n,), 0 the control.
        design: Shape (arms, q), from `treatment_design`.
        y: Outcomes (n,).
        folds: Shape (n,).
        objective: LightGBM's name of the loss.
        monotone: Whether the outcome may only rise with the last column of `design`.
        seed: Seed of the sampling.
        num_threads: Threads of LightGBM.

    Returns:
        Shape (n, arms).
    """
    import lightgbm as lgb

    n, p = array.shape
    params = {
        **BOOSTER,
        "objective": objective,
        "min_data_in_leaf": min(BOOSTER["min_data_in_leaf"], max(5, n // 40)),
        "feature_fraction": tree_share(p, BOOSTER["feature_fraction"]),
        "seed": seed,
        "num_threads": num_threads,
    }
    if monotone:
        params["monotone_constraints"] = [0] * (p + design.shape[1] - 1) + [1]
    wide = np.column_stack([array, design[codes]])
    data = lgb.Dataset(
        wide, y, categorical_feature=list(categorical), params=params, free_raw_data=False
    ).construct()
    out = np.empty((n, len(design)))
    for fold in range(int(folds.max()) + 1):
        booster = lgb.train(
            dict(params), data.subset(np.flatnonzero(folds != fold).tolist()), ROUNDS
        )
        rows = np.flatnonzero(folds == fold)
        part = wide[rows]
        for arm, treatment in enumerate(design):
            part[:, p:] = treatment
            out[rows, arm] = booster.predict(part, num_threads=num_threads)
    return out
