"""Whether a model stands on firm ground: drift, leaks, and how much of it is the seed's doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.bootstrap import measure
from neigung.evaluation.frames import finite, table_from_dict, table_to_dict, typed
from neigung.evaluation.metric import METRICS
from neigung.evaluation.psi import FEWEST_ROWS, SOME, STRONG, Bins, psi, psi_by_chance, shift_level
from neigung.language import Message
from neigung.pictures import of_stability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.features.feature import Column

Floats = npt.NDArray[np.float64]

SCORE = "score"
"""The row of `Stability.drift` that is about the prediction itself."""

SCORE_TEXT = Message("The prediction itself")

AGAINST = ("test", "now")

TOO_MUCH = 0.4
"""From this share of all contributions on, one column explains too much to go unquestioned: a
reviewer must be able to say why it may. With 20 columns of equal weight each has 0.05."""

TOO_CLEAR = 0.95
"""From this AUROC on, a column alone separates the outcomes so well that it may have been written
after them: what predicts surprisingly well is to be looked at first, advise Kaufman et al. (2012),
"Leakage in data mining: formulation, detection, and avoidance", ACM TKDD 6(4)."""

FEWEST_OUTCOMES = 10
"""With fewer outcomes of either kind, columns without any meaning reach such an AUROC by chance."""

TOP = 0.1
"""The share of the customers, best first, that other seeds should find as well."""

_DRIFT = [
    *("column", "text_en", "text_de", "against", "psi", "chance", "level"),
    *("missing_before", "missing_after"),
]
_SEEDS = ["seed", "registered", "metric", "value", "correlation", "same_top"]
_LEAKS = ["column", "text_en", "text_de", "share", "auroc", "suspicious"]
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("psi", "chance", "missing_before", "missing_after"), float),
    **dict.fromkeys(("value", "correlation", "same_top", "share", "auroc"), float),
    **{"seed": int, "registered": bool, "suspicious": bool},
}
_TABLES = ("drift", "seeds", "leaks")


@dataclass(frozen=True, eq=False)
class Stability:
    """How firm the ground is that a model stands on; made by `assess_stability`.

    - `drift`: a row per column and comparison, the prediction itself first (column `score`):
      column, text_en, text_de, against (`test`, or `now`: the newest customers), psi (population
      stability index against the newest training rows), chance (what chance alone can reach),
      level (`none`, `some`, `strong`, `unknown`: too few rows), missing_before, missing_after
      (shares). Levels and limits are explained in `neigung.evaluation.psi`.
    - `seeds`: the model beside the same with other seeds: seed, registered (bool), metric, value,
      correlation (of ranks, with the registered model's scores), same_top (share of its top tenth
      that stays in the top tenth). May be empty.
    - `leaks`: a row per column, the weightiest first: column, text_en, text_de, share (of the total
      mean absolute contribution), auroc (how well the column alone separates the outcomes of the
      test; NaN for offers and where outcomes are too few), suspicious (share from 0.4 or AUROC
      from 0.95 on)
    """

    drift: pd.DataFrame
    seeds: pd.DataFrame
    leaks: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        return {name: table_to_dict(getattr(self, name)) for name in _TABLES}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{name: table_from_dict(data[name], _TYPES) for name in _TABLES})

    def numbers(self) -> dict[str, float]:
        """Every number by name, those that are known.

        `drift.COLUMN.test` and `drift.COLUMN.now` (the index), these with `.chance`,
        `.missing_before` and `.missing_after`; `seed.SEED.value`, `.correlation`, `.same_top`;
        `leak.COLUMN.share`, `.auroc`. The prediction's COLUMN is `score`.
        """
        values: dict[str, Any] = {}
        for row in self.drift.to_dict("records"):
            name = f"drift.{row['column']}.{row['against']}"
            values[name] = row["psi"]
            for key in ("chance", "missing_before", "missing_after"):
                values[f"{name}.{key}"] = row[key]
        for table, kind, key, keys in (
            (self.seeds, "seed", "seed", ("value", "correlation", "same_top")),
            (self.leaks, "leak", "column", ("share", "auroc")),
        ):
            for row in table.to_dict("records"):
                values |= {f"{kind}.{row[key]}.{what}": row[what] for what in keys}
        return finite(values)

    def _repr_html_(self) -> str:
        levels = (self.drift["against"] + " " + self.drift["level"]).value_counts(sort=False)
        counts = ", ".join(f"{level}: {n}" for level, n in levels.items())
        named = ["text_en", "against", "psi", "chance", "level"]
        drift = self.drift.sort_values("psi", ascending=False, kind="stable")[named]
        return f"<p>Columns by drift: {escape(counts) or 'not examined'}</p>" + "".join(
            str(table.head(10).to_html(border=0, index=False, na_rep="–"))
            for table in (drift, self.leaks.drop(columns=["column", "text_de"]), self.seeds)
            if len(table)
        )

    def plot_drift(self, language: str = "en", most: int = 15) -> Figure:
        """The columns that moved most, with the limits in words."""
        return of_stability.plot_drift(self.drift, (SOME, STRONG), language, most)

    def plot_leaks(self, language: str = "en", most: int = 15) -> Figure:
        """The weightiest columns: how much each explains, and how well it does so alone."""
        return of_stability.plot_leaks(self.leaks, (TOO_MUCH, TOO_CLEAR), language, most)

    def plot_seeds(self, language: str = "en") -> Figure:
        """The model beside the same with other seeds."""
        names = set(self.seeds["metric"]) & set(METRICS)
        metric = METRICS[names.pop()] if names else None
        return of_stability.plot_seeds(self.seeds, metric, language)


def assess_stability(
    before: pd.DataFrame,
    after: Mapping[str, pd.DataFrame],
    columns: Sequence[Column],
    *,
    scores: Mapping[str, Any],
    importance: Mapping[str, float],
    train_y: Any = None,
    test_y: Any = None,
    seeds: pd.DataFrame | None = None,
) -> Stability:
    """Compare the rows a model was fitted on with those of the test and of today.

    `before` (n rows) are those of the newest training cutoffs, never of the test; `after` has the
    keys `test` and, when there are newer customers, `now`; all hold the `columns`. `scores` are
    the predictions for `before` and for each of `after`; those for `before` should come from a
    model that was not fitted on these rows, or it is more sure of them, which looks like drift.
    `importance` is the mean absolute
    contribution by column, in any unit. `train_y` (n,) and `test_y` are the outcomes of `before`
    and of the test, 0 or 1; without them no column is judged by what it tells alone. `seeds` is
    made by `seed_table`.

    A column's AUROC is that of its ranks on the test, either way round, or, if larger, that of the
    rates that its deciles or levels had in `before`; missing values count as a value.

    Raises InputError when a column, a score or an outcome is lacking.

    >>> from neigung.features.feature import Column
    >>> days = Column("days", "days", None, "days", "rhythm", "number", "Days.", "Tage.")
    >>> rows = pd.DataFrame({"days": np.arange(400.0)})
    >>> scores = {"before": rows["days"], "test": rows["days"] + 100}
    >>> stability = assess_stability(rows, {"test": rows + 200}, [days], scores=scores,
    ...                              importance={"days": 2.0})
    >>> stability.drift[["column", "level"]].values.tolist(), stability.leaks["share"].tolist()
    ([['score', 'strong'], ['days', 'strong']], [1.0])
    """
    frames = {"before": before, **after}
    _check(frames, columns, scores, train_y, test_y)
    sizes = {name: len(frame) for name, frame in frames.items()}
    comparisons = (len(columns) + 1) * len(after)
    drift: list[dict[str, Any]] = []
    leaks: list[dict[str, Any]] = []
    total = sum(abs(importance.get(column.name, 0.0)) for column in columns)
    judged = _countable(train_y) and _countable(test_y)
    own = {name: pd.Series(np.asarray(scores[name], dtype=float)) for name in frames}
    texts = _texts(SCORE, SCORE_TEXT.stored())
    drift += _shifts(texts, own, sizes, comparisons)[0]
    for column in columns:
        texts = _texts(column.name, column.stored_text())
        values = {name: frame[column.name] for name, frame in frames.items()}
        rows, codes = _shifts(texts, values, sizes, comparisons)
        drift += rows
        share = abs(importance.get(column.name, 0.0)) / total if total else 0.0
        auroc = float("nan")
        if judged and "test" in codes:
            auroc = _alone(values["test"], codes["before"], codes["test"], train_y, test_y)
        suspicious = share >= TOO_MUCH or auroc >= TOO_CLEAR
        leaks.append({**texts, "share": share, "auroc": auroc, "suspicious": suspicious})
    leaks.sort(key=lambda row: (-row["share"], row["column"]))
    return Stability(
        typed(pd.DataFrame(drift, columns=_DRIFT), _TYPES),
        typed(pd.DataFrame(columns=_SEEDS) if seeds is None else seeds[_SEEDS], _TYPES),
        typed(pd.DataFrame(leaks, columns=_LEAKS), _TYPES),
    )


def _texts(name: str, text: tuple[str, str]) -> dict[str, str]:
    return {"column": name, "text_en": text[0], "text_de": text[1]}


def seed_table(
    metric: str | None,
    registered_scores: Any,
    others: Mapping[int, Any],
    y: Any = None,
    *,
    registered_seed: int = 0,
) -> pd.DataFrame:
    """The registered model beside the same model with other seeds, on the same rows.

    Scores (n,) for the same rows in one order, `others` by seed; `y` (n,) their outcomes, or None
    for offers, whose uplift nobody observes: then there is no value. Columns as in
    `Stability.seeds`; the correlation is Spearman's. Raises InputError when the lengths differ.

    >>> scores = np.linspace(0, 1, 100)
    >>> table = seed_table(None, scores, {8: scores**2, 9: 1 - scores}, registered_seed=7)
    >>> table[["seed", "correlation", "same_top"]].values.tolist()
    [[7.0, 1.0, 1.0], [8.0, 1.0, 1.0], [9.0, -1.0, 0.0]]
    """
    if metric is not None and metric not in METRICS:
        raise InputError(f"A metric among {', '.join(METRICS)} is needed, but found {metric}.")
    registered = np.asarray(registered_scores, dtype=float)
    rows: list[dict[str, Any]] = []
    for seed, given in [(registered_seed, registered), *others.items()]:
        scores = np.asarray(given, dtype=float)
        if scores.shape != registered.shape or scores.ndim != 1:
            raise InputError(
                f"Seeds are compared on the same rows, but seed {seed} has scores of shape "
                f"{scores.shape} and the registered model of {registered.shape}."
            )
        value = float("nan") if y is None or metric is None else measure(y, scores)[metric]
        rows.append(
            {
                "seed": seed,
                "registered": not rows,
                "metric": metric,
                "value": value,
                "correlation": rank_correlation(registered, scores),
                "same_top": _same_top(registered, scores),
            }
        )
    return typed(pd.DataFrame(rows, columns=_SEEDS), _TYPES)


def rank_correlation(one: Any, other: Any) -> float:
    """Spearman's correlation of two vectors; NaN when either is constant.

    >>> rank_correlation([1, 2, 3], [1, 10, 100]), rank_correlation([1, 2, 3], [5, 5, 5])
    (1.0, nan)
    """
    if len(one) < 2:
        return float("nan")
    ranks = [pd.Series(np.asarray(v, dtype=float)).rank().to_numpy() for v in (one, other)]
    ranks = [v - v.mean() for v in ranks]
    squares = [float(np.einsum("i,i->", v, v)) for v in ranks]
    if not min(squares) > 0:
        return float("nan")
    return float(np.einsum("i,i->", *ranks) / np.sqrt(squares[0] * squares[1]))


def _shifts(
    texts: Mapping[str, str],
    values: Mapping[str, pd.Series[Any]],
    sizes: Mapping[str, int],
    comparisons: int,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of `drift` about one column, and the bin of each of its values by frame."""
    bins = Bins.of(values["before"])
    codes = {name: bins.codes(column) for name, column in values.items()}
    counts = {name: np.bincount(found, minlength=bins.count) for name, found in codes.items()}
    missing = {name: float(one[-1] / max(1, sizes[name])) for name, one in counts.items()}
    rows = []
    for name in values:
        if name == "before":
            continue
        index = chance = float("nan")
        if min(sizes["before"], sizes[name]) >= FEWEST_ROWS:
            index, filled = psi(counts["before"], counts[name])
            chance = psi_by_chance(filled, sizes["before"], sizes[name], comparisons)
        numbers = (name, index, chance, shift_level(index, chance))
        gaps = (missing["before"], missing[name])
        rows.append(dict(zip(_DRIFT, (*texts.values(), *numbers, *gaps), strict=True)))
    return rows, codes


