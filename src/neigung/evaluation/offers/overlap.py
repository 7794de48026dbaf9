"""Whether the arms can be compared at all: overlap and covariate balance.

An arm's effect can only be known for customers who could have got it (overlap), and weighting by
the chances must make the arms alike in what is known before the offer (balance). Sources: Austin
(2009), "Balance diagnostics for comparing the distribution of baseline covariates between treatment
groups in propensity-score matched samples", Statistics in Medicine 28(25) (standardised mean
difference, 0.1 as the limit); Kish (1965), *Survey Sampling* (effective sample size); Crump, Hotz,
Imbens and Mitnik (2009), "Dealing with limited overlap in estimation of average treatment
effects", Biometrika 96(1) (why small chances are cut off).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.language import Language, Message
from neigung.language.numbers import count_text, number_text, share_text

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SMALLEST_CHANCE = 0.01
"""Below this an estimated chance counts as none."""

MOST_WITHOUT_CHANCE = 0.05
"""From this share of customers without a chance of an arm on, nothing is concluded about it."""

FEWEST_ROWS = 50
"""So many offers of an arm are needed before anything is concluded about it."""

IMBALANCE = 0.1
"""Austin's limit of a standardised mean difference."""

_MOST_LEVELS = 10
_COLUMNS_AT_ONCE = 32

_ENOUGH_KNOWN = 800
"""So many known values in two groups hold the error of a standardised difference to 0.05."""

_DRAWN = {
    "all": Message(
        "All {total} offers were drawn by lot with known chances: the arms are comparable by "
        "design."
    ),
    "none": Message(
        "None of the {total} offers has a known chance: people or rules decided who got what. The "
        "chances are estimated; whatever guided them and is not in the data can distort the "
        "effects."
    ),
    "some": Message(
        "{part} of the {total} offers were drawn by lot with known chances. Those of the others "
        "are estimated; whatever guided the choice and is not in the data can distort the effects."
    ),
}
_ARMS = {
    "few": Message("{arm}: only {n} offers, {fewest} are needed."),
    "lost": Message(
        "{arm}: {lost} of the customers had practically no chance of it; the data say nothing "
        "about its effect on them."
    ),
    "good": Message(
        "{arm}: {n} offers, worth as much as {effective} with equal chances; the smallest chance "
        "is {smallest}."
    ),
}
_BEFORE = Message.counted(
    "Before weighting, 1 of {all} features differs between an arm and the control",
    "Before weighting, {n} of {all} features differ between an arm and the control",
    n=2,
    all=2,
)
_BALANCED = Message("{before}; after it none.")
_UNBALANCED = Message(
    "{before}; after it {after}, most of all {name} ({size} standard deviations)."
)


def floored(probabilities: Any, randomised: Any, smallest: float = SMALLEST_CHANCE) -> Floats:
    """Chances (n, arms) with estimated ones not below `smallest`; known ones stay what they are.

    >>> floored([[0.999, 0.001], [0.999, 0.001]], [True, False])[:, 1].tolist()
    [0.001, 0.01]
    """
    chances = np.asarray(probabilities, dtype=float)
    known = np.asarray(randomised, dtype=bool)[:, None]
    result: Floats = np.where(known, chances, np.maximum(chances, smallest))
    return result


def without_chance(probabilities: Any, randomised: Any) -> Flags:
    """Which row (n) had practically no chance of which arm: estimated at most 1 %, known as 0."""
    chances = np.asarray(probabilities, dtype=float)
    known = np.asarray(randomised, dtype=bool)[:, None]
    # Estimates may already have been lifted to the floor.
    result: Flags = np.where(known, chances <= 0, chances <= SMALLEST_CHANCE + 1e-9)
    return result


