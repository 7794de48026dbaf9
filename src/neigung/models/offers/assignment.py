"""Who got which arm: the estimated assignment probabilities, where a trial did not record them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.models.encoding import Floats, FrameEncoder
from neigung.models.offers.uplift_folds import customer_folds
from neigung.models.offers.uplift_trial import assignment_design

FLOOR = 0.01
"""No probability is taken for smaller: one row may stand for a hundred, not for thousands."""

FOLDS = 3
MOST_ROUNDS = 80
"""Trees per arm beyond which no assignment rule that staff can follow needs more."""

_PARAMS = {
    "objective": "multiclass",
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "max_bin": 63,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Overlap:
    """How far every customer could have got every arm.

    Attributes:
        smallest: The smallest estimated probability of any arm for any row, before the floor.
        trimmed: Share of the rows where some arm's probability was below the floor and lifted.
        rounds: Rounds of boosting that improved on the arms' shares; 0 reads as "the features say
            nothing about who got which arm", as in a randomised trial.
    """

    smallest: float
    trimmed: float
    rounds: int


class AssignmentModel:
    """Probability of each arm given the features; the same for everybody if nothing predicts it.

    A multinomial gradient boosting whose number of rounds is chosen on held-out folds. A trial
    whose arms were drawn at random keeps 0 rounds, and then the probabilities are the arms'
    shares: an assignment model that fits noise would weight by noise.

    Args:
        arms: All arms, the control among them; the columns of `predict`, in this order.
        num_threads: Threads of LightGBM; changes speed only.

    Attributes:
        out_of_fold_: Shape (n, arms), each row predicted by the models that did not see its fold.
        overlap_: See `Overlap`.

    >>> X = pd.DataFrame({"orders": np.arange(400) % 20})
    >>> arm = np.where((X["orders"] > 9) ^ (np.arange(400) % 7 == 0), "10%", "none")
    >>> model = AssignmentModel(["none", "10%"]).fit(X, arm, seed=0)
    >>> model.predict(pd.DataFrame({"orders": [1, 19]})).round(1)["10%"].tolist()
    [0.2, 0.8]
    """

    def __init__(self, arms: Sequence[str], num_threads: int = 1) -> None:
        self.arms = tuple(str(arm) for arm in arms)
        self.num_threads = num_threads

    def fit(
        self,
        X: pd.DataFrame,
        arm: npt.ArrayLike,
        seed: int = 0,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from the arms that were given.

        Args:
            X: Numbers and categories, with missing values, one row per offer.
            arm: Shape (n,), the arm of each row.
            seed: Seed of folds and sampling.
            groups: Shape (n,); rows of one group (a customer) stay in one fold.

        Raises:
            InputError: An arm that is not among `arms`, or one without rows.
        """
        code = {name: i for i, name in enumerate(self.arms)}
        given = [str(name) for name in np.asarray(arm, dtype=object)]
        if odd := [name for name in given if name not in code]:
            raise InputError(f"Arms {', '.join(self.arms)} are expected, but found {odd[0]!r}.")
        codes = np.array([code[name] for name in given], dtype=np.int64)
        counts = np.bincount(codes, minlength=len(self.arms))
        if (counts == 0).any():
            raise InputError(
                f"Every arm needs rows, but {self.arms[int(counts.argmin())]!r} has none."
            )
        self.encoder_ = FrameEncoder.fit(X)
        folds = customer_folds(len(X), FOLDS, seed, groups)
        self._learn(self.encoder_.transform(X), codes.astype(np.float64), folds, seed)
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probabilities of shape (n, arms), at least `FLOOR` each; every row sums to 1."""
        raw = self._raw(self.booster_, self.encoder_.transform(X))
        return pd.DataFrame(lifted(raw), columns=list(self.arms), index=X.index)

    def _learn(self, array: Floats, codes: Floats, folds: npt.NDArray[Any], seed: int) -> None:
        import lightgbm as lgb

        n, k = len(array), len(self.arms)
        self.shares_ = np.bincount(codes.astype(int), minlength=k) / n
        params = {
            **_PARAMS,
            "num_class": k,
            "min_data_in_leaf": min(100, max(5, n // 40)),
            "seed": seed,
            "num_threads": self.num_threads,
        }
        data = lgb.Dataset(
            array,
            codes,
            categorical_feature=self.encoder_.categorical_indices,
            params=params,
            free_raw_data=False,
        ).construct()
        boosters, curves, constants = [], [], []
        for fold in range(FOLDS):
            inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            curve: dict[str, Any] = {}
            boosters.append(
                lgb.train(
                    dict(params),
                    data.subset(inside.tolist()),
                    MOST_ROUNDS,
                    valid_sets=[data.subset(outside.tolist())],
                    callbacks=[lgb.record_evaluation(curve)],
                )
            )
            curves.append(np.array(curve["valid_0"]["multi_logloss"]) * len(outside))
            shares = np.bincount(codes[inside].astype(int), minlength=k) / len(inside)
            constants.append(-np.log(np.maximum(shares, 1e-9))[codes[outside].astype(int)].sum())
        mean = np.sum(curves, axis=0) / n
        best = int(mean.argmin())
        # One held-out nat per parameter is what chance alone brings; ask for a little more.
        rounds = best + 1 if np.sum(constants) / n - mean[best] > 3 * (k - 1) / n else 0
        out = np.tile(self.shares_, (n, 1))
        self.booster_ = None
        if rounds:
            for fold, booster in enumerate(boosters):
                rows = folds == fold
                out[rows] = booster.predict(
                    array[rows], num_iteration=rounds, num_threads=self.num_threads
                )
            self.booster_ = lgb.train(dict(params), data, rounds)
        self.out_of_fold_ = lifted(out)
        self.overlap_ = Overlap(float(out.min()), float((out.min(axis=1) < FLOOR).mean()), rounds)

    def _raw(self, booster: Any, array: Floats) -> Floats:
        if booster is None or not len(array):
            return np.tile(self.shares_, (len(array), 1))
        return np.asarray(booster.predict(array, num_threads=self.num_threads), dtype=np.float64)


def lifted(probabilities: Floats, floor: float = FLOOR) -> Floats:
    """Probabilities of at least `floor` each, rows summing to 1.

    >>> lifted(np.array([[0.998, 0.002]])).round(4).tolist()
    [[0.99, 0.01]]
    """
    k = probabilities.shape[1]
    floor = min(floor, 0.5 / k)
    low = np.maximum(probabilities, floor) - floor
    total = low.sum(axis=1, keepdims=True)
    share = np.divide(low, total, out=np.full_like(low, 1 / k), where=total > 0)
    return np.asarray(floor + share * (1 - k * floor))


def trial_probabilities(
    X: pd.DataFrame,
    codes: npt.NDArray[np.int64],
    known: Floats,
    names: Sequence[str],
    customers: npt.NDArray[np.int64],
    seed: int = 0,
    num_threads: int = 1,
) -> tuple[Floats, dict[str, float | int | None]]:
    """Chances of all arms for every row: given ones as they are, the others estimated.

    Rows with and rows without a known chance are two designs, say a trial and what staff chose,
    and each is estimated from its own rows. Where the known ones are one number per arm, they are
    the design. Estimates are out of fold.

    Args:
        X: Features, one row per offer.
        codes: Shape (n,), the arm of each row, 0 the control.
        known: Shape (n,), the chance of the arm that the row got, NaN where unknown.
        names: Control and arms in the order of the codes.
        customers: Shape (n,), codes of the customers.
        seed: Seed of folds and sampling.
        num_threads: Threads of LightGBM.

    Returns:
        Shape (n, arms), rows summing to 1; and the `Overlap` over both parts as a dict, with
        `rounds` None if nothing had to be estimated.
    """
    design, has = assignment_design(known, codes, len(names))
    out = np.empty((len(X), len(names)))
    smallest, trimmed = 1.0, 0.0
    rounds: int | None = None
    parts = [~has]
    if design is None:
        parts.append(has)
    else:
        out[has] = design
        smallest = float(design.min())
    for at in (np.flatnonzero(part) for part in parts):
        if not len(at):
            continue
        counts = np.bincount(codes[at], minlength=len(names))
        present = counts > 0
        estimate = np.tile(counts / len(at), (len(at), 1))
        if present.sum() > 1 and len(np.unique(customers[at])) >= FOLDS:
            model = AssignmentModel([n for n, p in zip(names, present, strict=True) if p])
            model.num_threads = num_threads
            got = np.array(names, dtype=object)[codes[at]]
            model.fit(X.iloc[at], got, seed, customers[at])
            estimate[:, present] = model.out_of_fold_
            rounds = max(rounds or 0, model.overlap_.rounds)
            smallest = min(smallest, model.overlap_.smallest)
            trimmed += model.overlap_.trimmed * len(at) / len(X)
        out[at] = lifted(estimate)
    if design is None and has.any():
        at = np.flatnonzero(has)
        others = (1 - known[at]) / np.maximum(1 - out[at, codes[at]], FLOOR)
        out[at] *= others[:, None]
        out[at, codes[at]] = known[at]
        out[at] = np.maximum(out[at], 1e-4)
    return out, {"smallest": smallest, "trimmed": trimmed, "rounds": rounds}
