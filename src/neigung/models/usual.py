"""What is usual: the value of each feature that a customer's own is told beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from neigung.features.feature import Column

LEAST_OFTEN = 10
"""A category in fewer rows is not told as the most frequent: it might give a customer away."""


def usual_values(X: pd.DataFrame, columns: Sequence[Column]) -> dict[str, float | str | None]:
    """The median of each column of numbers and the most frequent category of the others.

    Of two middle values the lower one is taken, so that counts stay whole; of equally frequent
    categories the first in order. None where most rows have no value, as it is usual then to have
    none, and for categories in fewer than `LEAST_OFTEN` rows.

    Args:
        X: Rows (n, columns) of the customers that are compared with, such as the newest that a
            model has learned from; of each customer one row.
        columns: What is asked for; all are columns of `X`.

    >>> from neigung.features.feature import Column
    >>> orders = Column("orders", "orders", None, "orders", "", "number", "", "")
    >>> channel = Column("channel", "channel", None, "category", "", "category", "", "")
    >>> X = pd.DataFrame({"orders": [1.0, 2.0, 4.0, 9.0] * 5, "channel": ["web", None] * 10})
    >>> usual_values(X, (orders, channel))
    {'orders': 2.0, 'channel': 'web'}
    """
    return {
        column.name: _most_frequent(X[column.name])
        if column.kind == "category"
        else _median(X[column.name].to_numpy(dtype=np.float64, na_value=np.nan))
        for column in columns
    }


def _median(values: npt.NDArray[np.float64]) -> float | None:
    there = values[np.isfinite(values)]
    if not len(there) or 2 * len(there) < len(values):
        return None
    return float(np.quantile(there, 0.5, method="lower"))


def _most_frequent(values: pd.Series[str]) -> str | None:
    counts = values.dropna().astype(str).value_counts()
    if 2 * counts.sum() < len(values) or not (counts >= LEAST_OFTEN).any():
        return None
    return str(min(counts.index[counts == counts.max()]))