def _alone(values: pd.Series[Any], train: Any, test: Any, train_y: Any, test_y: Any) -> float:
    """AUROC of one column on the test; `train` and `test` are the bins of its values."""
    y, learned = np.asarray(test_y, dtype=float), np.asarray(train_y, dtype=float)
    size = int(max(train.max(), test.max())) + 1
    hits, rows = np.bincount(train, learned, size), np.bincount(train, minlength=size)
    # Drawn to the mean by the weight of ten rows, or rare levels would seem sure of themselves.
    rates = (hits + 10 * learned.mean()) / (rows + 10)
    by_bin = _auroc(rates[test], y)
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return by_bin
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    ranked = _auroc(np.where(np.isnan(numbers), -np.inf, numbers), y)
    return max(by_bin, ranked, 1 - ranked)


def _auroc(values: Floats, y: Floats) -> float:
    """Area under the ROC curve; equal values count half."""
    order = np.argsort(values)
    ranked, hits = values[order], np.cumsum(y[order])
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(y) - 1)
    positives = np.diff(hits[ends], prepend=0)
    negatives = np.diff(ends + 1, prepend=0) - positives
    below = np.cumsum(negatives) - negatives
    wins = float(np.sum(positives * (below + negatives / 2)))
    return wins / float(hits[-1] * (len(y) - hits[-1]))


