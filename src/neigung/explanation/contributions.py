"""Exact SHAP contributions: of a propensity in calibrated log-odds, of an uplift in its own units.

LightGBM explains few rows, `bulk` many in a fraction of the time. Both compute path-dependent
TreeSHAP (Lundberg et al., "From local explanations to global understanding with explainable AI for
trees", Nature Machine Intelligence 2020), and each run of `bulk` is checked against LightGBM.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neigung.errors import InputError
from neigung.features.feature import Column
from neigung.language.units import Unit
from neigung.models import kinds
from neigung.models.rows import Features, matrix, some

if TYPE_CHECKING:
    from neigung.models.offers.artefact import OfferArtefact
    from neigung.models.propensity.artefact import Artefact
    from neigung.models.version import Version

Floats = npt.NDArray[np.float64]

MANY_ROWS = 1000
"""From here on `bulk` is quicker even the first time, when it reads the trees; afterwards it would
be from 50 rows on (400 trees of 31 leaves, 150 columns)."""

TOLERANCE = 1e-5
"""Largest disagreement with LightGBM's own contributions on the checked rows, in log-odds; of an
uplift, as a part of the largest of these contributions."""

_CHECKED_ROWS = 20


class SlowExplanation(UserWarning):
    """The quick way disagreed with LightGBM, which then explained the `rows` by itself."""

    def __init__(self, rows: int) -> None:
        super().__init__(
            f"The quick contributions and LightGBM's disagree by more than {TOLERANCE:g}; "
            f"LightGBM explains the {rows} rows, which takes longer."
        )
        self.rows = rows


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each column adds to each customer's prediction.

    `values` (rows, columns) and `base` in the units of `unit`, `columns` in the order of `values`,
    `margin` (rows,) what the model predicts: `values.sum(axis=1) + base == margin`. `base` is a
    number; (rows,) for an uplift that is averaged with that of neighbouring rates for some rows,
    so that it rises with the rate: they start elsewhere.
    `unit` is `log_odds` (calibrated) for a propensity; for the uplift of `arm` it is `points`, kept
    as probabilities, or `money`. `usual` is what is usual of each column, as the artefact keeps it.
    """

    values: Floats
    base: float | Floats
    columns: tuple[Column, ...]
    margin: Floats
    unit: Unit = "log_odds"
    arm: str | None = None
    usual: Mapping[str, float | str | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Sequence[int]) -> Contributions:
        """Those of some rows."""
        base = self.base[rows] if isinstance(self.base, np.ndarray) else self.base
        return replace(self, values=self.values[rows], base=base, margin=self.margin[rows])

    def start(self, row: int) -> float:
        """The base of one row."""
        return float(self.base[row] if isinstance(self.base, np.ndarray) else self.base)

    def importance(self) -> Floats:
        """Mean absolute contribution per column, shape (columns,); zeros without rows."""
        if not len(self.values):
            return np.zeros(len(self.columns))
        return np.asarray(np.abs(self.values).mean(axis=0))

    def importance_by_column(self) -> dict[str, float]:
        """The same by the name of each column."""
        names = [column.name for column in self.columns]
        return dict(zip(names, self.importance().tolist(), strict=True))


def contributions(artefact: Version, X: Features, arm: str | None = None) -> Contributions:
    """Explain the rows of `X`, which holds the artefact's feature columns.

    Of an offer model, what `arm` changes is explained, by default that of `telling_arm`. Rows sum
    to the margin to within 1e-9. Warns and takes the slower way when the quick one disagrees.
    Raises InputError as the model does, when a column is missing or has the wrong kind, and when
    the model knows no such arm.
    """
    found: Contributions = kinds.named(artefact.kind).explained(artefact, X, arm)
    return found


def of_propensity(artefact: Artefact, X: Features, arm: str | None) -> Contributions:
    """The `contributions` of a propensity, in log-odds."""
    if arm is not None:
        raise InputError(
            f"An arm can be explained for an offer model only, but found the arm '{arm}' and a "
            "propensity. Leave the arm out."
        )
    model, columns = artefact.classifier, tuple(artefact.columns)
    margin = model.margin(X)
    if len(X) >= MANY_ROWS:
        found = _bulk(artefact, X, margin)
        if found is not None:
            base = float(found[1][0])
            return Contributions(found[0], base, columns, margin, usual=artefact.usual)
        _warn_of_detour(len(X))
    exact = model.contributions(X)
    base = exact[0, -1] if len(exact) else 0.0
    return Contributions(exact[:, :-1], float(base), columns, margin, usual=artefact.usual)


