"""What else tells a sensitive attribute: leaving out its column does not make a model blind to it.

Shopping histories tell age and sex, a shop's favourite category tells children. Two looks at it:
which single columns separate the groups (`stand_in_table`), and how well all of them together
recover the attribute (`recovered_table`). Both leave the sensitive columns themselves out, and the
customers of whom the attribute is not known: who gave no age gave no postcode either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.clusters import Clusters, Estimate, interval
from neigung.evaluation.fairness.group_differences import FEWEST_ROWS
from neigung.evaluation.fairness.sensitive import IMPLAUSIBLE, MISSING, OTHER
from neigung.models.encoding import FrameEncoder

if TYPE_CHECKING:
    from neigung.features.feature import Column

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

MOST_ROWS = 10_000
"""Of more rows a random sample is looked at."""

STAND_IN_TYPES: dict[str, Any] = dict.fromkeys(("attribute", "column", "level"), object) | {
    "strength": float,
    "importance": float,
}
RECOVERED_TYPES: dict[str, Any] = {
    **{"attribute": object, "auroc": float, "low": float, "high": float},
    **{"rows": int, "reason": object},
}

_MOST_BINS = 10
_FOLDS = 3
_PARAMETERS = {
    "learning_rate": 0.2,
    "num_leaves": 8,
    "min_data_in_leaf": 20,
    "max_bin": 31,
    "bin_construct_sample_cnt": 2_000,
    "feature_fraction": 0.3,
    "lambda_l2": 10.0,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
_TREES = 80
"""So many in each fold: more for few groups than for many, which need one each a round."""

_FEWEST_ROUNDS = 8


def stand_in_table(
    labels: Mapping[str, pd.Series[Any]],
    X: pd.DataFrame,
    columns: Sequence[Column],
    importance: Mapping[str, float],
    seed: int = 0,
) -> pd.DataFrame:
    """How surely each column tells each attribute, the strongest first.

    Columns: attribute, column, level, strength, importance.

    `labels` holds for each attribute the group of each row (n), `X` (n rows) the columns that are
    not sensitive, `importance` each column's share of the model (0..1).

    `strength` is that of the group (`level`) which the column tells best, the correlation of being
    in it with the best guess that knows nothing but the column: 0 tells nothing, 1 everything. The
    column is cut into tenths, its largest categories and what is missing; then it is Cramér's V
    of those against in or out, corrected for chance (Bergsma 2013, "A bias-correction for Cramér's
    V and Tschuprow's T", Journal of the Korean Statistical Society 42(3)). Numbers and categories
    have one measure so, and what rises and falls again is seen, which an AUROC would miss.
    """
    rows = []
    for attribute, label in labels.items():
        some, codes, names = _known(label, seed)
        targets = _targets(codes, names)
        for column in columns if len(targets) else ():
            table = _table(_bins(X[column.name].iloc[some], column), codes, len(names))
            strengths = _strengths(table)[targets]
            best = int(np.argmax(strengths))
            share = float(importance.get(column.name, 0.0))
            level = names[targets[best]]
            rows.append((attribute, column.name, level, float(strengths[best]), share))
    order = {attribute: i for i, attribute in enumerate(labels)}
    rows.sort(key=lambda row: (order[row[0]], -row[3], -row[4], row[1]))
    return pd.DataFrame(rows, columns=list(STAND_IN_TYPES)).astype(STAND_IN_TYPES)


def recovered_table(
    labels: Mapping[str, pd.Series[Any]], X: pd.DataFrame, customers: Any, seed: int = 0
) -> pd.DataFrame:
    """How well all columns of `X` together tell each attribute.

    Columns: attribute, auroc, low, high, rows, reason.

    A small LightGBM learns the group from `X` on two thirds of the customers and is tested on the
    others, three times over; of more than 20,000 rows it sees a sample of so many (`rows`). `auroc`
    is the mean over the groups of at least 50 rows, each against the rest, weighted by rows: 0.5
    tells nothing, 1 everything. The interval is that of DeLong, DeLong and Clarke-Pearson (1988),
    Biometrics 44(3), for customers with several rows as in Obuchowski (1997), Biometrics 53(2).
    """
    rows = []
    for attribute, label in labels.items():
        some, codes, names = _known(label, seed)
        targets, people = _targets(codes, names), np.asarray(customers)[some]
        found, reason = Estimate(*[float("nan")] * 4), ""
        if not len(targets):
            sizes = np.bincount(codes)
            reason = f"needs two groups of {FEWEST_ROWS} rows, found {(sizes >= FEWEST_ROWS).sum()}"
        elif len(pd.unique(people)) < FEWEST_ROWS:
            reason = f"needs {FEWEST_ROWS} customers, found {len(pd.unique(people))}"
        else:
            try:
                encoder = FrameEncoder.fit(X.iloc[some])
            except InputError:
                reason = "needs another column that varies, found none"
            else:
                found = _recovered(encoder, X.iloc[some], codes, targets, people, seed)
        rows.append((attribute, found.value, found.low, found.high, len(some), reason))
    return pd.DataFrame(rows, columns=list(RECOVERED_TYPES)).astype(RECOVERED_TYPES)


def _known(label: pd.Series[Any], seed: int) -> tuple[Codes, Codes, list[str]]:
    """The rows looked at, of which the group is known; their groups as codes; the groups' names."""
    some = np.flatnonzero(~label.isin([MISSING, IMPLAUSIBLE]).to_numpy())
    if len(some) > MOST_ROWS:
        chosen = np.random.default_rng(seed).choice(len(some), MOST_ROWS, replace=False)
        some = some[np.sort(chosen)]
    codes, names = pd.factorize(label.iloc[some].astype(object), sort=True)
    return some, codes.astype(np.intp), [str(name) for name in names]


def _targets(codes: Codes, names: list[str]) -> Codes:
    """The groups to be told: large enough, as are all others together, and of one kind."""
    sizes = np.bincount(codes, minlength=len(names))
    large = (sizes >= FEWEST_ROWS) & (len(codes) - sizes >= FEWEST_ROWS)
    return np.flatnonzero(large & (np.array(names, dtype=object) != OTHER))


def _bins(values: pd.Series[Any], column: Column) -> Codes:
    """Tenths of a number, or the largest categories; one more for what is missing."""
    # So many that each holds enough rows.
    most = min(_MOST_BINS, max(2, len(values) // FEWEST_ROWS))
    if column.kind == "category":
        codes, names = pd.factorize(values.astype(object))
        sizes = np.bincount(codes[codes >= 0], minlength=len(names))
        rank = np.empty(len(names) + 1, dtype=np.intp)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(names))
        rank[-1] = most
        # What is rarer is one; the last are the missing ones.
        return np.where(codes < 0, most, np.minimum(rank[codes], most - 1))
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    known = np.isfinite(numbers)
    if not known.any():
        return np.zeros(len(numbers), dtype=np.intp)
    limits = np.unique(np.quantile(numbers[known], np.arange(1, most) / most))
    return np.where(known, np.searchsorted(limits, numbers, side="left"), most)


def _table(bins: Codes, codes: Codes, groups: int) -> Floats:
    """Rows per bin and group; bins without any are left out."""
    counts = np.bincount(bins * groups + codes, minlength=(bins.max() + 1) * groups)
    table: Floats = counts.reshape(-1, groups).astype(float)
    filled: Floats = table[table.sum(axis=1) > 0]
    return filled


def _strengths(table: Floats) -> Floats:
    """Cramér's V (groups,) of the bins against each group or none of it, corrected for chance.

    >>> _strengths(np.array([[50.0, 0.0], [0.0, 50.0]])).round(2).tolist()
    [1.0, 1.0]
    >>> _strengths(np.array([[50.0, 50.0], [25.0, 25.0]])).tolist()
    [0.0, 0.0]
    """
    bins, n = len(table), table.sum()
    rows, sizes = table.sum(axis=1, keepdims=True), table.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = ((table - rows * sizes / n) ** 2 / rows).sum(axis=0) * n / (sizes * (n - sizes))
        beyond = np.maximum(0, squares - (bins - 1) / (n - 1))
        found = np.sqrt(beyond / min(1 - 1 / (n - 1), bins - 1 - (bins - 1) ** 2 / (n - 1)))
    found = np.minimum(1, found) if bins > 1 else np.zeros(len(sizes))
    return np.asarray(found)


def _recovered(
    encoder: FrameEncoder, X: pd.DataFrame, codes: Codes, targets: Codes, customers: Any, seed: int
) -> Estimate:
    """The AUROC of predicting the group of customers whom the trees have not seen."""
    import lightgbm as lgb

    people, known = pd.factorize(customers)
    fold = np.random.default_rng(seed).permutation(len(known))[people] % _FOLDS
    # Only the groups that count are told apart.
    label = np.full(codes.max() + 1, len(targets))
    label[targets] = np.arange(len(targets))
    y = label[codes]
    classes = int(y.max()) + 1
    # Of two groups, one trees' sum tells both.
    kind = (
        {"objective": "multiclass", "num_class": classes}
        if classes > 2
        else {"objective": "binary"}
    )
    params = {**_PARAMETERS, **kind, "seed": seed}
    rounds = max(_FEWEST_ROUNDS, _TREES // (classes if classes > 2 else 4))
    array = encoder.transform(X)
    data = lgb.Dataset(
        array,
        y,
        params=params,
        categorical_feature=encoder.categorical_indices,
        free_raw_data=False,
    ).construct()
    guess = np.empty((len(y), classes))
    for k in range(_FOLDS):
        part = data.subset(np.flatnonzero(fold != k).tolist())
        booster = lgb.train(params, part, rounds)
        told = np.asarray(booster.predict(array[fold == k], raw_score=True, num_threads=1))
        guess[fold == k] = told if told.ndim == 2 else np.column_stack([-told, told])
    weights = np.bincount(y, minlength=classes)[: len(targets)]
    value, influence = 0.0, np.zeros(len(y))
    for i, weight in enumerate(weights / weights.sum()):
        one, pull = _placed(guess[:, i], y == i)
        value, influence = value + weight * one, influence + weight * pull
    clusters = Clusters(customers)
    found = interval(value, float(clusters.errors(influence)[0]), clusters.count - 1)
    return Estimate(value, max(0.0, found.low), min(1.0, found.high), found.error)


def _placed(guess: Floats, inside: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """AUROC of `guess` (n,), and how each row moves it (n,), with mean 0 (DeLong's placements)."""
    ranks = pd.Series(guess).rank().to_numpy()
    placed = np.empty(len(guess))
    for group in (inside, ~inside):
        own = pd.Series(guess[group]).rank().to_numpy()
        placed[group] = (ranks[group] - own) / (~group).sum()
    placed[~inside] = 1 - placed[~inside]
    auroc = float(placed[inside].mean())
    sizes = np.where(inside, inside.sum(), (~inside).sum())
    return auroc, (placed - auroc) * len(guess) / sizes