def _same_top(registered: Floats, scores: Floats) -> float:
    """Share of the registered model's top tenth that is in the other's; ties in proportion."""
    size = max(1, round(TOP * len(registered)))
    chosen = []
    for values in (registered, scores):
        limit = np.partition(values, -size)[-size]
        above, equal = values > limit, values == limit
        chosen.append(above + equal * (size - above.sum()) / equal.sum())
    return float(np.minimum(*chosen).sum() / size)


def _countable(y: Any) -> bool:
    """Whether there are outcomes, and enough of both kinds."""
    if y is None or len(y) < FEWEST_ROWS:
        return False
    hits = float(np.sum(np.asarray(y, dtype=float)))
    return min(hits, len(y) - hits) >= FEWEST_OUTCOMES


def _check(
    frames: Mapping[str, pd.DataFrame],
    columns: Sequence[Column],
    scores: Mapping[str, Any],
    train_y: Any,
    test_y: Any,
) -> None:
    if unknown := [name for name in frames if name not in ("before", *AGAINST)]:
        raise InputError(f"Rows are compared with 'test' and 'now', but found '{unknown[0]}'.")
    outcomes = {"before": train_y, "test": test_y}
    for name, frame in frames.items():
        lacking = [column.name for column in columns if column.name not in frame]
        if lacking:
            raise InputError(
                f"The rows '{name}' need all {len(columns)} columns of the model, but lack "
                f"{', '.join(lacking[:5])}{', …' if len(lacking) > 5 else ''}."
            )
        if name not in scores or len(scores[name]) != len(frame):
            found = f"{len(scores[name])}" if name in scores else "none"
            raise InputError(f"{len(frame)} rows '{name}' need as many scores, but found {found}.")
        y = outcomes.get(name)
        if y is not None and len(y) != len(frame):
            raise InputError(f"{len(frame)} rows '{name}' need as many outcomes, found {len(y)}.")