def telling_arm(artefact: OfferArtefact, X: Features) -> str:
    """The arm there is most to explain of: whose uplift differs most between the rows of `X`.

    Measured by the standard deviation; where it is the same for all arms, as with one row, the arm
    of the largest mean absolute uplift, and among equals the first.
    """
    uplift = matrix(artefact.model.uplift.predict(X), artefact.arms)
    if not len(uplift):
        return artefact.arms[0]
    spread, size = uplift.std(axis=0), np.abs(uplift).mean(axis=0)
    return artefact.arms[int(np.lexsort((-size, -spread))[0])]


def uplift_unit(artefact: OfferArtefact) -> Unit:
    """In which units an offer model's uplift counts."""
    return artefact.unit


def of_offers(artefact: OfferArtefact, X: Features, arm: str | None) -> Contributions:
    """The `contributions` of what an arm changes, in the outcome's unit."""
    arm = telling_arm(artefact, X) if arm is None else arm
    uplift = artefact.model.uplift.predict(X)
    found = None
    if len(X) >= MANY_ROWS and arm in uplift:
        found = _bulk(artefact, X, np.asarray(uplift[arm], dtype=np.float64), arm)
        if found is None:
            _warn_of_detour(len(X))
    if found is None:
        exact = artefact.contributions(X, arm)
        found = exact[:, :-1], exact[:, -1]
    values, bases = found
    same = not len(bases) or bool((bases == bases[0]).all())
    return Contributions(
        values=values,
        base=float(bases[:1].sum()) if same else bases,
        columns=tuple(artefact.columns),
        margin=np.asarray(uplift[arm], dtype=np.float64),
        unit=uplift_unit(artefact),
        arm=arm,
        usual=artefact.usual,
    )


def _warn_of_detour(rows: int) -> None:
    warnings.warn(SlowExplanation(rows), stacklevel=3)


def _bulk(
    artefact: Version, X: Features, margin: Floats, arm: str | None = None
) -> tuple[Floats, Floats] | None:
    """Contributions and bases (rows,) by `bulk`, or None where they are not LightGBM's."""
    from neigung.explanation.boosters import parts
    from neigung.explanation.bulk import shap_values

    rows = _checked_rows(len(X))
    exact = _exact(artefact, some(X, rows), arm)
    starts = np.zeros(len(X))
    try:
        array, boosters = parts(artefact, X, arm)
        values = np.zeros(array.shape)
        for part in boosters:
            members = np.flatnonzero(part.weights)
            weights = part.weights[members]
            rows_read = array if len(members) == len(array) else array[members]
            found = shap_values(part.booster, rows_read, part.threads)
            found *= part.factor * weights[:, None]
            values[members] += found
            starts[members] += weights * part.base
    except (ValueError, KeyError):
        return None
    largest = float(np.abs(exact[:, :-1]).max(initial=0.0)) if arm else 1.0
    if not _agree(values, margin - starts, exact[:, :-1], rows, TOLERANCE * largest):
        return None
    return values, starts


def _exact(artefact: Version, X: Features, arm: str | None) -> Floats:
    """LightGBM's own contributions, the base last, shape (rows, columns + 1)."""
    return artefact.contributions(X, arm)


def _checked_rows(count: int) -> npt.NDArray[np.int_]:
    return np.linspace(0, count - 1, _CHECKED_ROWS).astype(int)


def _agree(
    values: Floats, sums: Floats, exact: Floats, rows: npt.NDArray[np.int_], tolerance: float
) -> bool:
    """Whether `values` add up to `sums` and are `exact` in `rows`; if so, they are made to add up.

    The sum checks every row, the sample how each sum is shared out. What rounding lost goes back
    where it was lost: to the large contributions.
    """
    rest = sums - values.sum(axis=1)
    if not max(np.abs(rest).max(), np.abs(values[rows] - exact).max()) <= tolerance:
        return False
    size = np.abs(values)
    total = size.sum(axis=1)
    values += size * np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)[:, None]
    return True