def overlap_table(
    arm: Any, arms: Sequence[str], probabilities: Any, randomised: Any, control: str
) -> pd.DataFrame:
    """A row per arm: how many got it, how likely that was, and whether it can be compared.

    Columns: arm, n, randomised (share of its rows with a known chance), smallest, q05, median, q95
    (of everybody's chance of the arm), without_chance (share of everybody, see there),
    effective (Kish's effective number of its rows under the weights 1 / chance), usable (with at
    least 50 rows, also effective ones, and at most 5 % of everybody without a chance of it; an arm
    beside the control needs a usable control, too).

    >>> overlap_table(["a", "b"] * 60, ["a", "b"], np.full((120, 2), 0.5), [True] * 120, "a")[
    ...     ["arm", "n", "effective", "usable"]].values.tolist()
    [['a', 60, 60.0, True], ['b', 60, 60.0, True]]
    """
    chances, known = np.asarray(probabilities, dtype=float), np.asarray(randomised, dtype=bool)
    given, none = np.asarray(arm, dtype=object), without_chance(probabilities, randomised)
    weighed = floored(chances, known)
    rows = []
    for k, name in enumerate(arms):
        inside = given == name
        weights = 1 / weighed[inside, k]
        effective = float(weights.sum() ** 2 / (weights**2).sum()) if inside.any() else 0.0
        lost = float(none[:, k].mean())
        quantiles = np.quantile(chances[:, k], [0, 0.05, 0.5, 0.95]).tolist()
        enough = min(inside.sum(), effective) >= FEWEST_ROWS - 1e-9
        usable = bool(enough and lost <= MOST_WITHOUT_CHANCE)
        share = float(known[inside].mean()) if inside.any() else 0.0
        rows.append((name, int(inside.sum()), share, *quantiles, lost, effective, usable))
    columns = ["arm", "n", "randomised", "smallest", "q05", "median", "q95"]
    table = pd.DataFrame(rows, columns=[*columns, "without_chance", "effective", "usable"])
    if not table.loc[table["arm"] == control, "usable"].all():
        table["usable"] = False
    return table


def balance_table(
    X: pd.DataFrame, arm: Any, arms: Sequence[str], probabilities: Any, control: str
) -> pd.DataFrame:
    """Standardised mean differences of every feature: an arm against the control.

    (mean under the arm - mean under the control) / sqrt((variance + variance) / 2), the variances
    unweighted both times; `before` with equal weights, `after` with weights 1 / chance. A number
    is compared by its mean (unless most values are missing and fewer than 800 known) and by its
    share of missing values, a category by the share of each of
    its ten most frequent levels and of missing ones; the row shows the part that differs most
    (`level`: empty for the mean). Columns: column, arm, level, before, after. Arms with fewer than
    50 rows are left out.

    >>> X = pd.DataFrame({"age": [20.0, 40.0] * 100})
    >>> chances = np.where(X[["age"]] > 30, [[0.2, 0.8]], [[0.8, 0.2]])
    >>> arm = np.where(np.arange(200) % 10 < 2, "none", "5%")
    >>> arm[::2] = np.where(np.arange(100) % 5 < 4, "none", "5%")
    >>> table = balance_table(X, arm, ["none", "5%"], chances, "none")
    >>> bool(abs(table["before"][0]) > 0.5 > abs(table["after"][0]))
    True
    """
    given, chances = np.asarray(arm, dtype=object), np.asarray(probabilities, dtype=float)
    rows = {name: np.flatnonzero(given == name) for name in arms}
    weights = {name: 1 / chances[rows[name], k] for k, name in enumerate(arms)}
    others = [name for name in arms if name != control and len(rows[name]) >= FEWEST_ROWS]
    columns = ["column", "arm", "level", "before", "after"]
    if len(rows[control]) < FEWEST_ROWS or not others:
        return pd.DataFrame(columns=columns)
    found = []
    parts = list(X.columns)
    for start in range(0, len(parts), _COLUMNS_AT_ONCE):
        names, values = _indicators(X[parts[start : start + _COLUMNS_AT_ONCE]])
        moments = {name: _moments(values[rows[name]], weights[name]) for name in (control, *others)}
        for name in others:
            mean, weighed, variance = (
                one - other if i < 2 else (one + other) / 2
                for i, (one, other) in enumerate(zip(moments[name], moments[control], strict=True))
            )
            spread = np.where(variance > 0, np.sqrt(variance), np.inf)
            for i, (column, level) in enumerate(names):
                found.append((column, name, level, mean[i] / spread[i], weighed[i] / spread[i]))
    table = pd.DataFrame(found, columns=columns)
    size = table[["before", "after"]].abs().max(axis=1).fillna(0)
    worst = size.groupby([table["column"], table["arm"]], sort=False).idxmax()
    return table.loc[worst].reset_index(drop=True)


