"""The population stability index: how far a column's distribution has moved.

PSI = sum over bins of (after - before) ln(after / before), with the shares of the rows in each bin.
The bins are the deciles of the rows before; a value that holds several deciles has a bin of its
own, and so have missing values. Categories are bins by level. Below 0.1 nothing worth a word has
moved, from 0.25 on much has: Siddiqi (2006), *Credit Risk Scorecards*.

The index also grows by chance, the more so the fewer the rows: where nothing has moved it is
distributed about as (1/n + 1/m) times a chi-square with bins - 1 degrees of freedom; of columns
with two hundred rows each that did not move, a third pass 0.1. Source: Yurdakul and Naranjo (2020),
"Statistical properties of the population stability index", Journal of Risk Model Validation 14(4).
Hence each index comes with what chance alone can reach, and only what exceeds both counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = npt.NDArray[np.intp]

SOME, STRONG = 0.1, 0.25
"""From these indices on a shift is called some, and strong (Siddiqi 2006)."""

FALSE_ALARM = 0.01
"""The chance that among all columns of a report even one seems to have moved where none has."""

FEWEST_ROWS = 50
"""With fewer rows ten bins hold fewer than five each, and the index says nothing."""

_EXPECTED = 5
"""So many rows must be expected in a bin (Cochran 1954); rarer ones share a bin."""


@dataclass(frozen=True)
class Bins:
    """The bins of one column, learned from the rows before; made by `Bins.of`.

    `edges` are the upper limits of a number's bins, None for categories; `levels` the codes of the
    categories. Numbers take the codes 0..len(edges), then comes the bin of missing values;
    categories 0.. by name, then levels that were not seen before, then missing values.

    >>> bins = Bins.of(pd.Series([1.0, 2.0, 3.0, 4.0, float("nan")]), parts=4)
    >>> bins.codes(pd.Series([0.5, 2.0, 9.0, float("nan")])).tolist(), bins.count
    ([0, 1, 3, 4], 5)
    >>> bins = Bins.of(pd.Series(["app", "web", None]))
    >>> bins.codes(pd.Series(["web", "kiosk", None])).tolist()
    [1, 2, 3]
    """

    edges: npt.NDArray[np.float64] | None
    levels: dict[str, int]

    @classmethod
    def of(cls, values: pd.Series[Any], parts: int = 10) -> Bins:
        """Learn `parts` bins of equal mass from numbers, or the levels of categories."""
        if not _is_number(values):
            names = sorted({str(value) for value in values.dropna().unique()})
            return cls(None, {name: code for code, name in enumerate(names)})
        known = _numbers(values)
        known = known[~np.isnan(known)]
        if not len(known):
            return cls(np.empty(0), {})
        shares = np.arange(1, parts) / parts
        cuts = np.quantile(known, shares, method="inverted_cdf")
        # A value that fills more than one part stands alone: also what lies just below ends there.
        several = cuts[1:][cuts[1:] == cuts[:-1]]
        return cls(np.unique(np.append(cuts, np.nextafter(several, -np.inf))), {})

    @property
    def count(self) -> int:
        """How many bins there are, those of missing values and of new levels included."""
        return len(self.levels) + 2 if self.edges is None else len(self.edges) + 2

    def codes(self, values: pd.Series[Any]) -> Codes:
        """The bin of each value (n,)."""
        if self.edges is None:
            found = pd.Categorical(values)
            new = len(self.levels)
            known = [self.levels.get(str(name), new) for name in found.categories]
            # Pandas codes a missing value -1, which picks the last.
            codes: Codes = np.array([*known, new + 1], dtype=np.intp)[found.codes]
            return codes
        numbers = _numbers(values)
        codes = np.searchsorted(self.edges, numbers, side="left")
        codes[np.isnan(numbers)] = len(self.edges) + 1
        return codes


def psi(before: Any, after: Any) -> tuple[float, int]:
    """The index of two vectors of counts (bins,), and how many bins it was taken over.

    Bins in which fewer than five rows are to be expected are put together, with what was never
    seen before; half a row is added to each bin, so that an empty one does not make the index
    infinite (Jeffreys' prior).

    >>> index, bins = psi([500, 300, 200], [300, 300, 400])
    >>> round(index, 2), bins
    (0.24, 3)
    >>> psi([500, 300, 200], [500, 300, 200])[0]
    0.0
    """
    one, two = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    n, m = one.sum(), two.sum()
    rare = one < _EXPECTED * max(1.0, n / m)
    if rare.any():
        one, two = (np.append(counts[~rare], counts[rare].sum()) for counts in (one, two))
    filled = one + two > 0
    one, two = one[filled], two[filled]
    p = (one + 0.5) / (n + 0.5 * len(one))
    q = (two + 0.5) / (m + 0.5 * len(two))
    return float(np.sum((q - p) * np.log(q / p))), len(one)


def psi_by_chance(bins: int, n: int, m: int, comparisons: int = 1) -> float:
    """What the index reaches by chance, at most, between n and m rows of one distribution.

    The quantile that is passed in one of a hundred reports when `comparisons` indices are looked at
    (Bonferroni), from the chi-square approximation of Yurdakul and Naranjo (2020).

    >>> round(psi_by_chance(10, 200, 200), 2), round(psi_by_chance(10, 100_000, 100_000), 4)
    (0.22, 0.0004)
    """
    if bins < 2:
        return 0.0
    from scipy.stats import chi2

    return float(chi2.isf(FALSE_ALARM / comparisons, bins - 1) * (1 / n + 1 / m))


def shift_level(index: float, chance: float) -> str:
    """The shift in a word: `none`, `some`, `strong`, or `unknown` where there are too few rows.

    >>> shift_level(0.2, 0.01), shift_level(0.2, 0.22), shift_level(0.3, 0.26)
    ('some', 'none', 'strong')
    """
    if not np.isfinite(index):
        return "unknown"
    if index < max(SOME, chance):
        return "none"
    return "strong" if index >= STRONG else "some"


def _is_number(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype)


def _numbers(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    if _is_number(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.to_numeric(values.astype(object), errors="coerce").to_numpy(dtype=np.float64)
