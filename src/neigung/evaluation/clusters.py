"""Intervals of means when the rows of one customer belong together.

An estimate that is a mean of influence values has the variance of their sums per customer: no
resampling, no seed, and the order of the rows cannot matter. Source: Liang and Zeger (1986),
"Longitudinal data analysis using generalized linear models", Biometrika 73(1); for influence
values of estimators that are more than means: van der Vaart (1998), *Asymptotic Statistics*,
chapters 12 and 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.bootstrap import CONFIDENCE

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval `low` to `high`, and its standard `error`.

    >>> Estimate(1.0, 0.8, 1.2, 0.1).clear, Estimate(0.1, -0.1, 0.3, 0.1).clear
    (True, False)
    """

    value: float
    low: float
    high: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


class Clusters:
    """The customers of the rows, for standard errors of means.

    `groups` (n,) customer ids. Raises InputError when there are no rows or an id is missing.

    >>> clusters = Clusters(["a", "a", "b", "b"])
    >>> clusters.count, float(clusters.errors([1.0, 1.0, 0.0, 0.0])[0])
    (2, 0.5)
    """

    def __init__(self, groups: Any) -> None:
        self.codes, customers = pd.factorize(np.asarray(groups))
        self.count = len(customers)
        if not len(self.codes) or (self.codes < 0).any():
            missing = int((self.codes < 0).sum())
            raise InputError(
                "An interval needs the customer of each row, but found "
                f"{f'{missing} missing' if missing else 'no rows'}."
            )

    def errors(self, influence: Any) -> Floats:
        """Standard errors (k,) of the column means of `influence` (n,) or (n, k).

        NaN with a single customer.
        """
        values = np.asarray(influence, dtype=float)
        values = values[:, None] if values.ndim == 1 else values
        if self.count < 2:
            return np.full(values.shape[1], np.nan)
        squares = np.empty(values.shape[1])
        for k in range(values.shape[1]):
            column = values[:, k] - values[:, k].mean()
            if self.count < len(column):
                column = np.bincount(self.codes, column, self.count)
            squares[k] = np.einsum("i,i->", column, column)
        errors: Floats = np.sqrt(squares * self.count / (self.count - 1)) / len(values)
        return errors

    def mean(self, influence: Any) -> Estimate:
        """The mean of `influence` (n,) with its interval (Student's t, customers - 1)."""
        error = float(self.errors(influence)[0])
        return interval(float(np.mean(influence)), error, self.count - 1)


def interval(value: float, error: float, freedom: float) -> Estimate:
    """The 95 % interval of Student's t with `freedom` degrees of freedom; NaN without any.

    >>> round(interval(0.0, 1.0, 10_000).high, 2)
    1.96
    """
    if not freedom > 0 or not np.isfinite(error):
        return Estimate(value, float("nan"), float("nan"), float("nan"))
    from scipy.stats import t

    reach = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    return Estimate(value, value - reach, value + reach, error)