def overlap_sentences(overlap: pd.DataFrame, language: Language = "en") -> list[str]:
    """Overlap in words: how the arms came about and which of them can be compared.

    >>> table = overlap_table(["a", "b"] * 60, ["a", "b"], np.full((120, 2), 0.5), [True] * 120,
    ...                       "a")
    >>> overlap_sentences(table)[0]
    'All 120 offers were drawn by lot with known chances: the arms are comparable by design.'
    """
    n, known = int(overlap["n"].sum()), float((overlap["n"] * overlap["randomised"]).sum())
    share = known / n if n else 0.0
    key = "all" if share == 1 else "none" if share == 0 else "some"
    total, part = count_text(n, language), share_text(share, language)
    first = _DRAWN[key].to(language, total=total, part=part)
    return [first, *(_arm_overlap(row, language) for _, row in overlap.iterrows())]


def balance_sentence(balance: pd.DataFrame, language: Language = "en") -> str:
    """Balance in words; empty without features.

    >>> balance_sentence(pd.DataFrame({"column": ["age"], "arm": ["5%"], "level": [""],
    ...                                "before": [0.3], "after": [0.02]}))
    'Before weighting, 1 of 1 features differs between an arm and the control; after it none.'
    """
    if balance.empty:
        return ""
    size = balance.assign(before=balance["before"].abs(), after=balance["after"].abs())
    worst = size.groupby("column", sort=False)[["before", "after"]].max()
    before, after = (int((worst[name] > IMBALANCE).sum()) for name in ("before", "after"))
    before_text = _BEFORE.having(n=before, all=len(worst))
    if not after:
        return _BALANCED.to(language, before=before_text)
    return _UNBALANCED.to(
        language,
        before=before_text,
        after=after,
        name=str(worst["after"].idxmax()),
        size=number_text(float(worst["after"].max()), 2, language),
    )


def _arm_overlap(row: pd.Series[Any], language: Language) -> str:
    key = "good"
    if row["n"] < FEWEST_ROWS:
        key = "few"
    elif row["without_chance"] > MOST_WITHOUT_CHANCE:
        key = "lost"
    return _ARMS[key].to(
        language,
        arm=row["arm"],
        n=count_text(int(row["n"]), language),
        fewest=FEWEST_ROWS,
        lost=share_text(row["without_chance"], language, 1),
        effective=count_text(int(row["effective"]), language) if key == "good" else "",
        smallest=share_text(row["smallest"], language, 1) if key == "good" else "",
    )


def _indicators(X: pd.DataFrame) -> tuple[list[tuple[str, str]], Floats]:
    """Numbers, levels and missing values as columns of numbers; NaN where a number is missing."""
    names: list[tuple[str, str]] = []
    columns: list[Any] = []
    for name, column in X.items():
        missing = column.isna().to_numpy()
        if pd.api.types.is_numeric_dtype(column.dtype):
            names.append((str(name), ""))
            values = column.to_numpy(dtype=float, na_value=np.nan)
            columns.append(np.where(np.isfinite(values), values, np.nan))
        else:
            text = column.astype(object).map(str)
            counts = text[~missing].value_counts()
            for level in sorted(counts.index, key=lambda one: (-counts[one], one))[:_MOST_LEVELS]:
                names.append((str(name), str(level)))
                columns.append((text == level).to_numpy() & ~missing)
        if missing.any():
            names.append((str(name), "(missing)"))
            columns.append(missing)
    return names, np.column_stack(columns).astype(float) if columns else np.empty((len(X), 0))


def _moments(values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, weighted mean and variance of each column over its known values."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0)
    n, total = known.sum(axis=0), np.einsum("i,ij->j", weights, known.astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / n
        weighed = np.einsum("i,ij->j", weights, filled) / total
        variance = (np.where(known, filled - mean, 0) ** 2).sum(axis=0) / n
    # Of a feature that hardly anybody has, the few known values differ by chance alone.
    mean[(n < _ENOUGH_KNOWN) & (n < len(values) / 2)] = np.nan
    return mean, weighed + 0 * mean, variance
