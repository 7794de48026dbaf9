"""Exact SHAP contributions, in calibrated log-odds: few rows by LightGBM, many by Woodelf.

Both compute path-dependent TreeSHAP (Lundberg et al., "From local explanations to global
understanding with explainable AI for trees", Nature Machine Intelligence 2020). Woodelf
takes a fraction of LightGBM's time on many rows, but in single precision, so every run of it is
checked against LightGBM.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.features.feature import Column

if TYPE_CHECKING:
    from neigung.models.artefact import Artefact
    from neigung.models.classifier import PropensityClassifier

Floats = npt.NDArray[np.float64]

MANY_ROWS = 3000
"""From here on Woodelf was the quicker one (200 trees of 15 leaves, 120 columns, 2 cores)."""

TOLERANCE = 1e-5
"""Largest disagreement with LightGBM's own contributions on the checked rows, in log-odds."""

_CHECKED_ROWS = 20


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each column adds to each customer's log-odds.

    `values` (rows, columns) and `base` (a number) in calibrated log-odds, `columns` in the order of
    `values`, `margin` (rows,) what the model predicts: `values.sum(axis=1) + base == margin`.
    """

    values: Floats
    base: float
    columns: tuple[Column, ...]
    margin: Floats

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Sequence[int]) -> Contributions:
        """Those of some rows."""
        return replace(self, values=self.values[rows], margin=self.margin[rows])

    def importance(self) -> Floats:
        """Mean absolute contribution per column, shape (columns,); zeros without rows."""
        if not len(self.values):
            return np.zeros(len(self.columns))
        return np.asarray(np.abs(self.values).mean(axis=0))


def contributions(artefact: Artefact, X: pd.DataFrame) -> Contributions:
    """Explain the rows of `X`, which holds the artefact's feature columns.

    Rows sum to the margin to within 1e-9. Warns and takes the slower way when Woodelf disagrees.
    Raises InputError as the classifier does, when a column is missing or has the wrong kind.
    """
    model, columns = artefact.classifier, tuple(artefact.columns)
    margin = model.margin(X)
    if len(X) >= MANY_ROWS:
        found = _bulk(model, X, margin)
        if found is not None:
            return Contributions(*found, columns, margin)
        warnings.warn(
            f"Woodelf and LightGBM disagree on the contributions by more than {TOLERANCE:g}; "
            f"LightGBM explains the {len(X)} rows, which takes longer.",
            stacklevel=2,
        )
    exact = model.contributions(X)
    base = exact[0, -1] if len(exact) else 0.0
    return Contributions(exact[:, :-1], float(base), columns, margin)


def _bulk(
    model: PropensityClassifier, X: pd.DataFrame, margin: Floats
) -> tuple[Floats, float] | None:
    """Contributions and base by Woodelf, or None where they are not LightGBM's."""
    from neigung.explanation.bulk import woodelf_values

    rows = np.linspace(0, len(X) - 1, _CHECKED_ROWS).astype(int)
    exact = model.contributions(X.iloc[rows])
    base = float(exact[0, -1])
    array = model.encoder_.transform(X)
    try:
        values = woodelf_values(model.booster_.dump_model()["tree_info"], array)
    except (ValueError, KeyError):
        return None
    values *= model.calibration_.slope
    rest = margin - base - values.sum(axis=1)
    # The sum checks every row, the sample how each sum is shared out.
    if not max(np.abs(rest).max(), np.abs(values[rows] - exact[:, :-1]).max()) <= TOLERANCE:
        return None
    # What single precision lost goes back where it was lost: to the large contributions.
    size = np.abs(values)
    total = size.sum(axis=1)
    values += size * np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)[:, None]
    return values, base
