"""What changed since the champion: metrics, who moves between bands, what the model looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.bootstrap import bootstrap
from neigung.evaluation.clusters import Clusters
from neigung.evaluation.few_outcomes import FEWEST_OUTCOMES
from neigung.evaluation.frames import (
    finite,
    interval_numbers,
    plain,
    table_from_dict,
    table_to_dict,
    typed,
)
from neigung.evaluation.metric import ALL_METRICS, OFFER_METRICS
from neigung.evaluation.stability import rank_correlation
from neigung.language import Message
from neigung.language.intervals import amount_text, format_interval, format_number, interval_text
from neigung.language.numbers import number_text, share_text
from neigung.pictures import of_comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.features.feature import Column

SIDES = ("this", "champion")
_METRICS = ["metric", "champion", "this", "difference", "low", "high"]
_MOVES = ["before", "now", "n", "share"]
_IMPORTANCE = [
    *("column", "text_en", "text_de", "this", "champion", "rank_this", "rank_champion"),
]
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("champion", "this", "difference", "low", "high", "share"), float),
    **{"n": int, "rank_this": float, "rank_champion": float},
}
_TABLES = ("metrics", "moves", "importance")

_TEXTS = {
    "better": Message("Better than the champion (version {version}): {metric} {difference}."),
    "worse": Message("Worse than the champion (version {version}): {metric} {difference}."),
    "open": Message(
        "No clear difference to the champion (version {version}): {metric} {difference}, which "
        "may be chance."
    ),
    "same": Message("The same as the champion (version {version}): {metric} {this}."),
    "unknown": Message(
        "Whether this version is better than the champion (version {version}) cannot be told from "
        "this test."
    ),
    "moves": Message("{share} of the customers stay where the champion had put them."),
    "correlation": Message(
        "Both order the customers alike with a rank correlation of {correlation}, where 1 is the "
        "same order."
    ),
}
_MAIN_METRICS = ("auroc", "average_precision", "log_loss", "brier", "policy_value")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A version beside the champion, on the same customers; made by `compare`.

    - `champion`: its version
    - `metrics` (metric, champion, this, difference, low, high): this minus champion with its 95 %
      interval; of offers `policy_value` if known, else empty
    - `moves` (before, now, n, share): how many customers of a band of the champion are in which
      band of this version, also where nobody is; `share` of those of the band `before`; of offers
      the recommended arms
    - `importance` (column, text_en, text_de, this, champion, rank_this, rank_champion): shares of
      the total mean absolute contribution and ranks, the weightiest of this version first; NaN
      where a model does not read the column
    - `correlation`: of the ranks of the scores; NaN when either says the same of everybody
    - `notes`: what to bear in mind, each in English and German
    """

    champion: int
    metrics: pd.DataFrame
    moves: pd.DataFrame
    importance: pd.DataFrame
    correlation: float
    notes: tuple[Message, ...] = ()

    @property
    def stayed(self) -> float:
        """Share of the customers that stay in their band; NaN without customers."""
        same = self.moves[self.moves["before"] == self.moves["now"]]["n"].sum()
        total = self.moves["n"].sum()
        return float(same / total) if total else float("nan")

    def sentences(self, metric: str | None = None, language: str = "en") -> list[str]:
        """What changed, in words: the metric (by default the first known), moves, the order.

        The notes follow.
        """
        told = [self._difference_sentence(metric, language)]
        if self.stayed == self.stayed:
            told.append(_TEXTS["moves"].to(language, share=share_text(self.stayed, language)))
        if self.correlation == self.correlation:
            number = number_text(self.correlation, 2, language)
            told.append(_TEXTS["correlation"].to(language, correlation=number))
        return [*told, *(note.to(language) for note in self.notes)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        return {
            "champion": self.champion,
            "correlation": plain(self.correlation),
            "notes": [list(note.stored()) for note in self.notes],
            **{name: table_to_dict(getattr(self, name)) for name in _TABLES},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        correlation = data["correlation"]
        return cls(
            champion=data["champion"],
            correlation=float("nan") if correlation is None else correlation,
            notes=tuple(Message.read(note) for note in data["notes"]),
            **{name: table_from_dict(data[name], _TYPES) for name in _TABLES},
        )

    def numbers(self) -> dict[str, float]:
        """Every number by name, those that are known.

        `champion.version`, `champion.correlation`, `champion.stayed`, `champion.METRIC` (the
        champion's on this test), `against_champion.METRIC` (this minus champion, with `.low`,
        `.high`), `moves.BEFORE.NOW` (customers), `moves.BEFORE.NOW.share`,
        `importance_change.COLUMN.this`, `.champion`, `.rank_this`, `.rank_champion`.
        """
        values: dict[str, Any] = {
            "champion.version": self.champion,
            "champion.correlation": self.correlation,
            "champion.stayed": self.stayed,
        }
        for row in self.metrics.to_dict("records"):
            values[f"champion.{row['metric']}"] = row["champion"]
            values |= interval_numbers(f"against_champion.{row['metric']}", row, "difference")
        for row in self.moves.to_dict("records"):
            name = f"moves.{row['before']}.{row['now']}"
            values |= {name: row["n"], f"{name}.share": row["share"]}
        for row in self.importance.to_dict("records"):
            for key in ("this", "champion", "rank_this", "rank_champion"):
                values[f"importance_change.{row['column']}.{key}"] = row[key]
        return finite(values)

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{escape(text)}</li>" for text in self.sentences())
        moves = self.moves.pivot_table("n", "before", "now", "sum", sort=False)
        tables = [self.metrics.round(4), moves.astype(int), self.importance.head(10).round(3)]
        shown = "".join(str(t.to_html(border=0, na_rep="–")) for t in tables if len(t))
        return f"<ul>{told}</ul>{shown}"

    def plot_moves(self, language: str = "en") -> Figure:
        """Who moves from which band of the champion to which of this version."""
        return of_comparison.plot_moves(self.moves, self.champion, language)

    def plot_metrics(self, language: str = "en") -> Figure:
        """How the metrics differ from the champion's, with intervals."""
        shown = [ALL_METRICS[name] for name in _MAIN_METRICS]
        return of_comparison.plot_metrics(self.metrics, shown, self.champion, language)

    def plot_importance(self, language: str = "en", most: int = 12) -> Figure:
        """What weighs most now, and what weighed most in the champion."""
        return of_comparison.plot_importance(self.importance, language, most)

    def _difference_sentence(self, metric: str | None, language: str) -> str:
        table = self.metrics if metric is None else self.metrics[self.metrics["metric"] == metric]
        known = table[table["difference"].notna()]
        values: dict[str, str] = {}
        outcome = "unknown"
        if len(known):
            row = known.iloc[0]
            one = ALL_METRICS[str(row["metric"])]
            difference, low, high = (float(row[key]) for key in ("difference", "low", "high"))
            outcome = _outcome(difference, low, high, one.higher_is_better)
            values = {
                "metric": one.text(language),
                "this": format_number(float(row["this"]), language),
                "difference": format_interval((difference, low, high), language, "+"),
            }
            if one.name in OFFER_METRICS:  # Money, which three decimals do not suit.
                values["this"] = amount_text(float(row["this"]), "margin", language)
                lead = (difference, low, high)
                values["difference"] = interval_text(lead, "margin", language, "+")
        return _TEXTS[outcome].to(language, version=self.champion, **values)


def compare(
    champion: int,
    *,
    y: Any,
    groups: Any,
    scores: Mapping[str, Any],
    bands: Mapping[str, Any],
    importance: Mapping[str, Mapping[str, float]],
    columns: Sequence[Column],
    band_order: Sequence[str],
    worth: Mapping[str, Any] | None = None,
    notes: Sequence[Message] = (),
    repetitions: int = 300,
    seed: int = 0,
) -> Comparison:
    """Compare a version (`this`) with the `champion` on the n rows of this version's test.

    `scores`, `bands`, `importance` and `worth` have the keys `this` and `champion`: predictions
    (n,), the band of each row (n,), mean absolute contributions by column in any unit. `y` (n,)
    are the outcomes and `groups` (n,) the customers, who are drawn together. Of offers, `y` is
    None, the scores may be any uplift, the bands are the recommended arms, and `worth` (n,), if
    known, is what each row earns under either choice (doubly robust scores; see `policy_scores`).
    `columns` are those of both models, `band_order` says in which order bands are shown.

    The champion may have been fitted on rows of this test; say so in `notes`.

    Raises InputError when a side or rows are lacking, or a band is not in `band_order`.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(500)
    >>> y = (rng.random(500) < p).astype(float)
    >>> scores = {"this": p, "champion": 0.5 * p + 0.5 * rng.random(500)}
    >>> bands = {side: np.where(p > 0.8, "high", "low") for side, p in scores.items()}
    >>> found = compare(3, y=y, groups=range(500), scores=scores, bands=bands,
    ...                 importance={"this": {}, "champion": {}}, columns=[],
    ...                 band_order=["high", "low"], repetitions=100)
    >>> found.sentences("auroc")[0][:50]
    'Better than the champion (version 3): AUROC +0.104'
    """
    n = len(np.asarray(groups))
    for name, given in (("scores", scores), ("bands", bands), ("worth", worth)):
        if given is not None:
            _check_sides(name, given, n)
    metrics = pd.DataFrame(columns=_METRICS)
    if y is not None:
        result = bootstrap(y, {side: scores[side] for side in SIDES}, groups,
                           repetitions=repetitions, seed=seed, fewest=FEWEST_OUTCOMES)  # fmt: skip
        told = result.table().pivot(index="metric", columns="model", values="value")
        metrics = result.differences("this").rename(columns={"value": "difference"})
        for side in SIDES:
            metrics[side] = told[side].reindex(metrics["metric"]).to_numpy()
    elif worth is not None:
        earned = {side: np.asarray(worth[side], dtype=float) for side in SIDES}
        found = Clusters(groups).mean(earned["this"] - earned["champion"])
        row = ("policy_value", earned["champion"].mean(), earned["this"].mean())
        metrics = pd.DataFrame([(*row, found.value, found.low, found.high)], columns=_METRICS)
    return Comparison(
        champion=champion,
        metrics=typed(metrics[_METRICS], _TYPES),
        moves=typed(_moves(bands, band_order), _TYPES),
        importance=typed(_importance(importance, columns), _TYPES),
        correlation=rank_correlation(scores["this"], scores["champion"]),
        notes=tuple(notes),
    )


def _moves(bands: Mapping[str, Any], order: Sequence[str]) -> pd.DataFrame:
    place = {name: i for i, name in enumerate(order)}
    codes = []
    for side in ("champion", "this"):
        found = pd.Series(np.asarray(bands[side], dtype=object)).map(place)
        if found.isna().any():
            odd = np.asarray(bands[side], dtype=object)[int(np.argmax(found.isna()))]
            raise InputError(f"Bands must be among {', '.join(order)}, but found {odd!r}.")
        codes.append(found.to_numpy(dtype=np.intp))
    k = len(order)
    counts = np.bincount(codes[0] * k + codes[1], minlength=k * k).reshape(k, k)
    rows = [
        (before, now, int(counts[i, j]), counts[i, j] / counts[i].sum() if counts[i].any() else 0.0)
        for i, before in enumerate(order)
        for j, now in enumerate(order)
    ]
    return pd.DataFrame(rows, columns=_MOVES)


def _importance(
    importance: Mapping[str, Mapping[str, float]], columns: Sequence[Column]
) -> pd.DataFrame:
    texts = {column.name: column.stored_text() for column in columns}
    names = list(dict.fromkeys(name for side in SIDES for name in importance[side]))
    table = pd.DataFrame(
        [(name, *texts.get(name, (name, name))) for name in names], columns=_IMPORTANCE[:3]
    )
    for side in SIDES:
        sizes = table["column"].map(pd.Series(importance[side], dtype=float)).abs()
        table[side] = sizes / (sizes.sum() or 1.0)
        table[f"rank_{side}"] = sizes.rank(ascending=False, method="min")
    order = table.assign(
        most=-table["this"].fillna(-1), other=-table["champion"].fillna(-1)
    ).sort_values(["most", "other", "column"], kind="stable")
    return order[_IMPORTANCE].reset_index(drop=True)


def _check_sides(name: str, given: Mapping[str, Any], n: int) -> None:
    for side in SIDES:
        if side not in given or len(given[side]) != n:
            found = f"{len(given[side])}" if side in given else "none"
            raise InputError(
                f"A comparison needs {name} of '{side}' for each of the {n} rows, found {found}."
            )


def _outcome(difference: float, low: float, high: float, higher_is_better: bool) -> str:
    if not low <= high:
        return "unknown"
    if low == high == 0:
        return "same"
    if low <= 0 <= high:
        return "open"
    return "better" if (low > 0) == higher_is_better else "worse"
