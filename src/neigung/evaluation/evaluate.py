"""A model beside its baselines, on the customers of a cutoff that nobody has seen before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from neigung.errors import InputError
from neigung.evaluation.baselines import baseline_text
from neigung.evaluation.metrics import METRICS, bootstrap
from neigung.evaluation.verdict import Verdict, format_interval, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neigung.models.dataset import Dataset

MODEL = "model"

FoldPredictions = tuple[Any, Any, Any, Mapping[str, Any]]

_TABLES = ("metrics", "differences", "folds", "segments", "gains", "calibration")
_SEGMENT_COLUMNS = [
    *("segment", "level", "n", "positives", "model", "metric", "value", "low", "high", "reason"),
]
_FOLD_COLUMNS = ["cutoff", "model", "metric", "value", "low", "high", "reason"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the test cutoff says of a model and its baselines; made by `evaluate`.

    `metric` is the acceptance metric, the tables are frames with 95 % intervals `low`, `high`:
    `metrics` (model, metric, value, low, high, reason), `differences` (baseline, metric, value,
    low, high, best; model minus baseline), `folds` (as `metrics`, with cutoff), `segments` (as
    `metrics`, with segment, level, n, positives; a level too small to be judged has one row with a
    reason), `gains` (model, share, gain, low, high), `calibration` (model, predicted, observed,
    low, high, n).
    """

    cutoff: pd.Timestamp
    metric: str
    n_rows: int
    n_customers: int
    base_rate: float
    repetitions: int
    metrics: pd.DataFrame
    differences: pd.DataFrame
    folds: pd.DataFrame
    segments: pd.DataFrame
    gains: pd.DataFrame
    calibration: pd.DataFrame

    @property
    def models(self) -> list[str]:
        """`model` and the baselines, in order."""
        return list(dict.fromkeys(self.metrics["model"]))

    def value(self, metric: str, model: str = MODEL) -> float:
        """The point estimate of one metric of one model; NaN if it was not computed."""
        rows = self.metrics[(self.metrics["model"] == model) & (self.metrics["metric"] == metric)]
        return float(rows["value"].iloc[0]) if len(rows) else float("nan")

    @property
    def verdict(self) -> Verdict:
        """The judgement in the acceptance metric."""
        rows = self.differences
        row = rows[rows["best"] & (rows["metric"] == self.metric)].iloc[0]
        difference, low, high = (float(row[key]) for key in ("value", "low", "high"))
        baseline = str(row["baseline"])
        return judge(
            METRICS[self.metric],
            baseline,
            (model_text(baseline, "en"), model_text(baseline, "de")),
            (self.value(self.metric), self.value(self.metric, baseline)),
            (difference, low, high),
        )

    def table(self, language: str = "en") -> pd.DataFrame:
        """Metrics (rows) of the models (columns) with intervals, as text, ready to be shown."""
        cells = {
            (name, model): format_interval(numbers, language)
            for model, name, *numbers, _ in self.metrics.itertuples(index=False)
        }
        names = list(dict.fromkeys(self.metrics["metric"]))
        table = pd.DataFrame(
            {
                model_text(model, language): [cells[name, model] for name in names]
                for model in self.models
            },
            index=[METRICS[name].text(language) for name in names],
        )
        best = self.differences[self.differences["best"]].set_index("metric")
        heading = "minus bestes Vergleichsmodell" if language == "de" else "minus best baseline"
        table[heading] = [
            format_interval(best.loc[name, ["value", "low", "high"]], language, "+")
            for name in names
        ]
        return table

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values; NaN becomes None. `from_dict` reads it back."""
        plain = {
            key: getattr(self, key)
            for key in ("metric", "n_rows", "n_customers", "base_rate", "repetitions")
        }
        tables = {name: _table_to_dict(getattr(self, name)) for name in _TABLES}
        verdict = {key: _plain(value) for key, value in asdict(self.verdict).items()}
        return {"cutoff": self.cutoff.isoformat(), **plain, **tables, "verdict": verdict}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        fields = {key: value for key, value in data.items() if key not in ("cutoff", "verdict")}
        fields |= {name: _table_from_dict(data[name]) for name in _TABLES}
        return cls(cutoff=pd.Timestamp(data["cutoff"]), **fields)

    def _repr_html_(self) -> str:
        from html import escape

        facts = (
            f"{self.n_rows:,} rows, {self.n_customers:,} customers, base rate "
            f"{self.base_rate:.1%}, cutoff {self.cutoff:%Y-%m-%d}, 95 % intervals"
        )
        table = self.table().to_html(border=0)
        return f"<p><b>{escape(self.verdict.text_en)}</b></p><p>{facts}</p>{table}"

    def figures(self, language: str = "en") -> dict[str, Figure]:
        """All pictures by name, as a training logs them."""
        return {
            "gains": self.plot_gains(language),
            "calibration": self.plot_calibration(language),
            "metrics": self.plot_metrics(language),
            "folds": self.plot_folds(language),
        }

    def plot_gains(self, language: str = "en") -> Figure:
        """Share of the positives found when the best are addressed first."""
        from neigung.evaluation.plots import plot_gains

        return plot_gains(self, language)

    def plot_calibration(self, language: str = "en") -> Figure:
        """Predicted against observed rates, with bands."""
        from neigung.evaluation.plots import plot_calibration

        return plot_calibration(self, language)

    def plot_metrics(self, language: str = "en") -> Figure:
        """The main metrics of the model and its baselines, with intervals."""
        from neigung.evaluation.plots import plot_metrics

        return plot_metrics(self, language)

    def plot_folds(self, language: str = "en") -> Figure:
        """The acceptance metric over the cutoffs of the folds and the test."""
        from neigung.evaluation.plots import plot_folds

        return plot_folds(self, language)


def evaluate(
    test: Dataset,
    predictions: Mapping[str, Any],
    metric: str = "average_precision",
    folds: Sequence[FoldPredictions] = (),
    segments: pd.DataFrame | None = None,
    repetitions: int = 500,
    seed: int = 0,
    smallest_segment: int = 50,
    most_levels: int = 12,
) -> Evaluation:
    """Compares the model with its baselines on the rows of `test`, with bootstrap intervals.

    `predictions` has the key `model` and one per baseline, each probabilities (n,) in the order of
    `test`. `folds` are tuples (cutoff, y, groups, predictions) of earlier cutoffs. `segments` (n
    rows in the order of `test`) holds categorical columns; of each, the `most_levels` largest
    levels are judged one by one and the rest as "(other)", a missing value is "(missing)"; levels
    with fewer than `smallest_segment` rows or only one outcome are listed with the reason.

    Raises InputError when the model, every baseline or rows are lacking, or the metric is unknown.
    """
    if MODEL not in predictions or len(predictions) < 2:
        raise InputError(
            f"An evaluation needs predictions of '{MODEL}' and of at least one baseline, "
            f"but found {', '.join(predictions) or 'none'}."
        )
    if metric not in METRICS:
        raise InputError(f"The acceptance metric must be among {', '.join(METRICS)}, not {metric}.")
    if segments is not None and len(segments) != len(test.frame):
        raise InputError(
            f"Segments need one row for each of the {len(test.frame)} test rows, "
            f"but found {len(segments)}."
        )
    y, groups = np.asarray(test.y, dtype=float), np.asarray(test.groups)
    result = bootstrap(y, predictions, groups, repetitions=repetitions, seed=seed)
    differences = result.differences(MODEL)
    best = differences[differences["best"] & (differences["metric"] == metric)]["baseline"].iloc[0]

    parts = [pd.DataFrame(columns=_FOLD_COLUMNS)]
    for cutoff, fold_y, fold_groups, fold_predictions in folds:
        one = bootstrap(
            fold_y, fold_predictions, fold_groups, repetitions=repetitions, seed=seed
        ).table()
        parts.append(one.assign(cutoff=pd.Timestamp(cutoff))[_FOLD_COLUMNS])

    both = {name: np.asarray(predictions[name], dtype=float) for name in (MODEL, best)}
    rows = []
    columns = {} if segments is None else dict(segments.items())
    for name, column in columns.items():
        for level, inside in _levels(column, most_levels):
            table = _segment_table(
                y[inside],
                {model: p[inside] for model, p in both.items()},
                groups[inside],
                metric,
                # Segments are many and read at a glance.
                min(repetitions, 200),
                seed,
                smallest_segment,
            )
            counts = {"n": int(inside.sum()), "positives": int(y[inside].sum())}
            rows.append(table.assign(segment=str(name), level=level, **counts)[_SEGMENT_COLUMNS])

    return Evaluation(
        cutoff=pd.Timestamp(test.frame["cutoff"].max()),
        metric=metric,
        n_rows=len(y),
        n_customers=len(pd.unique(groups)),
        base_rate=float(y.mean()),
        repetitions=result.repetitions,
        metrics=result.table(),
        differences=differences,
        folds=_typed(pd.concat(parts[1:] or parts, ignore_index=True)),
        segments=_typed(pd.concat(rows, ignore_index=True))
        if rows
        else _typed(pd.DataFrame(columns=_SEGMENT_COLUMNS)),
        gains=result.gains(),
        calibration=result.calibration(),
    )


def activity_segment(
    days_since_last_order: Any,
    days_since_first_order: Any,
    new_within_days: float = 90,
    dormant_after_days: float = 90,
) -> pd.Categorical[Any]:
    """`new`, `active` or `dormant` for each customer, from days before the cutoff (n,).

    New: first order at most `new_within_days` ago. Dormant: not new, and last order more than
    `dormant_after_days` ago, or no order known. Active: everybody else.

    >>> list(activity_segment([5, 5, 200, float("nan")], [20, 400, 400, float("nan")]))
    ['new', 'active', 'dormant', 'dormant']
    """
    last, first = (
        np.asarray(v, dtype=float) for v in (days_since_last_order, days_since_first_order)
    )
    segment = np.where(last <= dormant_after_days, "active", "dormant")
    segment = np.where(first <= new_within_days, "new", segment)
    return pd.Categorical(segment, categories=["new", "active", "dormant"])


def model_text(name: str, language: str = "en") -> str:
    """The name of the model or a baseline for readers.

    >>> model_text("model", "de"), model_text("bg_nbd")
    ('Modell', 'BG/NBD')
    """
    if name == MODEL:
        return "Modell" if language == "de" else "model"
    return baseline_text(name, language)


def _levels(column: pd.Series[Any], most: int) -> list[tuple[str, Any]]:
    """The levels of a segment column, largest first, each with its rows."""
    text = column.astype(object).where(column.notna(), "(missing)").map(str)
    counts = text.value_counts(sort=True)
    # Ties in size are broken by name, so that the order never depends on the rows'.
    names = sorted(counts.index, key=lambda level: (-counts[level], level))
    if len(names) > most:
        text = text.where(text.isin(names[:most]), "(other)")
        names = [*names[:most], "(other)"]
    return [(name, (text == name).to_numpy()) for name in names]


def _segment_table(
    y: Any, predictions: Any, groups: Any, metric: str, repetitions: int, seed: int, smallest: int
) -> pd.DataFrame:
    reason = ""
    if len(y) < smallest:
        reason = f"needs {smallest} rows, found {len(y)}"
    elif len(np.unique(y)) < 2:
        reason = f"needs both outcomes, found only {int(y[0])}"
    if not reason:
        return bootstrap(y, predictions, groups, repetitions=repetitions, seed=seed).table()
    row = {"model": MODEL, "metric": metric, "value": np.nan, "low": np.nan, "high": np.nan}
    return pd.DataFrame([{**row, "reason": reason}])


def _plain(value: Any) -> Any:
    """A cell as JSON knows it."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _table_to_dict(table: pd.DataFrame) -> dict[str, Any]:
    rows = [[_plain(value) for value in row] for row in table.itertuples(index=False)]
    return {"columns": list(table.columns), "rows": rows}


def _table_from_dict(data: Mapping[str, Any]) -> pd.DataFrame:
    return _typed(pd.DataFrame(data["rows"], columns=data["columns"]))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The column types of all tables, which an empty frame or JSON do not know."""
    types: dict[str, Any] = dict.fromkeys(
        ("value", "low", "high", "share", "gain", "predicted", "observed"), float
    )
    types |= {"n": int, "positives": int, "best": bool, "cutoff": "datetime64[us]"}
    return table.astype({name: kind for name, kind in types.items() if name in table})
